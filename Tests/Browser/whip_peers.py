"""Encoders and players by HTTP: FFmpeg's WHIP muxer, and aiortc by WHIP and WHEP."""

import asyncio
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

from accounts import Account

PROGRAM = Path(__file__).with_name("whip_ffmpeg.py")


class FFmpegPublisher:
    """Publishes from the moment it is made until it is closed."""

    def __init__(self, account: Account, channel: str) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), f"{account.url}/api/v1/channels/{channel}/whip", self._directory.name],
            stdin=subprocess.PIPE, stdout=self._log, stderr=self._log, text=True)
        self._process.stdin.write(account.token + "\n")
        self._process.stdin.flush()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def close(self) -> None:
        """As an encoder ends: it deletes its seat."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            self.vanish()

    def vanish(self) -> None:
        """kill -9: no goodbye on any layer."""
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()


class AiortcSeat:
    """aiortc in a seat that is held by HTTP, on an event loop of its own thread. `frames` counts what it has decoded."""

    def __init__(self, account: Account) -> None:
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        self._account = account
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.frames = {"audio": 0, "video": 0}
        self.sizes: set[tuple[int, int]] = set()
        self.location: str | None = None
        self.links: list[str] = []
        self._connection: RTCPeerConnection | None = None
        self._readers: list[asyncio.Task] = []

    def publish(self, channel: str) -> None:
        self._run(self._open(channel, "whip"))

    def subscribe(self, channel: str) -> None:
        self._run(self._open(channel, "whep"))

    def delete(self) -> None:
        self._request("DELETE", self.location, None)

    def close(self) -> None:
        if self._connection is not None:
            self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def state(self) -> str:
        return self._connection.connectionState

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _open(self, channel: str, kind: str) -> None:
        self._connection = connection = RTCPeerConnection()
        connection.on("track", lambda track: self._readers.append(asyncio.ensure_future(self._read(track))))
        for track in (AudioStreamTrack(), VideoStreamTrack()):
            if kind == "whip":
                connection.addTransceiver(track, direction="sendonly")
            else:
                connection.addTransceiver(track.kind, direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        path = f"/api/v1/channels/{channel}/{kind}"
        answer, headers = await asyncio.to_thread(
            self._request, "POST", path, connection.localDescription.sdp.encode())
        self.location, self.links = headers["Location"], headers.get_all("Link") or []
        await connection.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))

    async def _read(self, track) -> None:
        try:
            while True:
                frame = await track.recv()
                self.frames[track.kind] += 1
                if track.kind == "video":
                    self.sizes.add((frame.width, frame.height))
        except MediaStreamError:
            pass  # The track has ended, as it does with the connection.

    async def _close(self) -> None:
        for reader in self._readers:
            reader.cancel()
        await self._connection.close()

    def _request(self, method: str, path: str, body: bytes | None):
        headers = {"Authorization": f"Bearer {self._account.token}"}
        if body is not None:
            headers["Content-Type"] = "application/sdp"
        request = urllib.request.Request(self._account.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read(), answer.headers
