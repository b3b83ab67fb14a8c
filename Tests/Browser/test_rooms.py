"""What people meet in calls: ringing, and what a room can do."""

import time
import urllib.error

import pytest

from accounts import Account
from caller import Caller, hook, wait_until
from expectations import FIRST_PICTURE, HEARD, SEEN

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


def test_past_calls_are_listed_to_who_was_in_the_conversation(phones, team, direct):
    """One that was missed and one that was answered, on the page and, a page at a time, over the API."""
    ada, bob = phones.chromium(team.people[0], direct), phones.chromium(team.people[1], direct)
    for is_answered in (False, True):
        ada.join()
        bob.wait_for("ring", RINGS)
        if is_answered:
            bob.press("ring-accept")
            bob.expect_call_state("connected")
            bob.press("call-leave")
        ada.press("call-leave")
        expect_gone(bob, "ring", RINGS)
        wait_until(lambda: len(past_calls(team.people[0], direct)["calls"]) == 1 + is_answered, RINGS, "it is in the log")
    for caller, words in ((ada, "Nobody answered your call"), (bob, "Missed call from Ada")):
        caller.press("call-log")
        caller.wait_for("past-call", SEEN)
        rows = caller.tab.evaluate(
            "selector => [...document.querySelectorAll(selector)].map(row => row.textContent)", hook("past-call"))
        assert len(rows) == 2 and words in rows[1] and "Today" in rows[1], rows
        assert ("You and Bob" if caller is ada else "Ada and you") in rows[0], rows
    phones.picture("call-log")
    newest = past_calls(team.people[1], direct, "?limit=1")
    oldest = past_calls(team.people[1], direct, f"?limit=1&before={newest['before']}")
    assert [call["outcome"] for call in newest["calls"] + oldest["calls"]] == ["answered", "cancelled"]
    assert "before" not in oldest
    with pytest.raises(urllib.error.HTTPError) as refusal:
        past_calls(team.people[2], direct)
    assert refusal.value.code == 404


def past_calls(account: Account, channel_id: str, query: str = "") -> dict:
    return account.call("GET", f"/channels/{channel_id}/calls{query}")


def missed_in(caller: Caller, channel_id: str) -> int:
    """What the badge of the conversation counts."""
    button = f'{hook("channel-list")} button[data-channel-id="{channel_id}"]'
    return int(caller.tab.evaluate("selector => document.querySelector(selector).dataset.unread", button))


def expect_gone(caller: Caller, test_id: str, seconds: float) -> None:
    wait_until(lambda: caller.count(test_id) == 0, seconds, f"{caller.name} sees no {test_id} any more")


def test_a_raised_hand_is_seen_and_lowered(phones, team):
    ada, bob = phones.meet(team, team.text)
    bob.press("call-hand")
    ada.expect_tile(bob, SEEN, hand="1")
    ada.press("call-hand")
    bob.expect_tile(ada, SEEN, hand="2")
    phones.picture("hands")
    act_on(ada, bob, "lower-hand")
    wait_until(lambda: not bob.is_pressed("call-hand"), SEEN, "Bob's hand is down")
    bob.expect_tile(ada, SEEN, hand="1")


def test_a_moderator_mutes_until_it_is_allowed_again(phones, team):
    """Ada owns the workspace; Bob may moderate nobody."""
    ada, bob = phones.meet(team, team.text)
    act_on(ada, bob, "mute-person")
    bob.wait_for("notice", SEEN)
    wait_until(lambda: bob.is_pressed("call-mute"), SEEN, "Bob is muted")
    ada.expect_tile(bob, SEEN, muted="true", held="true")
    # What was under way may still be heard.
    wait_until(lambda: heard_in_a_second(ada) < HEARD / 10, 5, "Ada hears nothing")
    bob.tab.evaluate("selector => document.querySelector(selector).click()", hook("call-mute"))
    assert bob.is_pressed("call-mute"), "Bob cannot turn it on"
    phones.picture("muted-by-a-moderator")
    act_on(ada, bob, "unmute-person")
    ada.expect_tile(bob, SEEN, held="false")
    assert bob.is_pressed("call-mute"), "it is Bob who turns it on"
    wait_until(lambda: "turn on your microphone again" in text_of(bob, "notice"), SEEN, "Bob is told")
    bob.press("call-mute")
    ada.expect_tile(bob, SEEN, muted="false")
    wait_until(lambda: heard_in_a_second(ada) > HEARD, 5, "Ada hears Bob again")
    open_menu(bob, ada)
    assert bob.count("mute-person") == 0 and bob.count("remove-person") == 0


