"""The sizes of a camera: what a person's tile shows decides what the node sends."""

import os
import time

import pytest

from caller import Caller, wait_until
from expectations import expect_growth, expect_moving, expect_pictures
from layers import RESIZE, height_of, scalable

# A browser is told what nobody sees after Participant.layerHold, 5 s; what is under way, and a second that is looked at.
RESTING = 9


def test_a_small_tile_gets_the_small_picture_and_a_large_one_the_large_again(phones, stack, team):
    """The low encoding within 3 s; a high one within 20: it rests in the browser while nobody sees it, and then has to
    begin."""
    malformed = stack.malformed_packets()
    ada, bob = phones.meet(team, team.text, "chromium")
    expect_pictures(ada, bob)
    large = wait_until(lambda: (height := height_of(bob, ada)) >= 360 and height, 20, "Bob sees Ada large")
    bob.tab.evaluate(RESIZE, 100)
    wait_until(lambda: 0 < height_of(bob, ada) <= large / 2, 3, "Bob's small tile gets a small picture")
    expect_moving(bob, ada)
    wait_until(lambda: encoded_in_a_second(ada) == {"q"}, RESTING, "Ada's browser encodes the small picture alone")
    bob.tab.evaluate(RESIZE, 0)
    wait_until(lambda: height_of(bob, ada) >= 360, 20, "Bob sees Ada large again")
    expect_moving(bob, ada)
    assert encoded_in_a_second(ada) > {"q"}, "Ada's browser encodes a larger one again"
    assert stack.malformed_packets() == malformed, "the node reads all that browsers send it"


# How many frames each encoding of the camera has had.
ENCODED = """
async () => {
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    const stats = [...(await connection.getStats()).values()];
    return Object.fromEntries(stats.filter(one => one.type === "outbound-rtp" && one.rid !== undefined)
        .map(one => [one.rid, one.framesEncoded ?? 0]));
}
"""


def encoded_in_a_second(caller: Caller) -> set[str]:
    """The encodings that have frames in it."""
    before = caller.tab.evaluate(ENCODED)
    time.sleep(1)
    return {rid for rid, frames in caller.tab.evaluate(ENCODED).items() if frames > before[rid]}


# What the browser says of the streams of video that it sends, and of those that it receives.
VIDEO_STATS = """
async () => {
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    const stats = await connection.getStats();
    const all = [...stats.values()].filter(one => one.kind === "video");
    return {
        sent: all.filter(one => one.type === "outbound-rtp" && one.bytesSent > 0).map(one => one.scalabilityMode),
        received: all.filter(one => one.type === "inbound-rtp" && one.framesDecoded > 0).map(one => ({
            codec: stats.get(one.codecId)?.mimeType, freezes: one.freezeCount, nacks: one.nackCount,
            requests: one.pliCount })) };
}
"""


MODES = [("VP9", "L2T3_KEY"), ("VP9", "L2T3"), ("AV1", "L2T3_KEY")]
if os.environ.get("ROOST_TEST_FULL") is not None:
    MODES.append(("AV1", "L2T3"))


@pytest.mark.parametrize(("codec", "mode"), MODES)
def test_one_stream_of_layers_is_small_in_a_small_tile_and_large_again_without_a_break(phones, team, codec, mode):
    """What is left out of the stream leaves no hole: nothing is asked for again, and the decoder goes on."""
    ada = phones.chromium(team.people[0], team.text, preload=scalable(codec, mode))
    bob = phones.chromium(team.people[1], team.text)
    ada.join()
    bob.join()
    expect_pictures(ada, bob, 15)
    bob.tab.evaluate(RESIZE, 720)
    wait_until(lambda: height_of(bob, ada) == 360, 30, "Bob sees Ada large")
    assert ada.tab.evaluate(VIDEO_STATS)["sent"] == [mode]
    [before] = bob.tab.evaluate(VIDEO_STATS)["received"]
    assert before["codec"] == f"video/{codec}"
    bob.tab.evaluate(RESIZE, 100)
    wait_until(lambda: height_of(bob, ada) == 180, 5, "Bob's small tile gets a small picture")
    expect_growth({"the small picture": lambda: bob.frames_from(ada.user_id)}, 3)
    bob.tab.evaluate(RESIZE, 720)
    wait_until(lambda: height_of(bob, ada) == 360, 20, "Bob sees Ada large again")
    expect_growth({"the large picture": lambda: bob.frames_from(ada.user_id)}, 3)
    [after] = bob.tab.evaluate(VIDEO_STATS)["received"]
    # A machine that is busy stands still by itself once in a while.
    assert after["freezes"] - before["freezes"] <= 1
    assert after["nacks"] - before["nacks"] <= 5
    assert after["requests"] - before["requests"] <= 1
