"""A call participant that is neither a browser nor ours: aiortc's WebRTC and our gateway's frames.

A program that AiortcPeer starts with the address that its media are to come from. It reads lines `[command, arguments]` and answers each by `{"result": …}` or
`{"error": …}`.
"""

import asyncio
import json
import math
import sys
import traceback
from array import array
from dataclasses import asdict, dataclass
from fractions import Fraction

import aioice.ice
import av
from aiortc import (
    AudioStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCDtlsTransport, RTCPeerConnection, RTCRtpReceiver,
    RTCSessionDescription, VideoStreamTrack)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from websockets.asyncio.client import connect

ANSWER_SECONDS = 10
SAMPLE_RATE = 48_000
# What the send sections carry, in the order of the offer.
SOURCES = ("microphone", "camera", "screen", "screenAudio")

# It skips loopback by itself.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [sys.argv[1]]

# A DTLS handshake of which nothing is heard for so long, in seconds, is looked after; aiortc itself sends nothing again
# (RFC 6347 §4.2.4).
HANDSHAKE_PATIENCE = 0.2


async def receive_or_send_again(transport: RTCDtlsTransport) -> None:
    while not transport.encrypted:
        try:
            return await asyncio.wait_for(receive_next(transport), HANDSHAKE_PATIENCE)
        except TimeoutError:
            transport._ssl.DTLSv1_handle_timeout()
            await transport._write_ssl()
    return await receive_next(transport)


receive_next = RTCDtlsTransport._recv_next
RTCDtlsTransport._recv_next = receive_or_send_again


def register_with_repairs(transport: RTCDtlsTransport, receiver: RTCRtpReceiver, parameters) -> None:
    """By itself it knows of retransmissions only whom they are for if there is one section of video."""
    register(transport, receiver, parameters)
    for encoding in parameters.encodings:
        if encoding.rtx is not None:
            transport._rtp_router.ssrc_table[encoding.rtx.ssrc] = receiver


register = RTCDtlsTransport._register_rtp_receiver
RTCDtlsTransport._register_rtp_receiver = register_with_repairs


class Tone(AudioStreamTrack):
    """440 Hz at a quarter of full scale, in frames of 20 ms."""

    _sample_count = SAMPLE_RATE // 50
    _repeats_after = 1200
    _wave = array("h", (
        int(8192 * math.sin(2 * math.pi * 440 * i / SAMPLE_RATE)) for i in range(_repeats_after + _sample_count)))

    async def recv(self) -> av.AudioFrame:
        # The silent frame keeps the time; its samples are replaced.
        clock = await super().recv()
        start = clock.pts * SAMPLE_RATE // clock.sample_rate
        phase = start % self._repeats_after
        samples = self._wave[phase : phase + self._sample_count]
        frame = av.AudioFrame(format="s16", layout="mono", samples=self._sample_count)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        return frame


