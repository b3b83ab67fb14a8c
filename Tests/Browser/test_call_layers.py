"""The sizes of a camera: what a person's tile shows decides what the node sends."""

from caller import Caller, wait_until
from expectations import expect_moving, expect_pictures

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
