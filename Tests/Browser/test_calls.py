"""Calls between browsers of two makers and aiortc, through nginx, the gateways and a media node."""

import time
from collections.abc import Callable

import pytest

from aiortc_peer import AiortcPeer
from caller import Caller, wait_until
from chromium import NO_UDP
from expectations import (
    FIRST_PICTURE, GROWTH_SECONDS, HEARD, SEEN, expect_conversation, expect_growth, expect_moving)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_S4_two_browsers_see_and_hear_each_other(phones, team, stack, browser):
    """S4: through two gateways and one media node; pictures and sound for ten seconds, encrypted all the way."""
    log = stack.gateway_log()
    ada, bob = phones.meet(team, team.text, browser)
    phones.picture(f"two-people-{browser}")
    expect_conversation(ada, bob)
    for caller in (ada, bob):
        assert "AEAD_AES_128_GCM" in caller.media()["cipher"]
        caller.tab.close()
    gateways = wait_until(lambda: len(used := log()) >= 2 and used, 5, "nginx wrote both connections down")
    assert len(set(gateways)) == 2, "the two were on different gateways"


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_camera_microphone_screen_and_leaving_are_seen_within_a_second(phones, team, browser):
    ada, bob = phones.meet(team, team.text, browser)
    for actor, watcher in ((ada, bob), (bob, ada)):
        actor.press("call-camera")
        watcher.expect_tile(actor, SEEN, video="false")
        actor.press("call-camera")
        watcher.expect_tile(actor, SEEN, video="true")
        expect_moving(watcher, actor)

        actor.press("call-mute")
        watcher.expect_tile(actor, SEEN, muted="true")
        actor.press("call-mute")
        watcher.expect_tile(actor, SEEN, muted="false")

    # Headless Firefox has no screen to share.
    ada.press("call-screen")
    bob.expect_tile(ada, SEEN, source="screen")
    expect_moving(bob, ada, "screen")
    phones.picture(f"screen-{browser}")
    ada.press("call-screen")
    bob.expect_no_tile(ada.user_id, SEEN, "screen")

    bob.press("call-leave")
    ada.expect_no_tile(bob.user_id, SEEN)
    wait_until(lambda: bob.call_state is None, SEEN, "Bob's panel is gone")
    assert ada.call_state == "connected"


# Headless browsers have no tab to share whose sound comes with it: a square that moves and a tone take its place.
SOUNDING_SCREEN = """
() => {
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = document.createElement("canvas");
        const pen = canvas.getContext("2d");
        let turn = 0;
        setInterval(() => {
            pen.fillStyle = `hsl(${turn += 9} 80% 50%)`;
            pen.fillRect(0, 0, canvas.width, canvas.height);
        }, 50);
        const context = new AudioContext();
        await context.resume();
        const tone = context.createOscillator();
        const sound = context.createMediaStreamDestination();
        tone.connect(sound);
        tone.start();
        return new MediaStream([...canvas.captureStream(20).getTracks(), ...sound.stream.getTracks()]);
    };
}
"""


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_screen_is_shared_with_its_sound(phones, team, browser):
    """The sound of a screen is no microphone: Ada is muted and Bob hears it all the same."""
    ada, bob = phones.meet(team, team.text, browser)
    ada.press("call-mute")
    bob.expect_tile(ada, SEEN, muted="true")
    wait_until(lambda: heard_in_a_second(bob) < HEARD / 10, 5, "Bob hears nothing")
    ada.tab.evaluate(SOUNDING_SCREEN)
    ada.press("call-screen")
    bob.expect_tile(ada, SEEN, source="screen", muted="true")
    wait_until(lambda: heard_in_a_second(bob) > HEARD, 5, "Bob hears the screen")
    expect_moving(bob, ada, "screen")
    ada.press("call-screen")
    bob.expect_no_tile(ada.user_id, SEEN, "screen")
    wait_until(lambda: heard_in_a_second(bob) < HEARD / 10, 5, "Bob hears nothing again")


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_muted_microphone_is_silent(phones, team, browser):
    ada, bob = phones.meet(team, team.text, browser)
    for actor, listener in ((ada, bob), (bob, ada)):
        expect_growing_sound(listener)
        actor.press("call-mute")
        listener.expect_tile(actor, SEEN, muted="true")
        # What was under way may still be heard; then there is a whole second without.
        wait_until(lambda: heard_in_a_second(listener) < HEARD / 10, 5, f"{listener.name} hears nothing")
        actor.press("call-mute")
        expect_growing_sound(listener)


