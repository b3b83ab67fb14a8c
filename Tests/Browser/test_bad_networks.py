"""Calls of real clients over bad networks: what is lost, late, out of order or too much is made up for by the node."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import pairwise

import pytest

from accounts import make_team
from bad_call import BEGINS_SECONDS, PICTURES, Members, expect_all_go_on
from caller import Caller, wait_until
from conftest import Stack
from expectations import FIRST_PICTURE, HEARD, expect_conversation, expect_growth
from impaired_link import Impairment
from impaired_network import ImpairedNetwork
from layers import NOTE_HEIGHTS, RESIZE, height_of
from node_figures import media_counters, participants
from whip_peers import FFmpegPublisher

# Each way between a client and the node, so that a round trip takes 100 ms and more, and whoever speaks is heard as late.
BAD = Impairment(loss=0.05, delay=0.05, jitter=0.01, reordering=0.01)
LATE = Impairment(delay=0.05)
NEAR = Impairment(delay=0.01)


@pytest.fixture(scope="module")
def network():
    with closing(ImpairedNetwork("bad networks")) as network:
        yield network


@pytest.fixture(scope="module")
def stack(network):
    """One node that clients reach by the bad network alone, and no coturn to come around it."""
    with closing(Stack(ROOST_MEDIA_ADDRESSES=network.address, APIS="1", GATEWAYS="1", MEDIA="1", TURN="0")) as stack:
        network.serve(stack.variables["ROOST_MEDIA_PORTS"])
        yield stack


@pytest.fixture
def team(stack):
    return make_team(stack.url, "ada", "bob", "cleo", "dora")


# ---- Loss, delay, jitter and reordering

def test_S4_Chromium_Firefox_aiortc_and_FFmpeg_see_and_hear_each_other_through_loss_and_delay(
        phones, team, stack, network):
    """S4: 5 % lost each way on each link, 50 ms late each way, up to 10 more by jitter, 1 % overtaken, from the beginning."""
    network.impair(BAD, BAD)
    network.open("udp")
    malformed, before = stack.malformed_packets(), media_counters(stack)
    up_before, down_before = network.datagrams("up"), network.datagrams("down")
    with ExitStack() as closings:
        dora = FFmpegPublisher(team.people[3], team.text)
        closings.callback(dora.vanish)
        ada, bob = phones.chromium(team.people[0], team.text), phones.firefox(team.people[1], team.text)
        cleo = phones.aiortc(team.people[2], address=network.client_address)
        ada.join()
        bob.join()
        cleo.join(team.text)
        members = Members(stack, team.text, {one.name: one.user_id for one in team.people})
        for name, member in (("ada", ada), ("bob", bob), ("cleo", cleo)):
            members.add(name, member)
        tracks = [(watcher, actor, source) for watcher in ("ada", "bob", "cleo")
                  for actor in ("ada", "bob", "cleo", "dora") if actor != watcher
                  for source in ("microphone", "camera")]
        # FFmpeg sends H264 only, and a Firefox that has not downloaded it gets none (C7).
        if not has_h264(bob):
            tracks.remove(("bob", "dora", "camera"))
        wait_until(lambda: members.find(tracks), FIRST_PICTURE, "everybody gets everybody")
        wait_until(lambda: all(one.frames > 0 or one.samples > 0 for one in members.look().heard.values()),
                   BEGINS_SECONDS, "each picture and sound is decoded")
        phones.picture("bad-network")
        looks = expect_all_go_on(members, aiortc="cleo")
        assert dora.is_running, dora.log()
        expect_all_transports(stack, team.text, "udp", 4)
    for track in tracks:
        print(track, looks[-1].heard[track] - looks[0].heard[track])
    after = media_counters(stack)
    # Read before the router's, which therefore has passed on all that the node has got.
    gained = {name: after[name] - before.get(name, 0) for name in after}
    up, down = network.datagrams("up") - up_before, network.datagrams("down") - down_before
    print(up, down, gained)
    assert gained["received_packets_total"] <= up.passed, "a packet came to the node around the bad network"
    for way in (up, down):
        assert 0.04 < way.loss < 0.06 and way.overtaken > 0.005 * way.packets
    # What was lost of pictures was asked for and sent again, on both sides of the node.
    for side in ("subscriber", "publisher"):
        assert gained[f"nacked_packets_total {side}"] > 50, gained
        assert gained[f"retransmitted_packets_total {side}"] > 50, gained
    assert stack.malformed_packets() == malformed


def has_h264(caller: Caller) -> bool:
    return "video/H264" in caller.tab.evaluate(
        "() => RTCRtpReceiver.getCapabilities('video').codecs.map(one => one.mimeType)")


def expect_all_transports(stack: Stack, channel: str, transport: str, count: int) -> None:
    assert [one.get("transport") for one in participants(stack, channel)] == [transport] * count


# ---- Nothing but TCP, and that is slow

def test_C9_two_browsers_without_UDP_see_and_hear_each_other_by_slow_TCP(phones, team, stack, network):
    """C9: what is sent by UDP goes nowhere, of which nobody is told; TCP to the node takes 50 ms each way."""
    network.impair(LATE, LATE)
    network.open("tcp")
    before = network.stream_bytes("up"), network.stream_bytes("down")
    ada, bob = phones.chromium(team.people[0], team.text), phones.firefox(team.people[1], team.text)
    ada.join()
    bob.join()
    expect_conversation(ada, bob, seconds=5)
    phones.picture("slow-tcp")
    expect_all_transports(stack, team.text, "tcp", 2)
    for one in participants(stack, team.text):
        assert one["isMeasured"] and one["roundTripMilliseconds"] >= 100, one
    assert network.stream_bytes("up") - before[0] > 100_000 and network.stream_bytes("down") - before[1] > 100_000


# ---- A link that becomes narrow and wide again

WIDE, NARROW = (Impairment(delay=0.01, rate=rate, queue=0.3) for rate in (5e6, 0.5e6))
# The camera comes 720, 360 and 180 high, for up to 1.5, 0.5 and 0.15 Mbit/s: the largest does not fit the narrow link.
SHOWN, SMALL = 720, 360
# Until it is large: an encoding that rested begins, and what the link carries has to be found out.
LARGE_SECONDS = 40
SMALL_SECONDS = 6
NARROW_SECONDS = 7
# Of sound, over the step down and over the step up: until the node has noticed, the full queue loses of everything.
STEP_CONCEALED = 0.2
# The share of the time in which who has another link sees it large.
UNTOUCHED = 0.8
# A machine that is busy makes everybody's link worse once in a while. What a narrow link does to others, it does each time.
TRIES = 3


def test_who_has_a_narrow_link_for_a_while_hears_all_and_sees_small_and_the_others_notice_nothing(
        phones, team, stack, network):
    """5, 0.5 and 5 Mbit/s toward Bob alone, with a queue of 300 ms."""
    network.impair(NEAR, NEAR)
    network.open("udp")
    ada, bob, cleo = (phones.chromium(person, team.text) for person in team.people[:3])
    for caller in (ada, bob, cleo):
        caller.join()
    for watcher in (bob, cleo):
        watcher.press("call-camera")
        watcher.tab.evaluate(RESIZE, SHOWN)
    ports = network.clients(bob.local_ports())
    assert ports, "nothing came from Bob"

    def give_bob(link: Impairment) -> None:
        for port in ports:
            network.impair(NEAR, link, port)

    members = Members(stack, team.text, {one.name: one.user_id for one in team.people})
    members.add("bob", bob)
    members.add("cleo", cleo)
    give_bob(WIDE)
    for _ in range(TRIES):
        faults = faults_of_step(ada, bob, cleo, members, give_bob)
        print(faults)
        if not faults:
            break
    assert not faults
    phones.picture("wide-again")


def faults_of_step(ada: Caller, bob: Caller, cleo: Caller, members: Members,
                   give_bob: Callable[[Impairment], None]) -> list[str]:
    for watcher in (bob, cleo):
        wait_until(lambda: height_of(watcher, ada) > SMALL, LARGE_SECONDS, f"{watcher.name} sees Ada large")
    heard = [("bob", "ada", "microphone"), ("cleo", "ada", "microphone")]
    wait_until(lambda: members.find([*heard, ("cleo", "ada", "camera")]), FIRST_PICTURE, "Ada is on sections of both")
    cleo.tab.evaluate(NOTE_HEIGHTS, ada.user_id)
    looks = [members.look()]

    give_bob(NARROW)
    wait_until(lambda: 0 < height_of(bob, ada) <= SMALL, SMALL_SECONDS, "Bob sees Ada small")
    small = time.monotonic() - looks[0].at
    time.sleep(max(0, looks[0].at + NARROW_SECONDS - 3 - time.monotonic()))
    expect_growth({"Bob's small picture": lambda: bob.frames_from(ada.user_id)}, 3)
    assert 0 < height_of(bob, ada) <= SMALL
    looks.append(members.look())

    give_bob(WIDE)
    wait_until(lambda: height_of(bob, ada) > SMALL, LARGE_SECONDS, "Bob sees Ada large again")
    looks.append(members.look())
    print(f"small after {small:.1f} s, large again after {looks[2].at - looks[1].at:.1f} s")

    faults = []
    for before, after in pairwise(looks):
        for track in heard:
            sound = after.heard[track] - before.heard[track]
            print(track, sound)
            if sound.concealment > STEP_CONCEALED:
                faults.append(f"{track} in {after.at - before.at:.1f} s: {sound}")
    heights = {int(height): count for height, count in cleo.tab.evaluate("() => window.heights").items()}
    if sum(count for height, count in heights.items() if height > SMALL) < UNTOUCHED * sum(heights.values()):
        faults.append(f"Cleo saw Ada in other heights: {heights}")
    seen = [look.heard["cleo", "ada", "camera"].frames for look in looks]
    if seen[2] - seen[0] < PICTURES * (looks[2].at - looks[0].at):
        faults.append(f"Cleo saw frames {seen} of Ada")
    return faults


# ---- A client whose address changes

# Without media, at most: Chromium asks whether its path still lives every 2.5 s.
REBOUND_SECONDS = 6
# Chromium takes some seconds to believe that its path is dead, and the page two more; then ICE begins anew.
RESTARTED_SECONDS = 20

# Notes, of a person's own page and as often as it changes, what it says of the call, and whether the other is shown there.
NOTE_CALL = """
user => {
    const notes = window.notes = [];
    const look = () => {
        const panel = document.querySelector('[data-testid="call-panel"]');
        const tile = document.querySelector(`[data-testid="call-tile"][data-user-id="${user}"]`);
        const note = [panel?.dataset.state, panel?.querySelector(".call-status")?.textContent ?? "", tile !== null];
        if (notes.at(-1)?.join() !== note.join()) notes.push(note);
        setTimeout(look, 30);
    };
    look();
}
"""


@pytest.fixture
def two(phones, team, stack, network):
    """Ada and Bob, who talk by UDP, and the ports from which Bob's browser sends."""
    network.impair(NEAR, NEAR)
    network.open("udp")
    ada, bob = phones.meet(team, team.text)
    for caller, other in ((ada, bob), (bob, ada)):
        caller.tab.evaluate(NOTE_CALL, other.user_id)
    ports = network.clients(bob.local_ports())
    assert ports, "nothing came from Bob"
    return ada, bob, ports