def test_a_stage_has_an_audience_that_is_invited_to_speak(phones, team):
    """Ada owns the workspace: she speaks. Bob and Cleo listen; Bob asks for the word."""
    owner, *others = team.people
    stage = owner.call("POST", f"/workspaces/{team.workspace}/channels", name="town hall", kind="stage")["id"]
    for person in others:
        person.call("POST", f"/channels/{stage}/join")
    ada, bob, cleo = (phones.chromium(person, stage) for person in (owner, *others[:2]))
    for phone in (ada, bob, cleo):
        phone.join()
    for phone in (ada, bob, cleo):
        wait_until(lambda: listeners(phone) == {bob.user_id, cleo.user_id}, SEEN, f"{phone.name} sees who listens")
        assert users_of(phone, hook("call-tile")) == [ada.user_id]
    assert bob.count("call-mute") == 0 and bob.count("call-camera") == 0, "who listens has nothing to turn on"
    wait_until(lambda: heard_in_a_second(bob) > HEARD, 5, "Bob hears Ada")
    bob.press("call-hand")
    for phone in (ada, cleo):
        wait_until(lambda: asking(phone) == [bob.user_id], SEEN, f"{phone.name} sees Bob's hand")
    assert bob.count("invite-to-speak") == 0, "only moderators invite"
    phones.picture("stage")
    ada.tab.click(f'{listener(bob)} {hook("invite-to-speak")}')
    bob.wait_for("call-mute", SEEN)
    assert bob.is_pressed("call-mute"), "an invitation turns nothing on"
    bob.press("call-mute")
    for phone in (ada, cleo):
        phone.expect_tile(bob, SEEN, muted="false")
        wait_until(lambda: listeners(phone) == {cleo.user_id}, SEEN, f"{phone.name} sees Bob on the stage")
    wait_until(lambda: heard_in_a_second(ada) > HEARD, 5, "Ada hears Bob")
    act_on(ada, bob, "send-back")
    wait_until(lambda: bob.count("call-mute") == 0, SEEN, "Bob listens again")
    wait_until(lambda: heard_in_a_second(ada) < HEARD / 10, 5, "Ada hears nobody")


def listener(caller: Caller) -> str:
    return f'{hook("listener")}[data-user-id="{caller.user_id}"]'


def listeners(caller: Caller) -> set[str]:
    return set(users_of(caller, hook("listener")))


def asking(caller: Caller) -> list[str]:
    return users_of(caller, f'{hook("listener")}[data-hand]')


def test_a_moderator_removes_somebody_and_lets_them_back(phones, team):
    ada, bob = phones.meet(team, team.text)
    act_on(ada, bob, "remove-person")
    ada.press("confirm-remove-call")
    bob.wait_for("call-ended", SEEN + 1)
    ada.expect_no_tile(bob.user_id, SEEN)
    bob.press("call-button")
    bob.wait_for("prejoin-dialog")
    bob.press("prejoin-join")
    wait_until(lambda: "removed you" in text_of(bob, "call-ended"), 5, "Bob is told that he was removed")
    act_on(ada, ada, "call-removals")
    ada.press("allow-person")
    wait_until(lambda: ada.count("allow-person") == 0, SEEN, "nobody is kept out")
    bob.join()


def test_the_loudest_the_pinned_and_the_volume(phones, team):
    ada, bob = phones.meet(team, team.text)
    large = f'.large {hook("call-tile")}'
    assert users_of(ada, large) == [], "in a grid nobody is large"
    ada.press("call-view")
    wait_until(lambda: users_of(ada, large) == [bob.user_id], SEEN, "who speaks is large")
    phones.picture("speaker-view")
    act_on(ada, ada, "tile-pin")
    wait_until(lambda: users_of(ada, large) == [ada.user_id], SEEN, "who is pinned is large")
    open_menu(ada, bob)
    ada.tab.fill(hook("tile-volume"), "25")
    wait_until(lambda: 0.25 in volumes(ada), SEEN, "Bob is quieter")
    assert 1 in volumes(ada), "nobody else is"
    wait_until(lambda: ada.frames_from(bob.user_id) > 0, FIRST_PICTURE, "Bob is seen")


def test_push_to_talk(phones, team):
    """The key works wherever the focus is, but writes in a text field."""
    ada, bob = phones.meet(team, team.text)
    bob.press("call-devices")
    bob.press("push-to-talk")
    bob.tab.click('dialog [aria-label="Close"]')
    ada.expect_tile(bob, SEEN, muted="true")
    for focus, is_heard in ((hook("call-camera"), True), (hook("composer"), False)):
        bob.tab.evaluate("selector => document.querySelector(selector).focus()", focus)
        send_key(bob, "keydown")
        ada.expect_tile(bob, SEEN, muted="false" if is_heard else "true")
        send_key(bob, "keyup")
        ada.expect_tile(bob, SEEN, muted="true")
    assert bob.is_pressed("call-camera"), "the button under the focus was not pressed"