def test_a_third_peer_of_another_make_takes_part(phones, team):
    """Chromium, Firefox and aiortc in one call: everybody gets everybody's picture and sound."""
    ada, bob = phones.meet(team, team.text, "firefox")
    cleo = phones.aiortc(team.people[2])
    cleo_id = team.people[2].user_id
    cleo.join(team.text)
    for caller in (ada, bob):
        wait_until(lambda: caller.frames_from(cleo_id) > 0, FIRST_PICTURE, f"{caller.name} sees Cleo")
    wait_until(lambda: len(pictures(cleo)) == 2, FIRST_PICTURE, "Cleo gets two pictures")
    phones.picture("three-people")
    heard_before = sounds(cleo)
    expect_growth(
        {f"{caller.name}'s picture of {whose}": lambda c=caller, w=whose: c.frames_from(w)
         for caller, others in ((ada, (bob.user_id, cleo_id)), (bob, (ada.user_id, cleo_id))) for whose in others}
        | {f"Cleo's section {mid}": lambda m=mid: pictures(cleo)[m] for mid in pictures(cleo)})
    heard = sorted(energy - heard_before.get(mid, 0) for mid, energy in sounds(cleo).items())
    assert len([energy for energy in heard if energy > HEARD * GROWTH_SECONDS]) == 2, f"Cleo heard {heard}"


def test_what_a_third_peer_does_is_seen_and_told_within_a_second(phones, team):
    ada, bob = phones.meet(team, team.text)
    cleo = phones.aiortc(team.people[2])
    cleo_id = team.people[2].user_id
    cleo_participant = cleo.join(team.text)
    for caller in (ada, bob):
        wait_until(lambda: tile_has(caller, cleo_id, video="true", muted="false"), 5, f"{caller.name} sees Cleo")
        wait_until(lambda: tile_has(caller, cleo_id, speaking="true"), 5, f"{caller.name} sees Cleo's tone")
    cleo.update("microphone")
    wait_for_both(ada, bob, lambda caller: tile_has(caller, cleo_id, video="false"), "Cleo's camera off")
    cleo.update("camera")
    wait_for_both(ada, bob, lambda caller: tile_has(caller, cleo_id, muted="true", video="true"), "Cleo muted")

    ada.press("call-camera")
    wait_until(lambda: not is_active(cleo, ada, "camera"), SEEN, "Cleo is told that Ada's camera is off")
    ada.press("call-mute")
    wait_until(lambda: not is_active(cleo, ada, "microphone"), SEEN, "Cleo is told that Ada is muted")
    assert cleo_participant not in {track["participantID"] for track in cleo.report()["state"]["tracks"]}

    cleo.leave()
    wait_for_both(ada, bob, lambda caller: caller.tile(cleo_id) is None, "Cleo gone")


def test_C7_media_are_forwarded_as_they_were_encoded(phones, team):
    """C7: at one receiver, H264 of one publisher arrives as H264 and VP8 of another as VP8: nothing is transcoded."""
    ada, bob = phones.meet(team, team.text)
    cleo = phones.aiortc(team.people[2])
    cleo_id = team.people[2].user_id
    cleo.join(team.text, codec="video/H264")
    for caller, other in ((ada, bob), (bob, ada)):
        wait_until(lambda: caller.frames_from(cleo_id) > 0, FIRST_PICTURE, f"{caller.name} decodes Cleo's picture")
        assert codec_of(caller, cleo_id) == "video/H264"
        assert codec_of(caller, other.user_id) == "video/VP8"
        codecs = {row["codec"] for row in caller.media()["received"].values() if row["kind"] == "audio"}
        assert codecs == {"audio/opus"}


