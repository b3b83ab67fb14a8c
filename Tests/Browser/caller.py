"""Somebody in a call, at a tab of any browser: what they do there, what they see and what their browser measures."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from accounts import PASSWORD, Account

# Keeps every peer connection of a page where getStats can be asked for.
RECORD_CONNECTIONS = """
    window.__peerConnections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...settings) { super(...settings); window.__peerConnections.push(this); }
    };
"""

MEDIA_STATS = """
async () => {
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    if (!connection) return undefined;
    const stats = await connection.getStats(), all = [...stats.values()];
    const row = one => ({ kind: one.kind, codec: stats.get(one.codecId)?.mimeType,
        bytes: one.bytesReceived ?? one.bytesSent, frames: one.framesDecoded ?? one.framesEncoded ?? 0,
        energy: one.totalAudioEnergy ?? 0, samples: one.totalSamplesReceived ?? 0,
        concealed: one.concealedSamples ?? 0 });
    const rows = type => Object.fromEntries(
        all.filter(one => one.type === type && one.mid != null).map(one => [one.mid, row(one)]));
    const transport = all.find(one => one.type === "transport");
    const pair = stats.get(transport?.selectedCandidatePairId);
    const end = one => one && { type: one.candidateType, address: one.address, port: one.port,
        protocol: one.protocol, relayProtocol: one.relayProtocol };
    return { received: rows("inbound-rtp"), sent: rows("outbound-rtp"), cipher: transport?.srtpCipher,
        local: end(stats.get(pair?.localCandidateId)), remote: end(stats.get(pair?.remoteCandidateId)) };
}
"""

LOCAL_PORTS = """
async () => {
    const stats = await window.__peerConnections.findLast(one => one.connectionState !== "closed").getStats();
    return [...stats.values()].filter(one => one.type === "local-candidate").map(one => one.port);
}
"""

# All tiles: the attributes without `data-`, the name, and of a remote picture its section and what was decoded there.
TILES = """
() => Promise.all([...document.querySelectorAll('[data-testid="call-tile"]')].map(async tile => {
    const track = tile.querySelector('[data-testid="tile-video"]')?.srcObject?.getVideoTracks()[0];
    const connection = window.__peerConnections.findLast(one => one.connectionState !== "closed");
    const section = track && connection?.getTransceivers().find(one => one.receiver.track.id === track.id);
    const stats = section ? [...(await section.receiver.getStats()).values()] : [];
    return { ...tile.dataset, name: tile.querySelector('[data-testid="tile-name"]')?.textContent, mid: section?.mid,
        frames: stats.find(one => one.type === "inbound-rtp")?.framesDecoded ?? 0 };
}))
"""


class Tab(Protocol):
    """What a test needs of a browser; ChromiumTab and FirefoxTab are such."""

    logs: list[str]
    is_closed: bool

    def goto(self, path: str) -> None: ...
    def reload(self) -> None: ...
    def evaluate(self, function: str, *arguments): ...
    def click(self, selector: str) -> None: ...
    def fill(self, selector: str, text: str) -> None: ...
    def screenshot(self, path: Path) -> None: ...
    def close(self) -> None: ...


Answer = TypeVar("Answer")


def wait_until(probe: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """Asks again and again until the answer is true, and answers it. Fails with the sentence and the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        asked_at = time.monotonic()
        answer = probe()
        # An answer that was asked for in time counts.
        if answer and asked_at <= deadline:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {answer!r})"
        time.sleep(0.02)


