"""The pages themselves: documentation, narrow screens, the keyboard."""

from playwright.sync_api import expect


def test_T13_S1_the_documentation_is_browsable_offline_and_can_be_tried(person, stack):
    """T13, S1: /docs lists every operation, sends a request from the page, and loads nothing from elsewhere."""
    visitor = person("visitor", path="/docs/")
    page = visitor.page
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((stack.url, "data:", "blob:")) else elsewhere.append(request.url))
    page.reload()
    expect(page.locator("#operations-messages-sendMessage")).to_be_visible()
    expect(page.locator("#operations-authentication-logIn")).to_be_visible()
    page.locator("#operations-authentication-logIn").click()
    page.get_by_role("button", name="Try it out").first.click()
    page.get_by_role("button", name="Execute").first.click()
    expect(page.locator("#operations-authentication-logIn .live-responses-table")).to_contain_text("invalid_credentials")
    assert elsewhere == []


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(person):
    ada = person("ada", viewport={"width": 320, "height": 640})
    ada.sign_up()
    ada.make_workspace("Narrow")
    ada.send("a-very-long-word-" * 20)
    expect(ada.message("a-very-long-word-")).to_be_visible()
    assert ada.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_everything_needed_to_talk_works_by_keyboard(person):
    ada = person("ada")
    ada.sign_up()
    ada.make_workspace("Keys")
    ada.page.keyboard.press("Control+k")
    ada.page.get_by_test_id("switcher-input").fill("gen")
    ada.page.keyboard.press("Enter")
    ada.page.get_by_test_id("composer").focus()
    ada.page.keyboard.type("typed")
    ada.page.keyboard.press("Enter")
    expect(ada.message("typed")).to_have_attribute("data-state", "sent")
    ada.page.keyboard.press("ArrowUp")
    expect(ada.page.get_by_test_id("edit-box")).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_test_id("composer")).to_be_focused()