def test_C7_nobody_is_sent_what_they_cannot_decode(phones, team):
    """C7: Firefox without H264 gets no H264, and all the rest of the call."""
    ada, bob = phones.meet(team, team.text, "firefox")
    codecs = bob.tab.evaluate("() => RTCRtpReceiver.getCapabilities('video').codecs.map(one => one.mimeType)")
    if "video/H264" in codecs:
        pytest.skip("this Firefox has H264")
    cleo = phones.aiortc(team.people[2])
    cleo_id = team.people[2].user_id
    cleo.join(team.text, codec="video/H264")
    wait_until(lambda: ada.frames_from(cleo_id) > 0, FIRST_PICTURE, "Ada decodes Cleo's picture")
    wait_until(lambda: bob.tile(cleo_id) is not None, SEEN, "Bob sees that Cleo is there")
    expect_growth({"Bob's picture of Ada": lambda: bob.frames_from(ada.user_id)}, seconds=3)
    assert bob.frames_from(cleo_id) == 0
    wait_until(lambda: len([row for row in bob.media()["received"].values() if row["energy"] > HEARD]) >= 2, 5,
               "Bob hears both")


def test_C9_a_call_through_the_relay(phones, team):
    """C9: Ada asks for the relay; all her media go through coturn, Bob's do not."""
    ada, bob = phones.chromium(team.people[0], team.text), phones.chromium(team.people[1], team.text)
    ada.join(relay=True)
    bob.join()
    expect_conversation(ada, bob)
    assert ada.media()["local"]["type"] == "relay"
    assert bob.media()["local"]["type"] in ("host", "prflx")


@pytest.mark.parametrize("relay", [True, False])
def test_C9_a_browser_that_may_not_use_UDP_takes_part(phones, team, relay):
    """C9: no UDP leaves Ada's browser, as behind a strict firewall; it finds the way over TCP by itself: to coturn if she
    asks for the relay, else to the node or to coturn, whichever it prefers."""
    ada = phones.chromium(team.people[0], team.text, arguments=(NO_UDP,))
    bob = phones.chromium(team.people[1], team.text)
    ada.join(relay=relay)
    bob.join()
    expect_conversation(ada, bob, seconds=5)
    local = ada.media()["local"]
    assert local["type"] == "relay" or not relay
    assert local["relayProtocol" if local["type"] == "relay" else "protocol"] == "tcp"


def test_C13_a_direct_call_of_two_goes_through_the_node(phones, team, stack):
    """C13: one path for every call: what both talk to is a port of the media node and not the other's browser."""
    channel = team.direct(team.people[0], team.people[1])
    ada, bob = phones.chromium(team.people[0], channel), phones.chromium(team.people[1], channel)
    ada.join()
    bob.join()
    expect_conversation(ada, bob, seconds=3)
    remote = [caller.media()["remote"]["port"] for caller in (ada, bob)]
    nodes = {stack.media_node_of(port) for port in remote}
    assert len(nodes) == 1 and None not in nodes, f"they talk to {remote}"


# ---- What is looked at

def expect_growing_sound(listener: Caller) -> None:
    before = listener.audio_heard()
    wait_until(lambda: listener.audio_heard() - before > HEARD, 5, f"{listener.name} hears something")


def heard_in_a_second(listener: Caller) -> float:
    before = listener.audio_heard()
    time.sleep(1)
    return listener.audio_heard() - before


def wait_for_both(ada: Caller, bob: Caller, probe: Callable[[Caller], bool], what: str) -> None:
    """Both see it, the later one within a second."""
    wait_until(lambda: probe(ada) and probe(bob), SEEN, f"Ada and Bob see {what}")


def tile_has(caller: Caller, user_id: str, **attributes: str) -> bool:
    return attributes.items() <= (caller.tile(user_id) or {}).items()


def codec_of(caller: Caller, user_id: str) -> str:
    return caller.media()["received"][caller.tile(user_id)["mid"]]["codec"]


def pictures(peer: AiortcPeer) -> dict[str, int]:
    """Decoded frames by mid, of sections on which there are any."""
    return {mid: one["frames"] for mid, one in peer.report()["sections"].items()
            if one["kind"] == "video" and one["frames"] > 0}


def sounds(peer: AiortcPeer) -> dict[str, float]:
    return {mid: one["energy"] for mid, one in peer.report()["sections"].items() if one["kind"] == "audio"}


def is_active(peer: AiortcPeer, caller: Caller, source: str) -> bool:
    """What the peer was told of somebody's source."""
    state = peer.report()["state"]
    seats = {one["participantID"] for one in state["participants"] if one["userID"] == caller.user_id}
    return any(track["isActive"] for track in state["tracks"]
               if track["participantID"] in seats and track["source"] == source)
