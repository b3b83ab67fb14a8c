"""The ways to the media node for those whom the usual one is closed to, or who are no browsers."""

import pytest

from accounts import make_team
from caller import wait_until
from chromium import NO_UDP
from conftest import Stack
from expectations import FIRST_PICTURE, HEARD, expect_conversation, expect_growth
from phones import Phones
from whip_peers import AiortcSeat, FFmpegPublisher

# Takes coturn and, of the node's answers, all candidates by UDP away: what is left is the node's TCP port.
ONLY_TCP = """
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(settings) { super({ ...settings, iceServers: [] }); }
        setConfiguration(settings) { super.setConfiguration({ ...settings, iceServers: [] }); }
        setRemoteDescription(description) {
            const lines = description.sdp.split("\\r\\n").filter(line => !/^a=candidate:\\S+ 1 udp /i.test(line));
            return super.setRemoteDescription({ type: description.type, sdp: lines.join("\\r\\n") });
        }
    };
"""

SELECTED = """
async () => {
    const stats = await window.__peerConnections.findLast(one => one.connectionState !== "closed").getStats();
    const pair = [...stats.values()].find(one => one.type === "candidate-pair" && one.nominated
        && one.state === "succeeded");
    const remote = stats.get(pair?.remoteCandidateId);
    return remote && { protocol: remote.protocol, port: remote.port };
}
"""


@pytest.fixture
def closing():
    """Closes what a test has opened."""
    opened = []
    yield lambda one: opened.append(one) or one
    for one in reversed(opened):
        one.close()


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_C9_a_browser_with_nothing_but_TCP_reaches_the_node_itself(phones, team, stack, browser):
    """C9: no UDP and no relay: Bob's browser connects to the media node by TCP (RFC 6544)."""
    ada = phones.chromium(team.people[0], team.text)
    bob = getattr(phones, browser)(
        team.people[1], team.text, preload=ONLY_TCP, **({"arguments": (NO_UDP,)} if browser == "chromium" else {}))
    ada.join()
    bob.join()
    expect_conversation(ada, bob, seconds=5)
    selected = bob.tab.evaluate(SELECTED)
    assert selected["protocol"] == "tcp"
    assert stack.media_node_of(selected["port"]) is not None


def test_what_FFmpeg_publishes_by_WHIP_is_seen_and_heard(phones, team, closing):
    """At Chromium and at an aiortc player by WHEP; longer than a seat lasts that nothing is heard of."""
    ada = team.people[0]
    bob = phones.chromium(team.people[1], team.text)
    bob.join()
    publisher = closing(FFmpegPublisher(ada, team.text))
    wait_until(lambda: bob.frames_from(ada.user_id) > 0 or not publisher.is_running, 15, "Bob sees FFmpeg's picture")
    assert publisher.is_running, publisher.log()
    player = closing(AiortcSeat(team.people[2]))
    player.subscribe(team.text)
    wait_until(lambda: min(player.frames.values()) > 25, FIRST_PICTURE, "the player decodes picture and sound")
    wait_until(lambda: bob.audio_heard() > HEARD, FIRST_PICTURE, "Bob hears FFmpeg's tone")
    expect_growth({"Bob's picture": lambda: bob.frames_from(ada.user_id),
                   "the player's picture": lambda: player.frames["video"],
                   "the player's sound": lambda: player.frames["audio"]}, seconds=18)
    phones.picture("whip")
    publisher.close()
    bob.expect_no_tile(ada.user_id, 3)


def test_a_call_that_libsrtp_protects(chromium_of, firefox_of, closing):
    """ROOST_MEDIA_SRTP=libsrtp: the other implementation, between Chromium and Firefox, which prefer other profiles."""
    stack = closing(Stack(ROOST_MEDIA_SRTP="libsrtp", APIS="1", GATEWAYS="1", MEDIA="1", TURN="0"))
    phones = closing(Phones(stack.url, stack.gateway_url, chromium_of, firefox_of))
    team = make_team(stack.url, "ada", "bob", "cleo")
    ada = phones.chromium(team.people[0], team.text)
    bob = phones.firefox(team.people[1], team.text)
    ada.join()
    bob.join()
    expect_conversation(ada, bob, seconds=5)
    assert phones.problems() == []


def test_aiortc_publishes_by_WHIP_and_plays_by_WHEP(phones, team, stack, closing):
    publisher, player = closing(AiortcSeat(team.people[0])), closing(AiortcSeat(team.people[1]))
    publisher.publish(team.voice)
    player.subscribe(team.voice)
    wait_until(lambda: min(player.frames.values()) > 50, 15, "picture and sound are decoded")
    assert player.sizes == {(640, 480)}
    # coturn, with credentials, one field each.
    assert any(link.startswith("<turn:") and 'rel="ice-server"' in link and "credential=" in link
               for link in player.links)
    assert publisher.location.startswith(f"/api/v1/channels/{team.voice}/whip/")
    publisher.delete()
    wait_until(lambda: publisher.state == "closed", 5, "the node ends the publisher's association")