# A microphone that hears a tone of -29 dB of full scale without end; the fake one's beeps are louder than any threshold.
TONE = """
    const openDevices = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async wanted => {
        const stream = await openDevices(wanted);
        const context = new AudioContext(), tone = context.createOscillator(), volume = context.createGain();
        const sound = context.createMediaStreamDestination();
        volume.gain.value = 0.05;
        tone.connect(volume).connect(sound);
        tone.start();
        return new MediaStream([...sound.stream.getTracks(), ...stream.getVideoTracks()]);
    };
"""


def test_a_voice_gate_lets_through_what_is_louder_than_its_threshold(phones, team):
    """Below the threshold nothing of Bob is heard, and he is not muted."""
    ada, bob = phones.meet(team, team.text, preload=TONE)
    bob.press("call-devices")
    bob.press("voice-gate")
    # By more than the hysteresis, 6 dB: the gate was open before.
    bob.tab.fill(hook("gate-threshold"), "-20")
    wait_until(lambda: heard_in_a_second(ada) < HEARD / 10, 5, "Ada hears nothing")
    ada.expect_tile(bob, SEEN, muted="false")
    bob.tab.fill(hook("gate-threshold"), "-35")
    wait_until(lambda: heard_in_a_second(ada) > HEARD, 5, "Ada hears Bob")
    phones.picture("voice-gate")
    bob.tab.click('dialog [aria-label="Close"]')
    bob.press("call-mute")
    ada.expect_tile(bob, SEEN, muted="true")
    wait_until(lambda: heard_in_a_second(ada) < HEARD / 10, 5, "who is muted is not heard through the gate")


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_the_quality_of_a_call_in_words_and_numbers(phones, team, browser):
    _, bob = phones.meet(team, team.text, browser)
    grade = f'{hook("call-quality")}[data-grade="good"]'
    wait_until(lambda: bob.tab.evaluate("selector => !!document.querySelector(selector)", grade), 10, "it is called good")
    bob.press("call-quality")
    bob.wait_for("quality-path")
    assert text_of(bob, "quality-path") == "direct, over UDP"
    wait_until(lambda: "bit/s" in text_of(bob, "quality-received") and text_of(bob, "quality-received") != "0 kbit/s", 5,
               "something comes in")
    assert text_of(bob, "quality-round-trip").endswith(" ms")
    assert text_of(bob, "quality-loss") in ("none", "under 0.1 %")
    phones.picture(f"quality-{browser}")


# All of the picture of oneself, made small.
PREVIEW = """
() => {
    const video = document.querySelector(".preview video");
    if (!video?.videoWidth) return undefined;
    const canvas = new OffscreenCanvas(64, 36), pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0, 64, 36);
    return [...pen.getImageData(0, 0, 64, 36).data].join();
}
"""


def test_one_sees_oneself_move_and_the_level_of_the_microphone_before_joining(phones, team):
    ada = phones.chromium(team.people[0], team.text)
    ada.press("call-button")
    ada.wait_for("prejoin-level")
    level = "selector => Number(document.querySelector(selector)?.ariaValueNow ?? 0)"
    # The fake microphone beeps each second.
    wait_until(lambda: ada.tab.evaluate(level, hook("prejoin-level")) > 20, 5, "the meter moves")
    first = wait_until(lambda: ada.tab.evaluate(PREVIEW), FIRST_PICTURE, "Ada sees herself")
    wait_until(lambda: ada.tab.evaluate(PREVIEW) != first, SEEN, "and moves")
    phones.picture("prejoin")


def open_menu(caller: Caller, other: Caller) -> None:
    tile = f'{hook("call-tile")}[data-user-id="{other.user_id}"][data-source="camera"]'
    caller.tab.evaluate("selector => document.querySelector(selector).click()", f'{tile} {hook("tile-more")}')


def act_on(caller: Caller, other: Caller, test_id: str) -> None:
    """Chooses something in the menu of the other's tile."""
    open_menu(caller, other)
    caller.wait_for(test_id, SEEN)
    caller.press(test_id)


def text_of(caller: Caller, test_id: str) -> str:
    return caller.tab.evaluate("selector => document.querySelector(selector)?.textContent ?? ''", hook(test_id))


def users_of(caller: Caller, selector: str) -> list[str]:
    return caller.tab.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(tile => tile.dataset.userId)", selector)


def volumes(caller: Caller) -> list[float]:
    return caller.tab.evaluate("() => [...document.querySelectorAll('audio')].map(audio => audio.volume)")


def send_key(caller: Caller, kind: str) -> None:
    """As the keyboard does to whatever has the focus."""
    caller.tab.evaluate(
        """kind => document.activeElement.dispatchEvent(
            new KeyboardEvent(kind, { code: "Backquote", key: "`", bubbles: true, cancelable: true }))""", kind)


def heard_in_a_second(caller: Caller) -> float:
    before = caller.audio_heard()
    time.sleep(1)
    return caller.audio_heard() - before
