"""What people see of each other as it happens: presence, typing, what is unread, and a connection that comes and goes."""

import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Route, expect

from accounts import Account, make_team

MESSAGES = "**/api/v1/channels/*/messages"
# A person whose last connection ended counts as before for this long.
GRACE_SECONDS = 10


@pytest.fixture
def crew(stack, person):
    """Ada, Bob and Cleo by the API, with `general` and `lounge`; Ada and Bob at a browser each, Bob behind a proxy."""
    team = make_team(stack.url, "ada", "bob", "cleo")
    proxy = stack.proxy()
    ada = person("ada")
    ada.sign_in(team.people[0].username)
    bob = person("bob", base=f"http://127.0.0.1:{proxy.port}")
    bob.sign_in(team.people[1].username)
    for someone in (ada, bob):
        someone.open_channel("general")
        someone.page.get_by_test_id("composer").wait_for()
    yield team, ada, bob, proxy
    proxy.close()


def member(account: Account) -> str:
    """The row of a person in the members panel."""
    return f'[data-testid=member-list] [data-user-id="{account.user_id}"]'


def write(account: Account, channel: str, text: str) -> dict:
    return account.call("POST", f"/channels/{channel}/messages", content=text, idempotencyKey=f"{time.time_ns()}")


# MARK: Presence and typing


def test_O8_T8_presence_appears_at_once_outlives_a_reload_and_goes_after_the_grace(crew):
    """O8, T8: Bob is online, a reload of his page does not flicker, and when he is gone he is offline after the grace."""
    team, ada, bob, _ = crew
    ada.page.get_by_test_id("members").click()
    row = member(team.people[1])
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "online")
    expect(ada.page.locator(member(team.people[2]))).to_have_attribute("data-presence", "offline")

    ada.record(row, "data-presence")
    bob.page.reload()
    bob.expect_current()
    gone_at = time.monotonic()
    bob.page.close()
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "offline", timeout=(GRACE_SECONDS + 5) * 1000)
    assert time.monotonic() - gone_at > GRACE_SECONDS - 2, "there was no grace"
    assert ada.recorded("data-presence") == ["online", "offline"]


def test_what_a_person_says_of_themselves_is_seen_and_kept(crew):
    """Busy with a status is seen by others; invisible is offline to them, and stays so through a reload."""
    team, ada, bob, _ = crew
    ada.page.get_by_test_id("members").click()
    row = member(team.people[1])
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "online")

    say(bob, "busy", "🎧", "Deep in thought")
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "busy")
    expect(ada.page.locator(row).get_by_test_id("member-status")).to_have_text("🎧 Deep in thought")
    expect(bob.page.get_by_test_id("own-presence")).to_contain_text("Deep in thought")

    say(bob, "offline")
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "offline")
    ada.record(row, "data-presence")
    bob.page.reload()
    bob.expect_current()
    expect(bob.page.get_by_test_id("own-presence")).to_have_attribute("data-presence", "offline")
    # Whatever was told of the new connection has been told when a message sent after it is here.
    bob.send("out of nowhere")
    expect(ada.message("out of nowhere")).to_be_visible()
    ada.page.wait_for_timeout(1_000)
    assert ada.recorded("data-presence") == ["offline"]

    say(bob, "online")
    expect(ada.page.locator(row)).to_have_attribute("data-presence", "online")
    expect(ada.page.locator(row).get_by_test_id("member-status")).to_have_text("🎧 Deep in thought")


def test_O7_T5_C3_typing_shows_and_ends(crew):
    """O7, T5, C3: it shows while Bob writes, ends three seconds after he stops, and at once when he sends."""
    _, ada, bob, _ = crew
    line = ada.page.get_by_test_id("typing")
    requests: list[str] = []
    composer = bob.page.get_by_test_id("composer")
    composer.focus()
    bob.page.on("request", lambda request: requests.append(request.url))
    composer.press_sequentially("Hmm", delay=50)
    expect(line).to_have_text("Bob is typing…", timeout=1_000)
    assert requests == [], "writing is no matter of HTTP"
    silent_at = time.monotonic()
    expect(line).to_have_text("", timeout=4_500)
    assert time.monotonic() - silent_at > 1, "it ended while it could still go on"

    composer.press_sequentially(" well", delay=50)
    expect(line).to_have_text("Bob is typing…", timeout=3_000)
    composer.press("Enter")
    expect(ada.message("Hmm well")).to_be_visible()
    expect(line).to_have_text("", timeout=500)


