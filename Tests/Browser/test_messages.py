"""Two people in two browsers, through nginx, two APIs and three gateways."""

import time

from playwright.sync_api import expect


def test_S2_messages_edits_and_deletes_appear_at_the_other(pair):
    """S2: what one does the other sees, over whichever gateways they are on."""
    ada, bob, _ = pair
    ada.send("Hello Bob, **welcome**")
    expect(bob.message("Hello Bob")).to_be_visible()
    expect(bob.message("Hello Bob").locator("strong").filter(has_text="welcome")).to_be_visible()
    expect(ada.message("Hello Bob")).to_have_attribute("data-state", "sent")

    bob.send("Hello Ada")
    expect(ada.message("Hello Ada")).to_be_visible()

    edit(ada, "Hello Bob", "Good morning, Bob")
    expect(bob.message("Good morning, Bob")).to_contain_text("(edited)")
    expect(bob.message("Hello Bob")).to_have_count(0)

    delete(ada, "Good morning, Bob")
    expect(bob.message("Good morning, Bob")).to_have_count(0)
    expect(bob.message("Hello Ada")).to_have_count(1)


def test_a_new_channel_is_joined_and_talked_in(pair):
    ada, bob, _ = pair
    ada.make_channel("engines")
    ada.send("First in engines")
    bob.page.get_by_test_id("browse").first.click()
    bob.page.get_by_test_id("join-channel").first.click()
    expect(bob.page.get_by_test_id("channel-list")).to_contain_text("engines")
    bob.page.keyboard.press("Escape")
    bob.open_channel("engines")
    expect(bob.message("First in engines")).to_be_visible()
    ada.send("Second in engines")
    expect(bob.message("Second in engines")).to_be_visible()


def test_S3_what_was_missed_while_cut_off_is_shown(pair):
    """S3: cut off for five seconds at a proxy, then everything is there: messages, an edit and a deletion."""
    ada, bob, proxy = pair
    for text in ("stays", "will change", "will go"):
        ada.send(text)
        expect(bob.message(text)).to_be_visible()

    assert proxy.cut() > 0, "Bob had no connection to cut"
    cut_at = time.monotonic()
    assert proxy.open_count == 0
    expect(bob.page.get_by_test_id("connection-state")).not_to_have_attribute("data-state", "current")
    for number in range(20):
        ada.send(f"missed {number}.")
        expect(ada.message(f"missed {number}.")).to_have_attribute("data-state", "sent")
    edit(ada, "will change", "has changed")
    delete(ada, "will go")
    expect(ada.message("has changed")).to_be_visible()
    expect(ada.message("will go")).to_have_count(0)
    bob.page.wait_for_timeout(max(0, 5_000 - (time.monotonic() - cut_at) * 1000))
    assert proxy.open_count == 0, "a connection went through the cut"
    assert bob.message("missed").count() == 0

    proxy.restore()
    bob.expect_current()
    expect(bob.message("missed 19.")).to_be_visible()
    assert bob.message("missed").count() == 20
    expect(bob.message("has changed")).to_have_count(1)
    expect(bob.message("will go")).to_have_count(0)
    assert texts(bob) == texts(ada)


def test_killed_gateways_are_left_for_another_within_five_seconds(stack, pair):
    ada, bob, _ = pair
    killed = ["gateway-0", "gateway-1"]
    for name in killed:
        stack.run("kill", name)
    try:
        killed_at = time.monotonic()
        ada.send("after the crash")
        expect(bob.message("after the crash")).to_be_visible(timeout=5_000)
        expect(ada.message("after the crash")).to_have_attribute("data-state", "sent", timeout=5_000)
        for someone in (ada, bob):
            someone.expect_current()
        assert time.monotonic() - killed_at < 5
        assert bob.message("after the crash").count() == 1
    finally:
        for name in killed:
            stack.run("start", name)


def test_C12_T11_a_page_that_is_loaded_again_is_still_signed_in_and_whole(pair):
    """C12, T11: the session outlives the page, by its cookie."""
    ada, bob, _ = pair
    ada.send("before the reload")
    expect(bob.message("before the reload")).to_be_visible()
    bob.page.reload()
    bob.expect_current()
    bob.open_channel("general")
    expect(bob.message("before the reload")).to_be_visible()
    assert bob.page.evaluate("document.cookie") == "", "scripts can read the refresh token"


def edit(person, old: str, new: str) -> None:
    row = person.message(old)
    row.hover()
    row.get_by_test_id("edit-message").click()
    box = person.page.get_by_test_id("edit-box")
    box.fill(new)
    box.press("Enter")


def delete(person, text: str) -> None:
    row = person.message(text)
    row.hover()
    row.get_by_test_id("delete-message").click()
    person.page.get_by_test_id("confirm-delete").click()


def texts(person) -> list[str]:
    """The messages on the page, without names and times."""
    return person.page.get_by_test_id("message").locator(".markdown").all_inner_texts()
