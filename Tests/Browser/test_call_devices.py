"""Which microphone, camera and speaker a call uses."""

from caller import Caller, hook, wait_until
from expectations import FIRST_PICTURE, HEARD, SEEN, expect_moving, expect_pictures

# Three cameras; of microphones and speakers Chromium always has several that are no devices.
SEVERAL = "--use-fake-device-for-media-stream=device-count=3"

# Chooses the device after the one that is chosen, as the keyboard does, and answers its id.
CHOOSE_NEXT = """
selector => {
    const select = document.querySelector(selector);
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    return select.value;
}
"""
PREVIEWED = "() => document.querySelector('.preview video')?.srcObject?.getVideoTracks()[0]?.getSettings().deviceId"
# The devices of what is sent.
SENT = """
() => window.__peerConnections.findLast(one => one.connectionState !== "closed").getSenders()
    .map(sender => sender.track?.getSettings().deviceId).filter(id => id !== undefined)
"""
SPEAKERS = "() => [...document.querySelectorAll('audio')].map(audio => audio.sinkId)"


def test_devices_are_chosen_before_and_during_the_call(phones, team):
    """What is sent, and where it is heard, really changes, and the others go on seeing and hearing."""
    bob = phones.chromium(team.people[1], team.text)
    bob.join()
    ada = phones.chromium(team.people[0], team.text, arguments=(SEVERAL,))
    ada.press("call-button")
    wait_until(lambda: ada.tab.evaluate(PREVIEWED), FIRST_PICTURE, "Ada sees herself")
    microphone, camera, speaker = choose_others(ada)
    wait_until(lambda: ada.tab.evaluate(PREVIEWED) == camera, SEEN, "Ada sees herself by the other camera")
    ada.press("prejoin-join")
    ada.expect_call_state("connected")
    expect_pictures(ada, bob)
    assert sent(ada) == {microphone, camera}
    wait_until(lambda: heard_at(ada) == {speaker}, SEEN, "the chosen speaker plays")

    ada.press("call-devices")
    others = microphone, camera, speaker = choose_others(ada)
    wait_until(lambda: sent(ada) == {microphone, camera}, SEEN, "others are sent")
    wait_until(lambda: heard_at(ada) == {speaker}, SEEN, "another speaker plays")
    expect_moving(bob, ada)
    before = bob.audio_heard()
    wait_until(lambda: bob.audio_heard() - before > HEARD, 5, "Bob hears Ada")

    ada.tab.reload()
    ada.expect_current()
    ada.join()
    wait_until(lambda: sent(ada) | heard_at(ada) == set(others), SEEN, "the choice is kept")


def choose_others(caller: Caller) -> list[str]:
    """Another microphone, another camera, another speaker."""
    kinds = ("microphone", "camera", "speaker")
    for kind in kinds:
        wait_until(lambda: caller.tab.evaluate(
            "selector => (document.querySelector(selector)?.options.length ?? 0) > 1",
            hook(f"prejoin-{kind}-device")), FIRST_PICTURE, f"{caller.name} can choose a {kind}")
    return [caller.tab.evaluate(CHOOSE_NEXT, hook(f"prejoin-{kind}-device")) for kind in kinds]


def sent(caller: Caller) -> set[str]:
    return set(caller.tab.evaluate(SENT))


def heard_at(caller: Caller) -> set[str]:
    return set(caller.tab.evaluate(SPEAKERS))
