"""What a page tells of the pictures it shows, and what it gets of them: pinned, out of sight, floating above other windows."""

import time

from caller import Caller, hook, wait_until
from expectations import FIRST_PICTURE, HEARD, SEEN, expect_growth

# Keeps what the page tells of its pictures, the last at the end.
RECORD_VIEWS = """
    window.__views = [];
    const sendText = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if (typeof data === "string" && data.includes('"callView"')) window.__views.push(JSON.parse(data).tracks);
        return sendText.call(this, data);
    };
"""

# Pages of headless browsers are never out of sight: this says to the page that it is, or that it is back.
SIGHT = """
state => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
}
"""

# Frames of all pictures that arrive.
ARRIVED = """
async () => {
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    const stats = [...(await connection.getStats()).values()];
    return stats.filter(one => one.type === "inbound-rtp" && one.kind === "video")
        .reduce((sum, one) => sum + (one.framesReceived ?? 0), 0);
}
"""

# What floats: whether there is such a window, and the frames that it was given.
FLOATING = """
() => {
    const element = document.pictureInPictureElement;
    return { isOpen: element !== null, frames: element?.getVideoPlaybackQuality().totalVideoFrames ?? 0 };
}
"""

RETURNED = 3


def test_what_is_pinned_out_of_sight_or_floating_is_told(phones, team):
    """A tab in the background gets no pictures but the one that floats, and all sound; back again it has all in a
    moment. What floats goes on while another channel is in view."""
    ada = phones.chromium(team.people[0], team.text, preload=RECORD_VIEWS)
    bob = phones.chromium(team.people[1], team.text)
    ada.join()
    bob.join()
    wait_until(lambda: ada.frames_from(bob.user_id) > 0, FIRST_PICTURE, "Ada sees Bob")
    act_on(ada, bob, "tile-pin")
    wait_until(lambda: [one["isPinned"] for one in view_of(ada)] == [True], SEEN, "the node is told of the pin")

    ada.tab.evaluate(SIGHT, "hidden")
    wait_until(lambda: view_of(ada) == [], SEEN, "the node is told that nothing is seen")
    expect_still(ada)
    heard = ada.audio_heard()
    time.sleep(2)
    assert ada.audio_heard() - heard > HEARD, "the sound goes on"
    frames = ada.frames_from(bob.user_id)
    ada.tab.evaluate(SIGHT, "visible")
    wait_until(lambda: ada.frames_from(bob.user_id) > frames, RETURNED, "Bob moves again")

    act_on(ada, bob, "tile-float")
    wait_until(lambda: ada.tab.evaluate(FLOATING)["isOpen"], SEEN, "Bob floats")
    ada.tab.evaluate(SIGHT, "hidden")
    wait_until(lambda: len(view_of(ada)) == 1, SEEN, "what floats is told")
    expect_growth({"the floating picture": lambda: ada.tab.evaluate(FLOATING)["frames"]}, 3)
    ada.tab.evaluate(SIGHT, "visible")
    ada.choose_channel(team.voice)
    ada.wait_for("call-bar")
    expect_growth({"the floating picture elsewhere": lambda: ada.tab.evaluate(FLOATING)["frames"]}, 3)
    bob.press("call-camera")
    wait_until(lambda: not ada.tab.evaluate(FLOATING)["isOpen"], SEEN, "it ends with Bob's camera")


def view_of(caller: Caller) -> list[dict]:
    """What was told last."""
    return caller.tab.evaluate("() => window.__views.at(-1) ?? []")


def expect_still(caller: Caller) -> None:
    """No picture arrives for a second."""
    def arrived_in_a_second() -> int:
        before = caller.tab.evaluate(ARRIVED)
        time.sleep(1)
        return caller.tab.evaluate(ARRIVED) - before
    wait_until(lambda: arrived_in_a_second() == 0, 4, f"{caller.name} gets no pictures")


def act_on(caller: Caller, other: Caller, test_id: str) -> None:
    """Chooses something in the menu of the other's tile, as a person does: what floats takes a click."""
    tile = f'{hook("call-tile")}[data-user-id="{other.user_id}"][data-source="camera"]'
    caller.tab.evaluate("selector => document.querySelector(selector).click()", f'{tile} {hook("tile-more")}')
    caller.wait_for(test_id, SEEN)
    caller.press(test_id)
