"""What people meet in calls: ringing, and what a room can do."""

import pytest

from caller import Caller, hook, wait_until
from expectations import FIRST_PICTURE, SEEN

# Until it rings: a media node has to report, an API to commit and a gateway to deliver.
RINGS = 3

# Counts the oscillators that sound in a page.
COUNT_TONES = """
    window.__tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...time) { window.__tones += 1; return start.apply(this, time); };
"""


@pytest.fixture
def direct(team) -> str:
    """The conversation of Ada and Bob."""
    return team.direct(*team.people[:2])


def test_C5_a_direct_call_rings_on_all_devices_and_stops_on_all_when_one_answers(phones, team, direct):
    ada = phones.chromium(team.people[0], direct)
    bob, tablet = (phones.chromium(team.people[1], team.text) for _ in range(2))
    for device in (bob, tablet):
        device.tab.evaluate(f"() => {{ {COUNT_TONES} }}")
    ada.join()
    for device in (bob, tablet):
        device.wait_for("ring", RINGS)
        assert "calls you" in device.tab.evaluate("() => document.title")
        wait_until(lambda: device.tab.evaluate("() => window.__tones") > 0, RINGS, f"{device.name} hears it")
    ada.wait_for("ringing", RINGS)
    phones.picture("ringing")
    bob.press("ring-accept")
    for device in (bob, tablet):
        expect_gone(device, "ring", RINGS)
    bob.expect_call_state("connected")
    expect_gone(ada, "ringing", RINGS)
    wait_until(lambda: bob.frames_from(ada.user_id) > 0, FIRST_PICTURE, "Bob sees Ada")
    bob.expect_tile(bob, SEEN, video="false", muted="false")
    assert tablet.call_state is None
    silent = tablet.tab.evaluate("() => window.__tones")
    ada.press("call-leave")
    bob.press("call-leave")
    assert tablet.tab.evaluate("() => window.__tones") == silent


def test_C5_a_decline_reaches_the_caller_and_the_other_devices(phones, team, direct):
    ada = phones.chromium(team.people[0], direct)
    bob, tablet = (phones.chromium(team.people[1], team.text) for _ in range(2))
    ada.join()
    for device in (bob, tablet):
        device.wait_for("ring", RINGS)
    tablet.press("ring-decline")
    for device in (bob, tablet):
        expect_gone(device, "ring", RINGS)
    ada.wait_for("call-ended", RINGS)
    assert "declined" in ada.tab.evaluate("selector => document.querySelector(selector).textContent", hook("call-ended"))
    assert ada.call_state is None
    assert missed_in(bob, direct) == 0


def test_C5_a_missed_call_is_in_the_conversation_and_unread_until_it_is_seen(phones, team, direct):
    ada = phones.chromium(team.people[0], direct)
    bob = phones.chromium(team.people[1], team.text)
    ada.join()
    bob.wait_for("ring", RINGS)
    ada.press("call-leave")
    expect_gone(bob, "ring", RINGS)
    wait_until(lambda: missed_in(bob, direct) == 1, RINGS, "Bob's badge counts the missed call")
    bob.choose_channel(direct)
    bob.wait_for("call-back")
    notice = f'{hook("message")}[data-notice="missedCall"]'
    text = bob.tab.evaluate("selector => document.querySelector(selector)?.textContent", notice)
    assert text.startswith("Missed call from Ada")
    assert ada.tab.evaluate("selector => document.querySelector(selector)?.textContent", notice).startswith("Bob missed")
    phones.picture("missed-call")
    wait_until(lambda: missed_in(bob, direct) == 0, RINGS, "it is read once it is seen")
    assert missed_in(ada, direct) == 0


def missed_in(caller: Caller, channel_id: str) -> int:
    """What the badge of the conversation counts."""
    button = f'{hook("channel-list")} button[data-channel-id="{channel_id}"]'
    return int(caller.tab.evaluate("selector => document.querySelector(selector).dataset.unread", button))


def expect_gone(caller: Caller, test_id: str, seconds: float) -> None:
    wait_until(lambda: caller.count(test_id) == 0, seconds, f"{caller.name} sees no {test_id} any more")
