"""The bad network of the other tests is as bad as it says, and no worse."""

import socket
import threading
import time
from contextlib import closing

import pytest

from caller import wait_until
from impaired_link import OVERTAKEN, Impairment, Link, StreamLink
from impaired_network import ImpairedNetwork


def arrivals(impairment: Impairment, count: int, seed: str = "7", interval: float = 0.001, size: int = 1000):
    """When each packet arrives, of which one is sent each interval."""
    link = Link(impairment, seed)
    return [link.send(number * interval, size) for number in range(count)]


def test_a_lossy_link_loses_its_share_and_the_same_packets_for_the_same_seed():
    lossy = Impairment(loss=0.05)
    first = arrivals(lossy, 20_000)
    assert 0.045 < first.count(None) / len(first) < 0.055
    assert arrivals(lossy, 20_000) == first
    assert arrivals(lossy, 20_000, seed="8") != first


def test_what_is_lost_changes_no_other_packet():
    slow = Impairment(delay=0.05, jitter=0.02)
    whole, lossy = arrivals(slow, 500), arrivals(Impairment(delay=0.05, jitter=0.02, loss=0.3), 500)
    # Which is behind whom in the queue of jitter may be another, but none is earlier than it would have been alone.
    assert all(left is None or left <= right for left, right in zip(lossy, whole, strict=True))
    assert 100 < lossy.count(None) < 200


def test_jitter_delays_within_its_bounds_and_overtakes_nobody():
    interval = 0.01
    times = arrivals(Impairment(delay=0.05, jitter=0.02), 1000, interval=interval)
    assert times == sorted(times)
    delays = [arrival - number * interval for number, arrival in enumerate(times)]
    assert 0.05 - 1e-9 <= min(delays) < 0.053 and 0.067 < max(delays) <= 0.07 + 1e-9


def test_a_reordered_packet_is_overtaken():
    times = arrivals(Impairment(delay=0.05, reordering=0.02), 5000)
    late = [number for number, arrival in enumerate(times) if arrival - number * 0.001 > 0.05 + OVERTAKEN / 2]
    assert 60 < len(late) < 140
    assert all(times[number] > times[number + 10] for number in late if number + 10 < 5000 and number + 10 not in late)


def test_a_slow_link_fills_its_queue_and_then_loses():
    """8 Mbit/s are sent through 2: a quarter arrives, nothing waits longer than the queue, and afterwards it is empty."""
    link = Link(Impairment(rate=2e6, queue=0.3), "1")
    times = [link.send(number * 0.001, 1000) for number in range(4000)]
    arrived = [(number * 0.001, at) for number, at in enumerate(times) if at is not None]
    assert 4 * 250 <= len(arrived) <= 4.4 * 250
    assert max(at - sent for sent, at in arrived) <= 0.3 + 1000 * 8 / 2e6
    assert link.overflowed == 4000 - len(arrived) and link.lost == 0
    assert link.send(10, 1000) == 10 + 1000 * 8 / 2e6


def test_a_stream_keeps_its_order_when_its_delay_falls():
    link = StreamLink(Impairment(delay=0.2, loss=1, rate=1e6))
    first = link.send(0, 1250)
    link.impairment = Impairment(delay=0.01)
    assert first == pytest.approx(0.21) and link.send(0.001, 10) == first and link.send(1, 10) == pytest.approx(1.01)


# ---- The router itself, between real sockets

@pytest.fixture
def network():
    with closing(ImpairedNetwork("router")) as network:
        yield network


def echo(server: socket.socket) -> None:
    """Answers datagrams, and what it reads from one connection, as they are."""
    if server.type == socket.SOCK_DGRAM:
        while True:
            data, address = server.recvfrom(2048)
            if not data:
                return
            server.sendto(data, address)
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def echo_port(network: ImpairedNetwork, kind: socket.SocketKind):
    """Where something listens that answers, and the router before it."""
    server = socket.socket(socket.AF_INET, kind)
    server.bind((network.client_address, 0))
    if kind == socket.SOCK_STREAM:
        server.listen(1)
    threading.Thread(target=echo, args=(server,), daemon=True).start()
    port = server.getsockname()[1]
    network.serve(f"{port}-{port}")
    return port


def test_datagrams_are_delayed_and_lost_on_both_ways(network):
    port = echo_port(network, socket.SOCK_DGRAM)
    bad = Impairment(loss=0.2, delay=0.05)
    network.impair(bad, bad)
    count, sent, answered = 1000, {}, {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((network.address, port))

        def listen() -> None:
            while True:
                try:
                    number = int(client.recv(100))
                except TimeoutError:
                    return
                answered[number] = time.monotonic()

        listener = threading.Thread(target=listen)
        listener.start()
        for number in range(count):
            sent[number] = time.monotonic()
            client.send(str(number).encode())
            time.sleep(0.0005)
        listener.join()
        up, down = (network.datagrams(way, client.getsockname()[1]) for way in ("up", "down"))
    assert up.packets == count and down.packets == up.passed and down.passed == len(answered)
    assert 0.56 * count < len(answered) < 0.72 * count
    assert min(answered[number] - sent[number] for number in answered) >= 0.1


def test_a_stream_arrives_whole_late_and_at_the_rate(network):
    port = echo_port(network, socket.SOCK_STREAM)
    slow = Impairment(delay=0.05, rate=8e6)
    network.impair(slow, Impairment(delay=0.05))
    data = bytes(number % 251 for number in range(500_000))
    began = time.monotonic()
    with socket.create_connection((network.address, port), timeout=10) as client:
        threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR))).start()
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    assert answer == data
    assert time.monotonic() - began >= 0.6
    assert network.stream_bytes("up") == network.stream_bytes("down") == len(data)


def test_a_closed_way_leads_nowhere_and_a_client_can_come_from_elsewhere(network):
    port = echo_port(network, socket.SOCK_DGRAM)
    network.open("udp")
    with pytest.raises(OSError), socket.create_connection((network.address, port), timeout=5) as stream:
        stream.sendall(b"?")
        if not stream.recv(1):
            raise ConnectionError("the router ended it")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.05)
        client.connect((network.address, port))

        def is_answered() -> bool:
            client.send(b"?")
            try:
                return client.recv(10) == b"?"
            except TimeoutError:
                return False

        wait_until(is_answered, 5, "an answer")
        network.open("tcp")
        wait_until(lambda: not is_answered(), 5, "the answers end")
        network.open("udp", "tcp")
        network.rebind(client.getsockname()[1])
        wait_until(is_answered, 5, "an answer to another port")
