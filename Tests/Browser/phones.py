"""What people take part in calls with."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser

import chromium
from accounts import Account, Team
from aiortc_peer import AiortcPeer
from caller import RECORD_CONNECTIONS, Caller, Tab
from expectations import expect_pictures
from firefox import Firefox


@dataclass
class Phones:
    """Makes people who can be in calls: at a tab of Chromium or of Firefox, or as an aiortc process."""

    url: str
    gateway_url: str
    chromium_of: Callable[..., Browser]
    firefox_of: Callable[[], Firefox]
    callers: list[Caller] = field(default_factory=list)
    peers: list[AiortcPeer] = field(default_factory=list)

    def chromium(self, account: Account, channel_id: str, *, base: str | None = None, arguments: tuple = (),
                 preload: str = "") -> Caller:
        """Signed in with the channel in view; `arguments` are more of Chromium's command line, `preload` a script."""
        tab = chromium.ChromiumTab(self.chromium_of(*arguments), base or self.url, RECORD_CONNECTIONS + preload)
        return self._caller(account, tab, channel_id)

    def firefox(self, account: Account, channel_id: str, *, preload: str = "") -> Caller:
        return self._caller(account, self.firefox_of().new_tab(self.url, RECORD_CONNECTIONS + preload), channel_id)

    def aiortc(self, account: Account, **options) -> AiortcPeer:
        """Connected to a gateway."""
        peer = AiortcPeer(self.gateway_url, account.token, **options)
        self.peers.append(peer)
        return peer

    def meet(self, team: Team, channel_id: str, browser: str = "chromium", **options) -> tuple[Caller, Caller]:
        """Ada at Chromium and Bob at the browser, with these options, who see each other in the call of the channel."""
        ada = self.chromium(team.people[0], channel_id)
        bob = getattr(self, browser)(team.people[1], channel_id, **options)
        ada.join()
        bob.join()
        expect_pictures(ada, bob)
        return ada, bob

    def picture(self, name: str) -> None:
        """Keeps what everybody sees now, when ROOST_SCREENSHOTS names a directory."""
        if directory := os.environ.get("ROOST_SCREENSHOTS"):
            self.keep_pictures(Path(directory), name)

    def keep_pictures(self, directory: Path, name: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for caller in self.callers:
            if not caller.tab.is_closed:
                caller.tab.screenshot(directory / f"{name}-{caller.name}.png")

    def problems(self) -> list[str]:
        """What the pages' consoles say of errors that nobody caught and of the Content-Security-Policy."""
        words = ("Content Security Policy", "Content-Security-Policy", "Uncaught", "uncaught error")
        return [f"{caller.name}: {line}" for caller in self.callers for line in caller.tab.logs
                if any(word in line for word in words)]

    def close(self) -> None:
        for caller in self.callers:
            if not caller.tab.is_closed:
                caller.tab.close()
        for peer in self.peers:
            peer.close()

    def _caller(self, account: Account, tab: Tab, channel_id: str) -> Caller:
        caller = Caller(account, tab)
        self.callers.append(caller)
        caller.sign_in(channel_id)
        return caller
