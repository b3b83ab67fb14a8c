"""The stack and the people of the browser tests: real services behind nginx, Chromium and Firefox."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

import chromium
from accounts import PASSWORD, Team, make_team
from cut_proxy import CutProxy
from firefox import Firefox
from phones import Phones

ROOT = Path(__file__).resolve().parents[2]

expect.set_options(timeout=10_000)


class Stack:
    """Two APIs, three gateways and two media nodes, started by the launcher that `make run` uses, unless it is told
    others."""

    def __init__(self, **variables: str) -> None:
        self._state = tempfile.mkdtemp(prefix="roost-browser.")
        self._environment = os.environ | {
            "ROOST_STATE": self._state, "ROOST_PORTS": "free", "APIS": "2", "GATEWAYS": "3", "MEDIA": "2",
            "ROOST_MESSAGE_RATE": "1000", "ROOST_MESSAGE_MUTE_SECONDS": "4",
        } | variables
        try:
            self.run("up")
        except subprocess.CalledProcessError:
            self.close()
            raise
        lines = self.run("env").splitlines()
        self.variables = dict(line.split("=", 1) for line in lines if "=" in line)
        self.url = self.variables["ROOST_URL"]

    def run(self, *arguments: str) -> str:
        command = [str(ROOT / "deploy/scripts/stack.sh"), *arguments]
        return subprocess.run(
            command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def proxy(self) -> CutProxy:
        address = urlsplit(self.url)
        return CutProxy((address.hostname, address.port))

    @property
    def gateway_url(self) -> str:
        """Where programs connect: through nginx, which chooses the gateway with the fewest connections."""
        return f"ws://{urlsplit(self.url).netloc}/gateway"

    def gateway_log(self) -> Callable[[], list[str]]:
        """Answers a function that reads which gateways served the connections that nginx wrote down since now."""
        file = Path(self._state) / "log/nginx-access.log"
        start = file.stat().st_size if file.exists() else 0

        def used() -> list[str]:
            with file.open() as log:
                log.seek(start)
                lines = [json.loads(line) for line in log if line.endswith("\n")]
            return [line["upstream"] for line in lines if line["path"] == "/gateway" and line["status"] == 101]

        return used

    def media_node_of(self, port: int) -> str | None:
        """The name of the media node that has this UDP port."""
        for number, ports in enumerate(self.variables["ROOST_MEDIA_PORTS"].split(",")):
            first, last = map(int, ports.split("-"))
            if first <= port <= last:
                return f"media-{number}"
        return None

    def malformed_packets(self) -> int:
        """How many packets the media nodes could not read, since they began."""
        pages = [urlopen(f"{url}/metrics").read().decode() for url in self.variables["ROOST_MEDIA_URLS"].split(",")]
        counts = re.findall(r'^roost_media_dropped_packets_total\{reason="malformed"\} (\d+)$', "\n".join(pages), re.M)
        assert len(counts) == len(pages)
        return sum(map(int, counts))

    def close(self) -> None:
        subprocess.run([str(ROOT / "deploy/scripts/stack.sh"), "down"], env=self._environment, check=False)
        shutil.rmtree(self._state, ignore_errors=True)


# Looks at each change of the page, so that nothing short-lived escapes.
RECORD = """([selector, attribute]) => {
    const values = [];
    window.recorded = { ...window.recorded, [attribute]: values };
    const look = () => {
        const value = document.querySelector(selector)?.getAttribute(attribute) ?? "";
        if (value !== values[values.length - 1]) values.push(value);
    };
    look();
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}"""


@dataclass
class Person:
    """Somebody at a browser of their own."""

    name: str
    page: Page

    def sign_up(self) -> None:
        self.page.get_by_test_id("to-sign-up").or_(self.page.get_by_test_id("email")).first.wait_for()
        if self.page.get_by_test_id("to-sign-up").is_visible():
            self.page.get_by_test_id("to-sign-up").click()
        self.page.get_by_test_id("email").fill(f"{self.name}@example.org")
        self.page.get_by_test_id("username").fill(self.name)
        self.page.get_by_test_id("password").fill(PASSWORD)
        self.page.get_by_test_id("submit").click()

    def sign_in(self, login: str) -> None:
        """As somebody who has an account: another device of theirs."""
        self.page.get_by_test_id("login").fill(login)
        self.page.get_by_test_id("password").fill(PASSWORD)
        self.page.get_by_test_id("submit").click()
        self.expect_current()

    def make_workspace(self, name: str) -> None:
        self.page.get_by_test_id("new-workspace").first.click()
        self.page.get_by_test_id("workspace-name").fill(name)
        self.page.get_by_test_id("create-workspace").click()
        self.page.get_by_test_id("composer").wait_for()

    def make_channel(self, name: str) -> None:
        self.page.get_by_test_id("new-channel").first.click()
        self.page.get_by_test_id("channel-name").fill(name)
        self.page.get_by_test_id("create-channel").click()
        expect(self.page.get_by_test_id("channel-list")).to_contain_text(name)

    def invite_path(self) -> str:
        """The path of a new invite to the present workspace."""
        self.page.get_by_test_id("invite-people").click()
        field = self.page.get_by_test_id("invite-link")
        expect(field).not_to_have_value("")
        link = field.input_value()
        self.page.keyboard.press("Escape")
        return urlsplit(link).path

    def open_channel(self, name: str) -> None:
        self.page.get_by_test_id("channel-list").get_by_text(name).first.click()

    def channel(self, name: str):
        """Its button in the list of channels, with `data-unread` and `data-mentions`."""
        return self.page.get_by_test_id("channel-list").locator("[data-channel-id]").filter(has_text=name)

    def expect_waiting(self, name: str, unread: int, mentions: int = 0, timeout: float = 10_000) -> None:
        """What the channel's badge counts."""
        expect(self.channel(name)).to_have_attribute("data-unread", str(unread), timeout=timeout)
        expect(self.channel(name)).to_have_attribute("data-mentions", str(mentions), timeout=timeout)

    def record(self, selector: str, attribute: str) -> None:
        """From now on remembers each value that an attribute takes: `recorded` answers them."""
        self.page.evaluate(RECORD, [selector, attribute])

    def recorded(self, attribute: str) -> list[str]:
        return self.page.evaluate("attribute => window.recorded[attribute]", attribute)

    def send(self, text: str) -> None:
        composer = self.page.get_by_test_id("composer")
        composer.fill(text)
        composer.press("Enter")

    def message(self, text: str):
        return self.page.get_by_test_id("message").filter(has_text=text)

    def expect_current(self) -> None:
        """The socket is open and has everything."""
        expect(self.page.get_by_test_id("connection-state")).to_have_attribute("data-state", "current")