class Caller:
    """One person at one tab."""

    def __init__(self, account: Account, tab: Tab) -> None:
        self.name = account.name
        self.user_id = account.user_id
        self.tab = tab
        self._account = account

    # ---- What they do

    def sign_in(self, channel_id: str) -> None:
        self.tab.goto(f"/c/{channel_id}")
        self.wait_for("login")
        self.tab.fill(hook("login"), self._account.username)
        self.tab.fill(hook("password"), PASSWORD)
        self.tab.click(hook("submit"))
        self.expect_current()
        self.wait_for("call-button")

    def join(self, *, relay: bool = False, devices: bool = True) -> None:
        """Joins the call of the channel in view: with microphone and camera, or without if there are none."""
        self.tab.click(hook("call-button"))
        self.wait_for("prejoin-dialog")
        for device in ("microphone", "camera") if devices else ():
            wait_until(lambda: self.is_pressed(f"prejoin-{device}"), 10, f"{self.name}'s {device} is open")
        if relay:
            self.tab.click(hook("prejoin-relay"))
        self.tab.click(hook("prejoin-join"))
        self.expect_call_state("connected")

    def choose_channel(self, channel_id: str) -> None:
        self.tab.click(f'{hook("channel-list")} button[data-channel-id="{channel_id}"]')

    def press(self, test_id: str) -> None:
        self.tab.click(hook(test_id))

    # ---- What they see

    def wait_for(self, test_id: str, seconds: float = 10) -> None:
        wait_until(lambda: self.count(test_id) > 0, seconds, f"{self.name} sees {test_id}")

    def count(self, test_id: str) -> int:
        return self.tab.evaluate("selector => document.querySelectorAll(selector).length", hook(test_id))

    def is_pressed(self, test_id: str) -> bool:
        return self.tab.evaluate("selector => document.querySelector(selector)?.ariaPressed === 'true'", hook(test_id))

    def expect_current(self, seconds: float = 10) -> None:
        """The socket is open and has everything."""
        wait_until(lambda: self._state_of("body") == "current", seconds, f"{self.name}'s page is current")

    @property
    def is_current(self) -> bool:
        return self._state_of("body") == "current"

    @property
    def call_state(self) -> str | None:
        """joining, connecting, connected or reconnecting; None without a call."""
        return self._state_of(hook("call-panel"))

    def expect_call_state(self, state: str, seconds: float = 10) -> None:
        wait_until(lambda: self.call_state == state, seconds, f"{self.name}'s call is {state}")

    def tile(self, user_id: str, source: str = "camera") -> dict | None:
        """A person's tile: `video`, `muted`, `speaking` as "true" or "false"; `mid` and `frames` of its picture."""
        tiles = self.tab.evaluate(TILES)
        return next((tile for tile in tiles if tile["userId"] == user_id and tile["source"] == source), None)

    def expect_tile(self, other: "Caller", seconds: float, source: str = "camera", **attributes: str) -> None:
        """There is a tile of the other, with these attributes."""
        def matches() -> bool:
            tile = self.tile(other.user_id, source)
            return tile is not None and attributes.items() <= tile.items()
        wait_until(matches, seconds, f"{self.name} sees {other.name}'s {source} with {attributes}")

    def expect_no_tile(self, user_id: str, seconds: float, source: str = "camera") -> None:
        wait_until(lambda: self.tile(user_id, source) is None, seconds, f"{self.name} sees no {source} of {user_id}")

    def participants_shown(self, channel_id: str) -> int:
        """How many the sidebar shows in the call of a voice channel."""
        selector = f'{hook("channel-call")}[data-channel-id="{channel_id}"] {hook("channel-call-participant")}'
        return self.tab.evaluate("selector => document.querySelectorAll(selector).length", selector)

    # ---- What their browser measures

    def media(self) -> dict:
        """The peer connection: `received` and `sent` by mid, the chosen candidates `local` and `remote`, `cipher`."""
        return self.tab.evaluate(MEDIA_STATS) or {"received": {}, "sent": {}, "local": None, "remote": None}

    def local_ports(self) -> list[int]:
        """Of all candidates of the peer connection."""
        return self.tab.evaluate(LOCAL_PORTS)

    def frames_from(self, user_id: str, source: str = "camera") -> int:
        """Decoded frames of the section that is on that person's tile; 0 while there is no picture."""
        return (self.tile(user_id, source) or {"frames": 0})["frames"]

    def audio_heard(self) -> float:
        """The energy of all that was heard: mean square of full scale, times seconds."""
        return sum(row["energy"] for row in self.media()["received"].values() if row["kind"] == "audio")

    def _state_of(self, selector: str) -> str | None:
        return self.tab.evaluate("selector => document.querySelector(selector)?.dataset.state", selector)


def hook(test_id: str) -> str:
    return f'[data-testid="{test_id}"]'
