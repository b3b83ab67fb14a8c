"""Calls when something dies: a process, a socket, a media node."""

import time

from caller import wait_until
from expectations import FIRST_PICTURE, SEEN, expect_growth, expect_pictures

# Notes the longest time without a new frame in a person's tile, and without sound that came from the network in what the
# page plays; and what the page says of the call meanwhile.
WATCH = """
userID => {
    const watched = window.watched = { picture: 0, sound: 0, states: [] };
    const last = { picture: { at: performance.now() }, sound: { at: performance.now() } };
    const note = (what, key, count) => {
        const now = performance.now(), before = last[what];
        if (key !== before.key) last[what] = { key, count, at: before.at };
        else if (count > before.count) last[what] = { key, count, at: now };
        watched[what] = Math.max(watched[what], now - last[what].at);
    };
    const heard = async () => {
        const tracks = [...document.querySelectorAll("audio")].flatMap(one => one.srcObject?.getAudioTracks() ?? []);
        const receivers = window.__peerConnections.filter(one => one.connectionState !== "closed")
            .flatMap(one => one.getReceivers()).filter(one => tracks.some(track => track.id === one.track.id));
        let samples = 0;
        for (const receiver of receivers) {
            for (const one of (await receiver.getStats()).values()) {
                if (one.type === "inbound-rtp") samples += one.totalSamplesReceived - one.concealedSamples;
            }
        }
        return [tracks.map(track => track.id).sort().join(), samples];
    };
    const look = async () => {
        const tile = `[data-testid="call-tile"][data-user-id="${userID}"] [data-testid="tile-video"]`;
        const video = document.querySelector(tile);
        note("picture", video?.srcObject?.getVideoTracks()[0]?.id, video?.getVideoPlaybackQuality().totalVideoFrames ?? 0);
        note("sound", ...await heard());
        const state = document.querySelector('[data-testid="call-panel"]')?.dataset.state;
        if (watched.states.at(-1) !== state) watched.states.push(state);
        if (window.watched === watched) setTimeout(look, 30);
    };
    look();
}
"""

# After the death of a node people see each other again within this.
RECOVERED = 5
# While a node shuts down neither sound nor picture is missing for as long as this.
GAP = 2
# A node that shuts down has ended within this: Limits.mediaDrainDeadline, and what ending costs.
ENDED = 9
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


def node_of(stack, caller) -> str | None:
    """The media node that a page's newest connection has chosen; None while it has not."""
    remote = caller.media()["remote"]
    return remote and stack.media_node_of(remote["port"])


def expect_on_another(stack, callers, node, seconds: float) -> None:
    """They see each other, and not by that node."""
    deadline = time.monotonic() + seconds
    for caller in callers:
        wait_until(lambda: node_of(stack, caller) not in (None, node), deadline - time.monotonic(),
                   f"{caller.name} is on another node")
    expect_pictures(*callers, deadline - time.monotonic())


def test_a_killed_media_node_is_left_for_the_other(phones, team, stack):
    """kill -9: both see each other on the other node without doing anything."""
    ada, bob = phones.meet(team, team.text)
    node = node_of(stack, ada)
    stack.run("kill", node)
    try:
        expect_on_another(stack, (ada, bob), node, RECOVERED)
        for caller in (ada, bob):
            caller.expect_call_state("connected", SEEN)
    finally:
        stack.run("start", node)


def test_a_media_node_that_shuts_down_is_left_without_a_gap(phones, team, stack):
    """SIGTERM: the connection to the other node is there before the one to this is given up."""
    ada, bob = phones.meet(team, team.text)
    for caller, other in ((ada, bob), (bob, ada)):
        caller.tab.evaluate(WATCH, other.user_id)
    node = node_of(stack, ada)
    asked_at = time.monotonic()
    stack.run("stop", node)
    ended = time.monotonic() - asked_at
    try:
        expect_on_another(stack, (ada, bob), node, FIRST_PICTURE)
        expect_growth({
            "Ada's picture of Bob": lambda: ada.frames_from(bob.user_id),
            "Bob's picture of Ada": lambda: bob.frames_from(ada.user_id)}, seconds=3)
        for caller in (ada, bob):
            watched = caller.tab.evaluate("() => window.watched")
            print(f"{caller.name}: {watched}, the node ended after {ended:.1f} s")
            assert watched["picture"] < GAP * 1000 and watched["sound"] < GAP * 1000, watched
            assert watched["states"] == ["connected"], watched
        assert ended < ENDED
    finally:
        stack.run("start", node)
