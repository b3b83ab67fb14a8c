"""python-socketio over each transport, through nginx and two gateways."""

import pytest
from socketio.exceptions import ConnectionError as Refused

WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}


@pytest.fixture(params=WAYS)
def transports(request):
    return WAYS[request.param]


def test_events_acknowledgements_and_bytes_go_both_ways(connect, transports):
    client = connect(namespace="/echo", transports=transports)
    assert client.transport == ("polling" if transports == ["polling"] else "websocket")
    client.emit("message", 1, "zwei ✓", {"3": [True, None, 1.5]})
    client.wait("message-back")
    assert client.events[-1] == ("message-back", (1, "zwei ✓", {"3": [True, None, 1.5]}))
    data = bytes(range(256)) * 40
    client.emit("message", {"file": data, "more": [b"", b"\x00"]})
    assert client.wait("message-back", lambda value: isinstance(value, dict)) == {"file": data, "more": [b"", b"\x00"]}
    assert client.call("message-with-ack", {"a": b"\x01"}) == {"a": b"\x01"}


def test_a_client_says_what_it_is_and_unknown_namespaces_are_refused(connect, transports):
    client = connect(namespace="/echo", transports=transports, auth={"token": "anything"})
    assert client.wait("auth") == {"token": "anything"}
    with pytest.raises(Refused):
        connect(namespace="/random", transports=transports)


def test_100_polls_in_a_row_reach_the_one_gateway_without_sticky_sessions_O20(connect):
    clients = [connect(namespace="/echo", transports=["polling"], gateway=name) for name in ("g0", "g1")]
    for number in range(100):
        for client in clients:
            assert client.call("message-with-ack", number) == number
    assert all(client.transport == "polling" for client in clients)


def test_packets_of_nearly_the_bound_arrive_and_larger_ones_end_the_session(connect, transports):
    client = connect(namespace="/echo", transports=transports)
    text = "x" * 700_000
    assert client.call("message-with-ack", text) == text
    client.emit("message", "x" * 1_000_001)
    client.wait_for(lambda: any(name == "disconnect" for name, _ in client.events), "the session went on")
