"""Chromium for calls: fake devices, and tabs that do what Firefox's do, so that a test takes either."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

MEDIA_ARGUMENTS = [
    # A green picture with a moving pie, a beep each second; the screen that is shared is a fake too.
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # 127.0.0.1 as a candidate, and real addresses instead of names of mDNS.
    "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
]

# Whoever asks for a camera or a microphone is refused.
DENIED_DEVICES = "--use-fake-ui-for-media-stream=deny"
# What remains where a firewall lets no UDP through.
NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"


def launch(playwright: Playwright, *arguments: str, executable: Path | None = None) -> Browser:
    return playwright.chromium.launch(
        executable_path=executable or shutil.which("chromium"), args=[*ARGUMENTS, *arguments])


class ChromiumTab:
    """A page with cookies and storage of its own. The script `preload` runs in each of its pages before theirs."""

    def __init__(self, browser: Browser, base_url: str, preload: str) -> None:
        self._context = browser.new_context(base_url=base_url)
        self._context.add_init_script(preload)
        self._page: Page = self._context.new_page()
        self.logs: list[str] = []
        self.is_closed = False
        self._page.on("console", lambda message: self.logs.append(f"{message.type}: {message.text}"))
        self._page.on("pageerror", lambda error: self.logs.append(f"uncaught error: {error}"))

    def goto(self, path: str) -> None:
        self._page.goto(path)

    def reload(self) -> None:
        self._page.reload()

    def evaluate(self, function: str, *arguments):
        """Calls the JavaScript function, awaits its result and answers it."""
        return self._page.evaluate(f"list => ({function})(...list)", list(arguments))

    def click(self, selector: str) -> None:
        self._page.locator(selector).first.click()

    def fill(self, selector: str, text: str) -> None:
        self._page.locator(selector).first.fill(text)

    def screenshot(self, path: Path) -> None:
        self._page.screenshot(path=path)

    def close(self) -> None:
        """As a person closes a tab: its pages hear of it."""
        self.is_closed = True
        self._page.close()
        self._context.close()
