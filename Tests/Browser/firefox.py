"""Debian's Firefox, headless, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Playwright drives only its own patched Firefox, and Debian packages no geckodriver; the browser itself speaks BiDi over
a WebSocket. A thread reads the socket, so that the caller's side is plain blocking calls, as with Playwright's.
"""

import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future, TimeoutError as FutureTimeout
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

COMMAND_SECONDS = 30

# No window may ask anything, and media comes from devices that do not exist.
PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.disable_open_during_load": False,
    # A tab that is not in front would run its timers once a second.
    "dom.min_background_timeout_value": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
    "media.autoplay.default": 0,
    # It would download the codec H264 in the midst of a test.
    "media.gmp-manager.updateEnabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # Without these two, only the address of the default route is gathered.
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "remote.active-protocols": 1,
    "toolkit.telemetry.enabled": False,
}


class FirefoxError(Exception):
    """A command that failed, or a script that threw."""


class Firefox:
    """One browser process with a profile of its own, and the BiDi session with it."""

    def __init__(self, executable: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="roost-firefox."))
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
        (self._profile / "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [executable, "--headless", "--no-remote", "--profile", str(self._profile), "--remote-debugging-port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._pending: dict[int, Future] = {}
        self._logs: dict[str, list[str]] = {}
        self._open = contextlib.ExitStack()
        try:
            # A capture of a whole window is larger than the library's limit of a message.
            self._socket = self._open.enter_context(
                connect(self._address(), max_size=None, open_timeout=COMMAND_SECONDS))
            threading.Thread(target=self._receive, daemon=True).start()
            self.command("session.new", capabilities={})
            self.command("session.subscribe", events=["log.entryAdded"])
        except BaseException:
            self._open.close()
            self._end_process()
            raise

    def command(self, method: str, **parameters) -> dict:
        """One BiDi command and its result. Raises FirefoxError with the browser's own words."""
        number = next(self._numbers)
        answer: Future = Future()
        with self._lock:
            self._pending[number] = answer
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        try:
            return answer.result(COMMAND_SECONDS)
        except FutureTimeout:
            raise FirefoxError(f"{method}: no answer for {COMMAND_SECONDS} s") from None

    def new_tab(self, base_url: str, preload: str | None = None) -> "FirefoxTab":
        """A tab with cookies and storage of its own. The script `preload` runs in each of its pages before theirs."""
        person = self.command("browser.createUserContext")["userContext"]
        context = self.command("browsingContext.create", type="window", userContext=person)["context"]
        self._logs[context] = []
        if preload is not None:
            self.command(
                "script.addPreloadScript", functionDeclaration=f"() => {{ {preload} }}", userContexts=[person])
        return FirefoxTab(self, context, person, base_url)

    def logs(self, context: str) -> list[str]:
        """What the pages of a tab wrote to the console, and errors that nobody caught."""
        return self._logs[context]

    def close(self) -> None:
        try:
            self.command("browser.close")
        except (FirefoxError, ConnectionClosed):
            pass  # It is ended below.
        self._open.close()
        self._end_process()

    def _address(self) -> str:
        """Waits for the file in which the browser says where it listens."""
        file = self._profile / "WebDriverBiDiServer.json"
        deadline = time.monotonic() + COMMAND_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise FirefoxError(f"Firefox ended with {self._process.returncode} instead of listening")
            try:
                server = json.loads(file.read_text())
                return f"ws://{server['ws_host']}:{server['ws_port']}/session"
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.05)
        raise FirefoxError(f"Firefox does not listen after {COMMAND_SECONDS} s")

    def _receive(self) -> None:
        try:
            for text in self._socket:
                self._handle(json.loads(text))
        except ConnectionClosed:
            pass
        with self._lock:
            waiting, self._pending = self._pending, {}
        for answer in waiting.values():
            answer.set_exception(FirefoxError("Firefox has gone"))

    def _handle(self, message: dict) -> None:
        if message["type"] == "event":
            entry = message["params"]
            log = self._logs.get(entry.get("source", {}).get("context"))
            if log is not None:
                # Entries of the page's own calls of `console` have another type.
                is_uncaught = entry["type"] == "javascript" and entry["level"] == "error"
                log.append(f"{'uncaught error' if is_uncaught else entry['level']}: {entry['text']}")
            return
        with self._lock:
            answer = self._pending.pop(message["id"], None)
        if answer is None:
            return
        if message["type"] == "success":
            answer.set_result(message["result"])
        else:
            answer.set_exception(FirefoxError(f"{message['error']}: {message['message']}"))

    def _end_process(self) -> None:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            # The processes of its pages are in its group.
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)


class FirefoxTab:
    """A window of Firefox; see ChromiumTab, which can do the same."""

    def __init__(self, firefox: Firefox, context: str, person: str, base_url: str) -> None:
        self._firefox = firefox
        self._context = context
        self._person = person
        self._base_url = base_url
        self.is_closed = False

    def goto(self, path: str) -> None:
        self._command("browsingContext.navigate", url=self._base_url + path, wait="complete")

    def reload(self) -> None:
        self._command("browsingContext.reload", wait="complete")

    def evaluate(self, function: str, *arguments):
        """Calls the JavaScript function, awaits its result and answers it. All values travel as JSON."""
        answer = self._firefox.command(
            "script.callFunction", target={"context": self._context}, awaitPromise=True, userActivation=True,
            functionDeclaration=f"async (list) => JSON.stringify(await ({function})(...JSON.parse(list)) ?? null)",
            arguments=[{"type": "string", "value": json.dumps(arguments)}])
        if answer["type"] == "exception":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def click(self, selector: str) -> None:
        """Clicks in the middle of the first element that matches, as a hand would."""
        origin = {"type": "element", "element": {"sharedId": self._locate(selector)}}
        self._perform("pointer", [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0},
        ])

    def fill(self, selector: str, text: str) -> None:
        """Replaces what is in a field, by typing."""
        self.click(selector)
        self.evaluate("selector => document.querySelector(selector).select()", selector)
        keys = ({"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp"))
        self._perform("key", list(keys))

    def screenshot(self, path: Path) -> None:
        data = self._command("browsingContext.captureScreenshot")["data"]
        path.write_bytes(base64.b64decode(data))

    @property
    def logs(self) -> list[str]:
        return self._firefox.logs(self._context)

    def close(self) -> None:
        self.is_closed = True
        self._firefox.command("browser.removeUserContext", userContext=self._person)

    def _locate(self, selector: str) -> str:
        self.evaluate(
            "selector => document.querySelector(selector)?.scrollIntoView({ block: 'nearest', behavior: 'instant' })",
            selector)
        nodes = self._command(
            "browsingContext.locateNodes", locator={"type": "css", "value": selector}, maxNodeCount=1)["nodes"]
        if not nodes:
            raise FirefoxError(f"there is no {selector}")
        return nodes[0]["sharedId"]

    def _perform(self, kind: str, actions: list[dict]) -> None:
        self._command("input.performActions", actions=[{"type": kind, "id": kind, "actions": actions}])

    def _command(self, method: str, **parameters) -> dict:
        return self._firefox.command(method, context=self._context, **parameters)