def seats(stack: Stack, channel: str) -> set[tuple[str, str]]:
    return {(one["userID"], one["participantID"]) for one in participants(stack, channel)}


def expect_again(ada: Caller, bob: Caller, seconds: float) -> float:
    """Both see and hear what the other sends from now on. Answers after how many seconds."""
    began = time.monotonic()
    counts = {(watcher, actor): (watcher.frames_from(actor.user_id), watcher.audio_heard())
              for watcher, actor in ((ada, bob), (bob, ada))}

    def goes_on() -> bool:
        return all(watcher.frames_from(actor.user_id) > frames + 2 * PICTURES and watcher.audio_heard() > heard + HEARD
                   for (watcher, actor), (frames, heard) in counts.items())

    wait_until(goes_on, seconds, "both see and hear each other again")
    return time.monotonic() - began


def test_a_client_behind_a_NAT_that_forgot_it_goes_on_from_its_new_port(two, team, stack, network):
    """The browser does not know; its next check comes from elsewhere, and everything goes there."""
    ada, bob, ports = two
    seated = seats(stack, team.text)
    for port in ports:
        network.rebind(port)
    print(f"again after {expect_again(ada, bob, REBOUND_SECONDS):.1f} s")
    expect_conversation(ada, bob, seconds=3)
    assert seats(stack, team.text) == seated, "Bob has another seat"
    for caller in (ada, bob):
        notes = caller.tab.evaluate("() => window.notes")
        assert {(state, shown) for state, _, shown in notes} == {("connected", True)}, notes