class Pulse(VideoStreamTrack):
    """320×240 at 30 frames a second; the grey of each frame differs from the last one's."""

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane, value in zip(frame.planes, (pts // 3000 * 3 % 200 + 28, 128, 128)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


@dataclass
class Section:
    """What arrived on one receive section."""

    kind: str
    frames: int = 0
    energy: float = 0  # as totalAudioEnergy of getStats: mean square of full scale, times seconds
    width: int = 0

    def count(self, frame: av.AudioFrame | av.VideoFrame) -> None:
        self.frames += 1
        if isinstance(frame, av.VideoFrame):
            self.width = frame.width
        else:
            samples = array("h", bytes(frame.planes[0])[: 2 * frame.samples * len(frame.layout.channels)])
            square = sum(sample * sample for sample in samples) / len(samples) / 32768**2
            self.energy += square * frame.samples / frame.sample_rate


class Participant:
    """One gateway connection and at most one peer connection. All of it on one event loop."""

    def __init__(self) -> None:
        self._frames: dict[str, asyncio.Future] = {}
        self._tasks: set[asyncio.Task] = set()
        self._connection: RTCPeerConnection | None = None
        self._offering = asyncio.Lock()
        self._number = 0
        self._state: dict | None = None
        self._tracks = {"microphone": Tone(), "camera": Pulse()}
        self._active = list(self._tracks)
        self._speakers: list[str] = []
        self._ended: str | None = None
        self._sections: dict[str, Section] = {}
        self._calls: dict[str, list[str]] = {}

    async def connect(self, gateway_url: str, token: str) -> None:
        self._socket = await connect(gateway_url, max_size=None)
        self._start(self._receive())
        hello = await self._next("hello")
        current = self._expect("current")
        await self._send("identify", token=token, cursors=[])
        await asyncio.wait_for(current, ANSWER_SECONDS)
        self._start(self._beat(hello["heartbeatIntervalMilliseconds"] / 1000))

    async def join(self, channel_id: str, codec: str) -> str:
        joined = self._expect("callJoined", "callFailed")
        await self._send("callJoin", channelID=channel_id)
        seat = await self._checked(joined)
        self._connection = self._make_connection(codec)
        self._apply(seat["state"])
        await self._offer()
        return seat["participantID"]

    async def update(self, active: list[str]) -> None:
        self._active = active
        for source, transceiver in zip(SOURCES, self._connection.getTransceivers()):
            transceiver.sender.replaceTrack(self._tracks[source] if source in active else None)
        await self._send("callUpdate", active=active)

    async def leave(self) -> None:
        ended = self._expect("callEnded")
        await self._send("callLeave")
        await self._checked(ended)
        await self._connection.close()

    async def report(self) -> dict:
        return {
            "state": self._state, "speakers": self._speakers, "ended": self._ended, "calls": self._calls,
            "sections": {mid: asdict(section) for mid, section in self._sections.items()}}

    def _make_connection(self, codec: str) -> RTCPeerConnection:
        # Without servers of its own choice it would ask one of Google's.
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        connection = RTCPeerConnection(configuration)
        connection.addTransceiver(self._tracks["microphone"], direction="sendonly")
        camera = connection.addTransceiver(self._tracks["camera"], direction="sendonly")
        camera.setCodecPreferences(
            [known for known in RTCRtpReceiver.getCapabilities("video").codecs if known.mimeType == codec])
        connection.addTransceiver("video", direction="sendonly")
        connection.addTransceiver("audio", direction="sendonly")
        connection.on("track", lambda track: self._start(self._consume(connection, track)))
        return connection

    async def _offer(self) -> None:
        """Offers as many receive sections as the state asks for. One offer at a time."""
        async with self._offering:
            connection, transceivers = self._connection, self._connection.getTransceivers()
            for kind in ("audio", "video"):
                present = sum(1 for one in transceivers if one.kind == kind and one.direction == "recvonly")
                for _ in range(self._state[f"{kind}Sections"] - present):
                    connection.addTransceiver(kind, direction="recvonly")
            await connection.setLocalDescription(await connection.createOffer())
            publications = [
                {"mid": transceiver.mid, "source": source, "isActive": source in self._active}
                for source, transceiver in zip(SOURCES, connection.getTransceivers())]
            self._number += 1
            answered = self._expect("callAnswer", "callFailed")
            await self._send(
                "callOffer", number=self._number, sdp=connection.localDescription.sdp, publications=publications)
            answer = await self._checked(answered)
            await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            if self._number == 1:
                await self._add_candidates(answer["sdp"])

    async def _add_candidates(self, answer: str) -> None:
        """aiortc reads those of the last section only; in a bundle they are in the first (RFC 9143 §7.1.3)."""
        for line in answer.splitlines():
            if line.startswith("a=candidate:"):
                candidate = candidate_from_sdp(line.removeprefix("a=candidate:"))
                candidate.sdpMid = self._connection.getTransceivers()[0].mid
                await self._connection.addIceCandidate(candidate)
        await self._connection.addIceCandidate(None)

    async def _consume(self, connection: RTCPeerConnection, track) -> None:
        mid = next(one.mid for one in connection.getTransceivers() if one.receiver.track is track)
        section = self._sections[mid] = Section(track.kind)
        try:
            while True:
                section.count(await track.recv())
        except MediaStreamError:
            pass  # The connection was closed.

    async def _receive(self) -> None:
        async for text in self._socket:
            frame = json.loads(text)
            self._handle(frame)
            waiting = self._frames.pop(frame["type"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    def _handle(self, frame: dict) -> None:
        match frame["type"]:
            case "callState":
                self._apply(frame)
            case "callSpeakers":
                self._speakers = frame["participants"]
            case "callEnded":
                self._ended = frame["reason"]
            case "event" if frame["name"] == "call.updated":
                call = frame["data"]
                self._calls[call["channelID"]] = [one["userID"] for one in call["participants"]]

    def _apply(self, state: dict) -> None:
        if self._state is not None and state["revision"] < self._state["revision"]:
            return
        grows = self._state is not None and state["videoSections"] > self._state["videoSections"]
        self._state = state
        if grows and self._connection is not None:
            self._start(self._offer())

    async def _beat(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._send("heartbeat")

    async def _send(self, type: str, **fields) -> None:
        await self._socket.send(json.dumps({"type": type, **fields}))

    def _expect(self, *types: str) -> asyncio.Future:
        """The next frame of one of the types, from now on."""
        future = asyncio.get_running_loop().create_future()
        for type in types:
            self._frames[type] = future
        return future

    async def _next(self, *types: str) -> dict:
        return await asyncio.wait_for(self._expect(*types), ANSWER_SECONDS)

    async def _checked(self, answer: asyncio.Future) -> dict:
        frame = await asyncio.wait_for(answer, ANSWER_SECONDS)
        if frame["type"] == "callFailed":
            raise RuntimeError(f"{frame['code']}: {frame['detail']}")
        return frame

    def _start(self, coroutine) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            traceback.print_exception(task.exception())


async def serve() -> None:
    participant, loop = Participant(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, arguments = json.loads(line)
        try:
            answer = {"result": await getattr(participant, command)(**arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
