"""Calls from behind a firewall that lets no UDP through: by TCP to the node itself, and by TCP and by TLS to coturn."""

from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

import chromium
from accounts import make_team
from conftest import Stack
from expectations import expect_conversation
from firewall import Firewall, TLSRelay
from phones import Phones


@pytest.fixture(scope="module")
def firewall():
    with closing(Firewall()) as firewall:
        yield firewall


@pytest.fixture
def open_stack(firewall):
    """A stack that listens where the network behind the firewall reaches it."""
    with closing(open_at(firewall)) as stack:
        yield stack


@pytest.fixture
def stack_without_coturn(firewall):
    """The same without coturn: beside it, which of the two ways by TCP a browser takes is its choice."""
    with closing(open_at(firewall, TURN="0")) as stack:
        yield stack


@pytest.fixture
def stack_with_TLS(firewall):
    """The same, whose coturn is reached by TLS alone."""
    with closing(TLSRelay(firewall.address)) as relay, closing(open_at(firewall, **relay.variables)) as stack:
        yield stack


def open_at(firewall, **variables) -> Stack:
    return Stack(
        ROOST_HOST=firewall.address, ROOST_MEDIA_ADDRESSES=firewall.address, APIS="1", GATEWAYS="1", MEDIA="1",
        **variables)


def call_from_inside(playwright, firewall, stack, *, relay: bool) -> tuple[dict, dict]:
    """Ada on this machine and Bob behind the firewall see and hear each other. Answers both ends of Bob's path."""
    url = f"http://{firewall.address}:{urlsplit(stack.url).port}"
    assert firewall.lets_through("tcp", urlsplit(url).port)
    assert not firewall.lets_through("udp", int(stack.variables["ROOST_MEDIA_PORTS"].split("-")[0]))
    # Devices are for secure pages only, and this one is reached by its address; coturn's certificate is nobody's.
    arguments = (*chromium.MEDIA_ARGUMENTS, f"--unsafely-treat-insecure-origin-as-secure={url}",
                 "--ignore-certificate-errors")
    with ExitStack() as closings:
        team = make_team(url, "ada", "bob", "cleo")
        callers = []
        for person, executable in ((0, None), (1, firewall.executable)):
            browser = chromium.launch(playwright, *arguments, executable=executable)
            closings.callback(browser.close)
            phones = Phones(url, f"ws://{urlsplit(url).netloc}/gateway", lambda *_, browser=browser: browser, None)
            closings.callback(phones.close)
            callers.append(phones.chromium(team.people[person], team.text))
        ada, bob = callers
        ada.join()
        bob.join(relay=relay)
        expect_conversation(ada, bob, seconds=5)
        assert phones.problems() == []
        media = bob.media()
        return media["local"], media["remote"]


def test_C9_without_UDP_the_node_itself_is_reached_by_TCP(playwright, firewall, stack_without_coturn):
    stack = stack_without_coturn
    _, remote = call_from_inside(playwright, firewall, stack, relay=False)
    assert remote["protocol"] == "tcp" and stack.media_node_of(remote["port"]), remote


def test_C9_without_UDP_coturn_is_reached_by_TCP(playwright, firewall, open_stack):
    local, _ = call_from_inside(playwright, firewall, open_stack, relay=True)
    assert local["type"] == "relay" and local["relayProtocol"] == "tcp", local


def test_C9_without_UDP_coturn_is_reached_by_TLS(playwright, firewall, stack_with_TLS):
    local, _ = call_from_inside(playwright, firewall, stack_with_TLS, relay=True)
    assert local["type"] == "relay" and local["relayProtocol"] == "tls", local