def test_a_browser_whose_network_changes_restarts_ICE_in_its_seat_and_says_that_it_reconnects(
        phones, two, team, stack, network):
    """Nothing comes through from or to the ports that Bob's browser has; only those that it opens anew lead anywhere."""
    ada, bob, ports = two
    seated = seats(stack, team.text)
    for port in ports:
        network.impair(Impairment(loss=1), Impairment(loss=1), port)
    bob.expect_call_state("reconnecting", RESTARTED_SECONDS)
    phones.picture("reconnecting")
    bob.expect_call_state("connected", RESTARTED_SECONDS)
    print(f"again after {expect_again(ada, bob, FIRST_PICTURE):.1f} s more")
    expect_conversation(ada, bob, seconds=3)
    used = network.clients([bob.media()["local"]["port"]])
    assert used and not used & ports, f"Bob's browser sends from {used}, and had {ports}"
    assert seats(stack, team.text) == seated, "Bob has another seat"
    told = bob.tab.evaluate("() => window.notes")
    print(told)
    assert [state for state, _, _ in told] == ["connected", "reconnecting", "connected"], told
    assert told[1][1] == "Reconnecting…" and told[2][1] == "", told
    seen = ada.tab.evaluate("() => window.notes")
    assert {(state, shown) for state, _, shown in seen} == {("connected", True)}, seen