# MARK: Unread


def test_O9_O17_a_badge_falls_on_the_other_device_within_a_second(crew, person):
    """O9, O17: what one device reads is read on the other, ≤ 1 s."""
    team, ada, bob, _ = crew
    phone = person("ada_phone")
    phone.sign_in(team.people[0].username)
    for device in (ada, phone):
        device.open_channel("lounge")
        device.expect_waiting("general", 0)
    bob.send("one")
    bob.send("two")
    for device in (ada, phone):
        device.expect_waiting("general", 2)
        expect(device.channel("general").get_by_test_id("unread-dot")).to_be_visible()
        expect(device.page).to_have_title("• lounge · Analytical Engines · Roost")

    ada.open_channel("general")
    expect(ada.message("two")).to_be_visible()
    ada.expect_waiting("general", 0)
    read_at = time.monotonic()
    phone.expect_waiting("general", 0, timeout=1_000)
    print(f"the other device's badge fell after {(time.monotonic() - read_at) * 1000:.0f} ms")
    expect(ada.page.get_by_test_id("new-line")).to_be_visible()


def test_the_badge_equals_a_recount_after_edits_and_deletions(crew):
    """Counts move with what happens, and after a reload they are the same."""
    team, ada, bob, _ = crew
    ada.open_channel("lounge")
    _, _, cleo = team.people
    sent = [write(cleo, team.text, f"message {number}") for number in range(4)]
    ada.expect_waiting("general", 4)
    cleo.call("PATCH", f"/channels/{team.text}/messages/{sent[1]['id']}", content=f"@{team.people[0].username} you")
    ada.expect_waiting("general", 4, 1)
    for message in sent[:2]:
        cleo.call("DELETE", f"/channels/{team.text}/messages/{message['id']}")
    ada.expect_waiting("general", 2, 0)
    ada.page.reload()
    ada.open_channel("lounge")
    ada.expect_waiting("general", 2, 0)
    # Counted by the snapshot, so this takes a recount.
    cleo.call("DELETE", f"/channels/{team.text}/messages/{sent[2]['id']}")
    ada.expect_waiting("general", 1, 0)
    assert team.people[0].call("GET", f"/channels/{team.text}/unread")["unreadCount"] == 1
    expect(bob.message("message 3")).to_be_visible()


def test_a_mention_is_completed_by_keyboard_and_calls_its_reader(crew):
    """@ and a few letters, arrows and Enter; the reader has a badge, a number in the title, and sees it in the text."""
    team, ada, bob, _ = crew
    ada.open_channel("lounge")
    composer = bob.page.get_by_test_id("composer")
    composer.focus()
    bob.page.keyboard.type("Look, @a")
    listed = bob.page.get_by_test_id("mention-list")
    expect(listed.get_by_role("option").first).to_contain_text("Ada")
    expect(composer).to_have_attribute("role", "combobox")
    first = listed.get_by_role("option").first.get_attribute("id")
    expect(composer).to_have_attribute("aria-activedescendant", first or "none")
    bob.page.keyboard.press("ArrowDown")
    expect(listed.get_by_role("option", selected=True)).to_contain_text("Everybody")
    bob.page.keyboard.press("ArrowUp")
    bob.page.keyboard.press("Enter")
    expect(composer).to_have_value(f"Look, @{team.people[0].username} ")
    expect(listed).to_have_count(0)
    bob.page.keyboard.type("here")
    bob.page.keyboard.press("Enter")

    ada.expect_waiting("general", 1, 1)
    expect(ada.channel("general").get_by_test_id("badge")).to_have_text("1 for you")
    expect(ada.page).to_have_title("(1) lounge · Analytical Engines · Roost")
    ada.open_channel("general")
    expect(ada.message("Look, ").locator(".mention.mine")).to_have_text(f"@{team.people[0].username}")
    expect(bob.message("Look, ").locator(".mention")).to_have_text(f"@{team.people[0].username}")
    expect(bob.message("Look, ").locator(".mention.mine")).to_have_count(0)
    ada.expect_waiting("general", 0)


