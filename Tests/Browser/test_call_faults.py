"""Calls when something dies: a process, a socket, a media node."""

import time

from caller import wait_until
from expectations import FIRST_PICTURE, SEEN, expect_growth, expect_pictures

# After the death of a node people are in the call again within this.
MOVED = 15
# A participant who says nothing any more is gone after Limits.icePatience, 15 s, and what a look around costs.
VANISHED = 20


def test_a_peer_that_vanishes_is_gone_from_the_tiles(phones, team):
    """A process that is killed sends no goodbye: the node misses its answers."""
    ada = phones.chromium(team.people[0], team.text)
    ada.join()
    peer, peer_id = phones.aiortc(team.people[1]), team.people[1].user_id
    peer.join(team.text)
    wait_until(lambda: ada.frames_from(peer_id) > 0, FIRST_PICTURE, "Ada sees the peer's picture")
    peer.vanish()
    ada.expect_no_tile(peer_id, VANISHED)
    assert ada.call_state == "connected"


def test_a_lost_socket_does_not_interrupt_the_call(phones, team, stack):
    """Bob's TCP connections are cut for five seconds: the media go on, and afterwards he is told what changed."""
    proxy = stack.proxy()
    try:
        ada, bob = phones.meet(team, team.text, base=f"http://127.0.0.1:{proxy.port}")
        assert proxy.cut() > 0, "Bob had no connection to cut"
        wait_until(lambda: not bob.is_current, 5, "Bob's page notices")
        ada.press("call-mute")
        expect_growth({
            "Ada's picture of Bob": lambda: ada.frames_from(bob.user_id),
            "Bob's picture of Ada": lambda: bob.frames_from(ada.user_id)}, seconds=5)
        assert proxy.open_count == 0, "a connection went through the cut"
        frames = bob.frames_from(ada.user_id)
        proxy.restore()
        bob.expect_current()
        bob.expect_call_state("connected", 5)
        bob.expect_tile(ada, 5, muted="true", video="true")
        wait_until(lambda: bob.frames_from(ada.user_id) > frames, 2, "Bob's picture goes on in the same connection")
        bob.press("call-mute")
        ada.expect_tile(bob, SEEN, muted="true")
    finally:
        proxy.close()


def test_a_killed_media_node_is_left_for_the_other(phones, team, stack):
    """kill -9: both say that they reconnect, and see each other on the other node without doing anything."""
    ada, bob = phones.meet(team, team.text)
    node = stack.media_node_of(ada.media()["remote"]["port"])
    stack.run("kill", node)
    killed_at = time.monotonic()
    try:
        for caller in (ada, bob):
            caller.expect_call_state("reconnecting", MOVED)
        for caller in (ada, bob):
            caller.expect_call_state("connected", MOVED - (time.monotonic() - killed_at))
        expect_pictures(ada, bob, MOVED - (time.monotonic() - killed_at))
        assert stack.media_node_of(ada.media()["remote"]["port"]) not in (None, node)
    finally:
        stack.run("start", node)
