"""Calls from behind a firewall that lets no UDP through: by TCP to the node itself, and by TCP to coturn."""

from urllib.parse import urlsplit

import pytest

import chromium
from accounts import make_team
from conftest import Stack
from expectations import expect_conversation
from firewall import Firewall
from phones import Phones


@pytest.fixture(scope="module")
def firewall():
    firewall = Firewall()
    yield firewall
    firewall.close()


@pytest.fixture(scope="module")
def open_stack(firewall):
    """A stack that listens where the network behind the firewall reaches it."""
    stack = Stack(ROOST_HOST=firewall.address, ROOST_MEDIA_ADDRESSES=firewall.address, APIS="1", GATEWAYS="1", MEDIA="1")
    yield stack
    stack.close()


@pytest.fixture
def two_networks(firewall, open_stack, playwright):
    """Phones on this machine, and phones behind the firewall."""
    url = f"http://{firewall.address}:{urlsplit(open_stack.url).port}"
    # Devices are for secure pages only, and this one is reached by its address.
    arguments = (*chromium.MEDIA_ARGUMENTS, f"--unsafely-treat-insecure-origin-as-secure={url}")
    browsers = [
        chromium.launch(playwright, *arguments),
        chromium.launch(playwright, *arguments, executable=firewall.executable)]
    gateway = f"ws://{urlsplit(url).netloc}/gateway"
    phones = [Phones(url, gateway, lambda *_, browser=browser: browser, None) for browser in browsers]
    yield url, *phones
    for one in phones:
        one.close()
    for browser in browsers:
        browser.close()


@pytest.mark.parametrize("relay", [False, True], ids=["node", "coturn"])
def test_C9_behind_a_firewall_without_UDP_a_call_has_sound_and_picture(firewall, open_stack, two_networks, relay):
    """C9: Bob's network sends no datagram at all; he reaches the node's TCP port, or coturn's."""
    url, outside, inside = two_networks
    assert firewall.lets_through("tcp", urlsplit(url).port)
    assert not firewall.lets_through("udp", int(open_stack.variables["ROOST_MEDIA_PORTS"].split("-")[0]))
    team = make_team(url, "ada", "bob", "cleo")
    ada = outside.chromium(team.people[0], team.text)
    bob = inside.chromium(team.people[1], team.text)
    ada.join()
    bob.join(relay=relay)
    expect_conversation(ada, bob, seconds=5)
    local, remote = (bob.media()[end] for end in ("local", "remote"))
    if relay:
        assert local["type"] == "relay" and local["relayProtocol"] == "tcp", local
    else:
        assert remote["protocol"] == "tcp" and open_stack.media_node_of(remote["port"]), remote
    assert inside.problems() == []
