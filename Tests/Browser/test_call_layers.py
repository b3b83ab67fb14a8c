"""The sizes of a camera: what a person's tile shows decides what the node sends."""

import pytest

from caller import Caller, wait_until
from expectations import expect_growth, expect_moving, expect_pictures

# The height of the picture that a tile decodes now; 0 without one.
HEIGHT = """
user => document.querySelector(`[data-testid="call-tile"][data-user-id="${user}"][data-source="camera"]
    [data-testid="tile-video"]`)?.videoHeight ?? 0
"""

# Makes all pictures so high on the page, or 0: as they were.
RESIZE = """
height => {
    for (const video of document.querySelectorAll('[data-testid="tile-video"]')) {
        if (height) video.style.setProperty("height", `${height}px`, "important");
        else video.style.removeProperty("height");
    }
}
"""


def height_of(watcher: Caller, actor: Caller) -> int:
    return watcher.tab.evaluate(HEIGHT, actor.user_id)


def test_a_small_tile_gets_the_small_picture_and_a_large_one_the_large_again(phones, team):
    """The low encoding within 3 s; a high one within 20: it rests while nobody sees it, and then has to begin."""
    ada, bob = phones.meet(team, team.text, "chromium")
    expect_pictures(ada, bob)
    large = wait_until(lambda: (height := height_of(bob, ada)) >= 360 and height, 20, "Bob sees Ada large")
    bob.tab.evaluate(RESIZE, 100)
    wait_until(lambda: 0 < height_of(bob, ada) <= large / 2, 3, "Bob's small tile gets a small picture")
    expect_moving(bob, ada)
    bob.tab.evaluate(RESIZE, 0)
    wait_until(lambda: height_of(bob, ada) >= 360, 20, "Bob sees Ada large again")
    expect_moving(bob, ada)


# The camera as one stream of spatial and temporal layers, encoded with the codec in place of CODEC; AV1 says what its packets
# are in a header extension that Chromium offers on demand.
SCALABLE = """
    window.RTCPeerConnection = class extends RTCPeerConnection {
        addTransceiver(kind, options) {
            if (kind !== "video" || !(options?.sendEncodings?.length > 1)) return super.addTransceiver(kind, options);
            const section = super.addTransceiver(kind, { ...options,
                sendEncodings: [{ scalabilityMode: "MODE", maxBitrate: 2500000 }] });
            section.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter(codec =>
                codec.mimeType === "video/rtx" || codec.mimeType === "video/CODEC"
                && /profile(-id)?=0/.test(codec.sdpFmtpLine ?? "profile=0")));
            section.setHeaderExtensionsToNegotiate?.(section.getHeaderExtensionsToNegotiate().map(one =>
                one.uri.includes("dependency-descriptor") ? { ...one, direction: "sendrecv" } : one));
            return section;
        }
    };
"""

# What the browser says of the camera it receives: how many frames it decoded and dropped, and how often it stood still.
RECEPTION = """
async () => {
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    const stats = await connection.getStats(), all = [...stats.values()];
    return all.filter(one => one.type === "inbound-rtp" && one.kind === "video" && one.framesDecoded > 0).map(one => ({
        codec: stats.get(one.codecId)?.mimeType, decoded: one.framesDecoded, dropped: one.framesDropped,
        freezes: one.freezeCount, lost: one.packetsLost, nacks: one.nackCount, requests: one.pliCount,
        height: one.frameHeight }));
}
"""


@pytest.mark.parametrize("codec,mode", [("VP9", "L3T3_KEY"), ("VP9", "L3T3"), ("AV1", "L3T3_KEY"), ("AV1", "L2T2")])
def test_one_stream_of_layers_is_small_in_a_small_tile_and_large_again_without_a_break(phones, team, codec, mode):
    ada = phones.chromium(team.people[0], team.text, preload=SCALABLE.replace("CODEC", codec).replace("MODE", mode))
    bob = phones.chromium(team.people[1], team.text)
    ada.join()
    bob.join()
    expect_pictures(ada, bob)
    large = wait_until(lambda: (height := height_of(bob, ada)) >= 360 and height, 30, "Bob sees Ada large")
    [before] = bob.tab.evaluate(RECEPTION)
    assert before["codec"] == f"video/{codec}"
    bob.tab.evaluate(RESIZE, 100)
    wait_until(lambda: 0 < height_of(bob, ada) <= large / 2, 5, "Bob's small tile gets a small picture")
    expect_growth({"the small picture": lambda: bob.frames_from(ada.user_id)}, 3)
    bob.tab.evaluate(RESIZE, 0)
    wait_until(lambda: height_of(bob, ada) == large, 20, "Bob sees Ada large again")
    expect_growth({"the large picture": lambda: bob.frames_from(ada.user_id)}, 3)
    [after] = bob.tab.evaluate(RECEPTION)
    print(codec, mode, before, after)
    assert after["freezes"] - before["freezes"] <= 1
    assert after["nacks"] - before["nacks"] <= 5, "what is left out leaves no hole"