def test_O17_messages_marked_unread_stay_so_until_escape(crew, person):
    """O17: marked unread from one on, in view and on the other device; Esc reads them."""
    team, ada, bob, _ = crew
    phone = person("ada_phone")
    phone.sign_in(team.people[0].username)
    phone.open_channel("lounge")
    for text in ("first", "second", "third"):
        bob.send(text)
    expect(ada.message("third")).to_be_visible()
    phone.expect_waiting("general", 0)
    ada.message("second").hover()
    ada.message("second").get_by_test_id("mark-unread").click()
    for device in (ada, phone):
        device.expect_waiting("general", 2)
    following = ada.page.locator("li.new + li")
    expect(following).to_contain_text("second")
    bob.send("fourth")
    for device in (ada, phone):
        device.expect_waiting("general", 3)
    ada.page.keyboard.press("Escape")
    for device in (ada, phone):
        device.expect_waiting("general", 0)
    expect(ada.page.get_by_test_id("new-line")).to_have_count(0)


# MARK: A connection that comes and goes


def test_O12_T11_what_was_written_offline_survives_the_page_and_is_sent_once_in_order(crew):
    """O12, T11: written without a network, the page closed; on the next page it waits still, and is sent by itself."""
    _, ada, bob, _ = crew
    context = bob.page.context

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.abort("internetdisconnected")
        else:
            route.continue_()

    context.route(MESSAGES, refuse)
    texts = ["written first", "written second", "written third"]
    for text in texts:
        bob.send(text)
        expect(bob.message(text)).to_have_attribute("data-state", "pending")
    expect(bob.page.get_by_test_id("outgoing-note").first).to_contain_text("Waiting for the connection")
    bob.page.close()

    page = context.new_page()
    page.goto("/")
    bob.page = page
    bob.expect_current()
    bob.open_channel("general")
    for text in texts:
        expect(bob.message(text)).to_have_attribute("data-state", "pending")
    context.unroute(MESSAGES)
    for text in texts:
        expect(bob.message(text)).to_have_attribute("data-state", "sent", timeout=15_000)
        expect(ada.message(text)).to_have_count(1)
    shown = [text for text in ada.page.get_by_test_id("message").locator(".markdown").all_inner_texts() if text in texts]
    assert shown == texts
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('roost.unsent'))") == []


def test_O12_a_send_while_cut_off_waits_and_says_so(crew):
    """O12: cut off, the page says what will happen; what is written then is sent when it is back, without a click."""
    _, ada, bob, proxy = crew
    proxy.cut()
    expect(bob.page.get_by_test_id("connection-banner")).to_contain_text("What you write is kept and sent then.")
    bob.send("from the tunnel")
    expect(bob.message("from the tunnel")).to_have_attribute("data-state", "pending")
    expect(bob.page.get_by_test_id("connection-banner")).to_contain_text("Your message is kept and sent then.")
    expect(bob.page.get_by_test_id("connection-mark")).to_have_attribute("title", "Offline")
    proxy.restore()
    expect(bob.message("from the tunnel")).to_have_attribute("data-state", "sent", timeout=20_000)
    expect(ada.message("from the tunnel")).to_have_count(1)
    bob.expect_current()
    expect(bob.page.get_by_test_id("connection-banner")).to_have_count(0)


def test_T11_a_draft_of_each_channel_survives_a_reload(crew):
    """T11: nothing half-written is lost."""
    _, _, bob, _ = crew
    composer = bob.page.get_by_test_id("composer")
    composer.fill("half a thought")
    bob.open_channel("lounge")
    expect(composer).to_have_value("")
    composer.fill("another one")
    expect(bob.channel("general")).to_contain_text("draft")
    bob.page.reload()
    expect(composer).to_have_value("another one")
    bob.open_channel("general")
    expect(composer).to_have_value("half a thought")