@pytest.fixture(scope="session")
def stack():
    stack = Stack()
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright):
    browser = chromium.launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def person(stack: Stack, browser: Browser):
    """Makes people: `person("ada")`, or `person("ada", base=url)` for one behind a proxy."""
    contexts = []
    problems: list[str] = []

    def make(name: str, base: str | None = None, path: str = "/", **options) -> Person:
        context = browser.new_context(base_url=base or stack.url, **options)
        contexts.append(context)
        page = context.new_page()
        # What a strict Content-Security-Policy blocks, and errors nobody caught, are faults of ours.
        page.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
        page.on(
            "console",
            lambda message: problems.append(f"{name}: {message.text}")
            if "Content Security Policy" in message.text else None)
        page.goto(path)
        return Person(f"{name}_{uuid.uuid4().hex[:8]}", page)

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def pair(stack: Stack, person):
    """Ada and Bob in one workspace and its channel `engines`; Bob's connection goes through a proxy."""
    proxy = stack.proxy()
    ada = person("ada")
    ada.sign_up()
    ada.make_workspace("Analytical Engines")
    bob = person("bob", base=f"http://127.0.0.1:{proxy.port}", path=ada.invite_path())
    bob.sign_up()
    bob.page.get_by_test_id("accept-invite").click()
    bob.page.get_by_test_id("composer").wait_for()
    for someone in (ada, bob):
        someone.expect_current()
        someone.open_channel("general")
    yield ada, bob, proxy
    proxy.close()


@pytest.fixture(scope="session")
def chromium_of(playwright: Playwright):
    """Chromium with fake devices; one process for each set of more arguments."""
    browsers: dict[tuple, Browser] = {}

    def browser_of(*arguments: str) -> Browser:
        if arguments not in browsers:
            browsers[arguments] = chromium.launch(playwright, *chromium.MEDIA_ARGUMENTS, *arguments)
        return browsers[arguments]

    yield browser_of
    for browser in browsers.values():
        browser.close()


@pytest.fixture(scope="session")
def firefox_of():
    """Firefox, started when the first test wants it."""
    running: list[Firefox] = []

    def firefox() -> Firefox:
        if not running:
            executable = shutil.which("firefox-esr") or shutil.which("firefox")
            if executable is None:
                pytest.skip("Firefox is not installed")
            running.append(Firefox(executable))
        return running[0]

    yield firefox
    for firefox in running:
        firefox.close()


@pytest.fixture
def team(stack: Stack) -> Team:
    return make_team(stack.url, "ada", "bob", "cleo")


@pytest.fixture
def phones(request, stack: Stack, chromium_of, firefox_of):
    phones = Phones(stack.url, stack.gateway_url, chromium_of, firefox_of)
    yield phones
    try:
        if request.node.stash.get(FAILED, False):
            for caller in phones.callers:
                print(f"--- console of {caller.name}", *caller.tab.logs[-40:], sep="\n")
            phones.keep_pictures(ROOT / ".build/screenshots", request.node.name)
    finally:
        phones.close()
    # What a strict Content-Security-Policy blocks, and errors nobody caught, are faults of ours.
    assert phones.problems() == []


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fixtures cannot see how their test ended; this tells them."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
