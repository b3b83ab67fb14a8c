"""Ways into a call, around in it and out of it."""

from caller import wait_until
from chromium import DENIED_DEVICES
from expectations import FIRST_PICTURE, HEARD, expect_conversation, expect_growth, expect_pictures


def test_without_camera_and_microphone_one_joins_to_listen(phones, team):
    """Bob's browser refuses the devices: he sees and hears Ada; she sees him there, muted and without a picture."""
    ada = phones.chromium(team.people[0], team.text)
    ada.join()
    bob = phones.chromium(team.people[1], team.text, arguments=(DENIED_DEVICES,))
    bob.join(devices=False)
    wait_until(lambda: bob.frames_from(ada.user_id) > 0, FIRST_PICTURE, "Bob sees Ada's picture")
    wait_until(lambda: bob.audio_heard() > HEARD, FIRST_PICTURE, "Bob hears Ada")
    ada.expect_tile(bob, 1, video="false", muted="true")
    phones.picture("listener")


def test_the_call_goes_on_in_another_channel(phones, team):
    ada, bob = phones.meet(team, team.text)
    ada.choose_channel(team.voice)
    ada.wait_for("call-bar")
    assert ada.call_state is None, "the panel is only where the call is"
    phones.picture("elsewhere")
    heard = ada.audio_heard()
    expect_growth({"Bob's picture of Ada": lambda: bob.frames_from(ada.user_id)}, seconds=3)
    assert ada.audio_heard() - heard > HEARD * 3
    ada.choose_channel(team.text)
    ada.expect_call_state("connected")
    expect_conversation(ada, bob, seconds=2)


def test_who_leaves_the_channel_is_out_of_its_call(phones, team):
    """Over the API, as another device would: the call ends at once, with a sentence that says why."""
    ada, bob = phones.meet(team, team.voice)
    team.people[1].call("POST", f"/channels/{team.voice}/leave")
    ada.expect_no_tile(bob.user_id, 3)
    bob.wait_for("call-ended", 3)
    phones.picture("removed")
    assert ada.call_state == "connected"


def test_closing_the_tab_is_leaving(phones, team):
    ada, bob = phones.meet(team, team.text)
    bob.tab.close()
    ada.expect_no_tile(bob.user_id, 3)
    assert ada.call_state == "connected"


def test_a_page_that_is_loaded_again_is_out_of_the_call(phones, team):
    ada, bob = phones.meet(team, team.text)
    bob.tab.reload()
    ada.expect_no_tile(bob.user_id, 3)
    bob.expect_current()
    assert bob.call_state is None
    bob.join()
    expect_pictures(ada, bob)


def test_the_sidebar_shows_who_is_in_a_voice_channel(phones, team):
    """To somebody who is not in the call, in another channel; and again to nobody when it is over."""
    cleo = phones.chromium(team.people[2], team.text)
    assert cleo.participants_shown(team.voice) == 0
    ada, bob = phones.meet(team, team.voice)
    wait_until(lambda: cleo.participants_shown(team.voice) == 2, 3, "Cleo sees both in the sidebar")
    phones.picture("sidebar")
    bob.press("call-leave")
    wait_until(lambda: cleo.participants_shown(team.voice) == 1, 3, "Cleo sees Bob leave")
    ada.press("call-leave")
    wait_until(lambda: cleo.participants_shown(team.voice) == 0, 3, "Cleo sees an empty channel")