def test_T7_a_mute_is_told_and_waited_for(crew):
    """T7: too many messages; the page says how long it takes, and sends what waits by itself when it is over."""
    team, ada, bob, _ = crew
    _, sender, _ = team.people
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda number: attempt(sender, team.voice, number), range(1_010))
    assert 429 in set(answers), "there was no mute to tell of"
    bob.open_channel("lounge")
    bob.send("one too many")
    expect(bob.page.get_by_test_id("outgoing-note")).to_contain_text("It is sent by itself in")
    expect(bob.page.get_by_test_id("composer-note")).to_contain_text("You can write again in")
    expect(bob.message("one too many")).to_have_attribute("data-state", "pending")
    expect(bob.message("one too many")).to_have_attribute("data-state", "sent", timeout=20_000)
    ada.open_channel("lounge")
    expect(ada.message("one too many")).to_have_count(1)


def test_S2_gateways_that_go_away_are_left_without_anybody_noticing(crew, stack):
    """S2: each gateway is restarted in turn; the page stays connected throughout, and everything arrives once."""
    _, ada, bob, _ = crew
    for someone in (ada, bob):
        someone.record("body", "data-state")
        someone.record("[data-testid=connection-banner]", "class")
    for number in range(3):
        name = f"gateway-{number}"
        stack.run("stop", name)
        try:
            bob.send(f"during the restart of {name}")
            expect(ada.message(f"during the restart of {name}")).to_have_count(1)
            ada.send(f"answer about {name}")
            expect(bob.message(f"answer about {name}")).to_have_count(1)
        finally:
            stack.run("start", name)
    for someone in (ada, bob):
        assert someone.recorded("data-state") == ["current"]
        assert someone.recorded("class") == [""]
        assert someone.page.get_by_test_id("message").filter(has_text="gateway-").count() == 6


# MARK: Who may be where


def test_who_is_removed_is_out_at_once_and_a_channel_can_become_private(crew):
    """The owner removes Bob from a channel and makes it private: it is gone from his page without a reload."""
    team, ada, bob, _ = crew
    ada.page.get_by_test_id("members").click()
    row = ada.page.locator(member(team.people[1]))
    row.get_by_test_id("remove-member").click()
    ada.page.get_by_test_id("confirm-remove").click()
    expect(row).to_have_count(0)
    expect(bob.channel("general")).to_have_count(0)
    bob.page.get_by_test_id("browse").click()
    expect(bob.page.get_by_test_id("browse-list")).to_contain_text("general")

    ada.page.get_by_test_id("channel-details").click()
    ada.page.get_by_label("Private").check()
    ada.page.get_by_test_id("save-channel").click()
    expect(bob.page.get_by_test_id("browse-list")).not_to_contain_text("general")


def test_leaving_a_workspace_takes_two_clicks_and_all_its_channels(crew):
    team, ada, bob, _ = crew
    bob.page.get_by_test_id("workspace-details").click()
    bob.page.get_by_test_id("leave-workspace").click()
    expect(bob.page.get_by_test_id("leave-workspace")).to_contain_text("Really")
    bob.page.get_by_test_id("leave-workspace").click()
    expect(bob.page.get_by_test_id("channel-list")).to_have_count(0)
    expect(bob.page.get_by_test_id("new-workspace").first).to_be_visible()
    ada.page.get_by_test_id("members").click()
    expect(ada.page.locator(member(team.people[1]))).to_have_count(0)
    expect(ada.page.locator(member(team.people[2]))).to_have_count(1)


def say(person, choice: str, emoji: str | None = None, text: str | None = None) -> None:
    person.page.get_by_test_id("own-presence").click()
    person.page.locator(f'input[name=presence][value={choice}]').check()
    if emoji is not None:
        person.page.get_by_test_id("status-emoji").fill(emoji)
    if text is not None:
        person.page.get_by_test_id("status-text").fill(text)
    person.page.get_by_test_id("save-status").click()


def attempt(sender: Account, channel: str, number: int) -> int:
    """Sends a message as fast as may be. Answers the status."""
    try:
        sender.call("POST", f"/channels/{channel}/messages", content=f"flood {number}", idempotencyKey=f"flood-{number:010}")
        return 201
    except urllib.error.HTTPError as refusal:
        return refusal.code
