"""Engine.IO and Socket.IO on the wire, through nginx, byte by byte."""

import base64
import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_websocket

POLLING = "/socket.io/?EIO=4&transport=polling"


def ask(stack, method: str, target: str, body: str | None = None, headers: dict | None = None):
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=10)
    connection.request(method, target, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer.headers


def handshake(stack, path: str = POLLING) -> str:
    status, text, _ = ask(stack, "GET", path)
    assert status == 200 and text[0] == "0"
    return json.loads(text[1:])["sid"]


def websocket(stack, query: str):
    return open_websocket(f"ws://{urlsplit(stack.url).netloc}/socket.io/?{query}")


def enter(stack, namespace: str = "/echo") -> str:
    """A session that is in the namespace, by polling."""
    sid = handshake(stack)
    assert ask(stack, "POST", f"{POLLING}&sid={sid}", f"40{namespace},")[:2] == (200, "ok")
    seen = ""
    while "auth" not in seen:
        seen += ask(stack, "GET", f"{POLLING}&sid={sid}")[1]
    return sid


def test_the_handshake_names_the_gateway_and_tells_the_heartbeat(stack):
    status, text, headers = ask(stack, "GET", POLLING)
    opened = json.loads(text[1:])
    assert status == 200
    assert opened["sid"].split(".")[0] in ("g0", "g1") and len(opened["sid"].split(".")[1]) == 20
    assert (opened["upgrades"], opened["pingInterval"], opened["pingTimeout"]) == (["websocket"], 1000, 2000)
    assert opened["maxPayload"] == 1_000_000
    assert headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("method, target", [
    ("GET", "/socket.io/?transport=polling"), ("GET", "/socket.io/?EIO=3&transport=polling"),
    ("GET", "/socket.io/?EIO=4"), ("GET", "/socket.io/?EIO=4&transport=abc"), ("POST", POLLING), ("PUT", POLLING),
    ("GET", POLLING + "&sid=nobody"), ("GET", POLLING + "&sid=g0.AAAAAAAAAAAAAAAAAAAA"),
    ("POST", POLLING + "&sid=g7.AAAAAAAAAAAAAAAAAAAA"), ("GET", POLLING + "&sid=g0.127.0.0.1:80/"),
])
def test_a_wrong_request_is_answered_with_400_and_its_code(stack, method, target):
    status, text, _ = ask(stack, method, target)
    assert status == 400
    assert set(json.loads(text)) == {"code", "message"}


def test_two_polls_at_once_end_the_session(stack):
    sid = enter(stack)
    answers = []

    def poll() -> int:
        answers.append(ask(stack, "GET", f"{POLLING}&sid={sid}")[:2])
        return answers[-1][0]

    drain(stack, sid)
    thread = threading.Thread(target=poll)
    thread.start()
    # Whichever comes second is refused; the other one is told the end.
    while poll() == 200:
        pass
    thread.join()
    assert (200, "1") in answers
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400


def drain(stack, sid: str) -> None:
    """Answers one ping, so that nothing is due for a second."""
    while ask(stack, "GET", f"{POLLING}&sid={sid}")[1] != "2":
        pass
    assert ask(stack, "POST", f"{POLLING}&sid={sid}", "3")[0] == 200


def test_a_poll_that_is_cut_ends_the_session(stack):
    sid = handshake(stack)
    # To the gateway itself: nginx may not pass a request on whose client has gone.
    gateway = stack.variables["ROOST_GATEWAY_URLS"].split(",")[int(sid[1])]
    address = urlsplit(gateway)
    peer = socket.create_connection((address.hostname, address.port))
    peer.sendall(f"GET {POLLING}&sid={sid} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    peer.close()
    deadline = time.monotonic() + 10
    # Pongs, so that nothing but the cut ends it.
    while ask(stack, "POST", f"{POLLING}&sid={sid}", "3")[0] != 400:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("body", ["abc", "", "4", "2", "4x[]", "42[]", "42/echo,{}", '42["message"]'])
def test_a_malformed_post_ends_the_session(stack, body):
    sid = enter(stack)
    ask(stack, "POST", f"{POLLING}&sid={sid}", body)
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400


def test_a_body_over_the_bound_is_refused_and_ends_the_session(stack):
    sid = enter(stack)
    status, _, _ = ask(stack, "POST", f"{POLLING}&sid={sid}", "4" + "x" * 1_000_000)
    assert status == 413
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400


def test_a_client_that_answers_no_ping_is_ended(stack):
    sid = handshake(stack)
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[1] == "2"
    # Nothing more comes but the end: the poll is answered with a close.
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[1] == "1"
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400


def test_binary_travels_by_polling_both_ways(stack):
    sid = enter(stack)
    attachment = base64.b64encode(bytes(range(256))).decode()
    body = '451-/echo,["message",{"_placeholder":true,"num":0}]\x1eb' + attachment
    assert ask(stack, "POST", f"{POLLING}&sid={sid}", body)[:2] == (200, "ok")
    seen = []
    while len([packet for packet in seen if packet != "2"]) < 2:
        seen += ask(stack, "GET", f"{POLLING}&sid={sid}")[1].split("\x1e")
    assert [packet for packet in seen if packet != "2"] == [
        '451-/echo,["message-back",{"_placeholder":true,"num":0}]', "b" + attachment]


def test_a_websocket_takes_over_and_nothing_is_lost(stack):
    sid = enter(stack)
    with websocket(stack, f"EIO=4&transport=websocket&sid={sid}") as upgraded:
        upgraded.send("2probe")
        assert upgraded.recv(10) == "3probe"
        assert ask(stack, "POST", f"{POLLING}&sid={sid}", '42/echo,["message","before"]')[1] == "ok"
        upgraded.send("5")
        upgraded.send('42/echo,["message","after"]')
        seen = []
        while len(seen) < 2:
            frame = upgraded.recv(10)
            if frame == "2":
                upgraded.send("3")
            else:
                seen.append(frame)
        assert seen == ['42/echo,["message-back","before"]', '42/echo,["message-back","after"]']
        assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400
        with websocket(stack, f"EIO=4&transport=websocket&sid={sid}") as other, pytest.raises(ConnectionClosed):
            other.recv(10)


def test_an_upgrade_that_is_dropped_leaves_the_session_polling(stack):
    sid = enter(stack)
    with websocket(stack, f"EIO=4&transport=websocket&sid={sid}") as upgraded:
        upgraded.send("2probe")
        assert upgraded.recv(10) == "3probe"
    assert ask(stack, "POST", f"{POLLING}&sid={sid}", '42/echo,["message",1]')[1] == "ok"
    seen = ""
    while "message-back" not in seen:
        seen += ask(stack, "GET", f"{POLLING}&sid={sid}")[1]
    assert '42/echo,["message-back",1]' in seen


@pytest.mark.parametrize("frame", ["abc", "4abc", '42["message"]', "42{}", '42abc["a"]', b"\x01"])
def test_a_malformed_frame_closes_the_websocket(stack, frame):
    with websocket(stack, "EIO=4&transport=websocket") as peer:
        assert peer.recv(10)[0] == "0"
        peer.send(frame)
        with pytest.raises(ConnectionClosed):
            while True:
                peer.recv(10)


def test_a_client_that_may_not_enter_is_told_why(stack):
    with websocket(stack, "EIO=4&transport=websocket") as peer:
        assert peer.recv(10)[0] == "0"
        for packet, answer in [
            ("40/random", '44/random,{"message":"Invalid namespace"}'),
            ("40", '44{"message":"the access token is not valid here","data":{"code":4200,"action":"signIn"}}'),
            ('40{"token":"x"}', '44{"message":"the access token is not valid here","data":{"code":4200,"action":"signIn"}}'),
        ]:
            peer.send(packet)
            frame = peer.recv(10)
            while frame == "2":
                peer.send("3")
                frame = peer.recv(10)
            assert frame == answer


def test_a_client_that_does_not_poll_is_ended_at_a_bound(stack):
    sid = enter(stack)
    for sent in range(20):
        body = '42/echo,["message","' + "x" * 100_000 + '"]'
        if ask(stack, "POST", f"{POLLING}&sid={sid}", body)[0] == 400:
            break
    assert 8 < sent < 15
    assert ask(stack, "GET", f"{POLLING}&sid={sid}")[0] == 400


def test_a_client_that_does_not_read_is_ended_at_a_bound(stack):
    address = f"ws://{urlsplit(stack.url).netloc}/socket.io/?EIO=4&transport=websocket"
    message = '42/echo,["message","' + "x" * 200_000 + '"]'
    with open_websocket(address, max_queue=1) as peer:
        peer.send("40/echo,")
        deadline = time.monotonic() + 20
        with pytest.raises(ConnectionClosed):
            # Too much for all buffers between the two, and fewer packets than the rate allows.
            for _ in range(100):
                peer.send(message)
                peer.send("3")
            # Who does not read sees the end when it writes. With pongs nothing else would end it.
            while time.monotonic() < deadline:
                peer.send("3")


def test_only_sites_of_the_list_may_read_answers_of_polls(stack):
    allowed = stack.url
    _, _, headers = ask(stack, "GET", POLLING, headers={"Origin": allowed})
    assert headers["Access-Control-Allow-Origin"] == allowed
    assert headers["Access-Control-Allow-Credentials"] == "true" and headers["Vary"] == "Origin"
    status, _, headers = ask(
        stack, "OPTIONS", POLLING, headers={"Origin": allowed, "Access-Control-Request-Method": "POST"})
    assert status == 204 and "POST" in headers["Access-Control-Allow-Methods"]
    _, _, headers = ask(stack, "GET", POLLING, headers={"Origin": "https://elsewhere.example"})
    assert "Access-Control-Allow-Origin" not in headers
