"""Calls when something goes: a tab, a process, a socket, a media node."""

import time

import pytest

from accounts import Team, make_team
from caller import Caller, wait_until
from phones import Phones
from test_calls import FIRST_PICTURE, SEEN, expect_growth

# After the death of a node people are in the call again within this.
MOVED = 15
# A participant who says nothing any more is gone after Limits.icePatience, 15 s, and what a look around costs.
VANISHED = 20


@pytest.fixture
def team(stack) -> Team:
    return make_team(stack.url, "ada", "bob", "cleo")


def meet(phones: Phones, team: Team, channel_id: str, bob_base: str | None = None) -> tuple[Caller, Caller]:
    """Ada and Bob at Chromium, who see each other."""
    ada = phones.chromium(team.people[0], channel_id)
    bob = phones.chromium(team.people[1], channel_id, base=bob_base)
    for caller in (ada, bob):
        caller.join()
    expect_pictures(ada, bob, FIRST_PICTURE)
    return ada, bob


def expect_pictures(ada: Caller, bob: Caller, seconds: float) -> None:
    wait_until(lambda: ada.frames_from(bob.user_id) > 0 and bob.frames_from(ada.user_id) > 0, seconds,
               "Ada and Bob see each other")


def test_closing_the_tab_is_leaving(phones, team):
    ada, bob = meet(phones, team, team.text)
    bob.tab.close()
    ada.expect_no_tile(bob.user_id, 3)
    assert ada.call_state == "connected"


def test_a_page_that_is_loaded_again_is_out_of_the_call(phones, team):
    ada, bob = meet(phones, team, team.text)
    bob.tab.reload()
    ada.expect_no_tile(bob.user_id, 3)
    bob.expect_current()
    assert bob.call_state is None
    bob.join()
    expect_pictures(ada, bob, FIRST_PICTURE)


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


def test_the_sidebar_shows_who_is_in_a_voice_channel(phones, team):
    """To somebody who is not in the call, in another channel; and again to nobody when it is over."""
    cleo = phones.chromium(team.people[2], team.text)
    assert cleo.participants_shown(team.voice) == 0
    ada, bob = meet(phones, team, team.voice)
    wait_until(lambda: cleo.participants_shown(team.voice) == 2, 3, "Cleo sees both in the sidebar")
    phones.picture("sidebar")
    bob.press("call-leave")
    wait_until(lambda: cleo.participants_shown(team.voice) == 1, 3, "Cleo sees Bob leave")
    ada.press("call-leave")
    wait_until(lambda: cleo.participants_shown(team.voice) == 0, 3, "Cleo sees an empty channel")


def test_a_lost_socket_does_not_interrupt_the_call(phones, team, stack):
    """Bob's connections of TCP are cut for five seconds; the media flow all the time, and then he is told what changed."""
    proxy = stack.proxy()
    try:
        ada, bob = meet(phones, team, team.text, f"http://127.0.0.1:{proxy.port}")
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
    ada, bob = meet(phones, team, team.text)
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
