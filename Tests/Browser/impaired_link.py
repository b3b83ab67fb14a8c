"""What a bad network does to packets, as a value: when each arrives, if it does. Seeded, and without a clock."""

import random
from dataclasses import dataclass

# Packets that are overtaken come so much later than they would have, in seconds: a few packets of a camera.
OVERTAKEN = 0.03


@dataclass(frozen=True)
class Impairment:
    """One direction of a path. `loss` and `reordering` are shares in 0...1, `delay` and `jitter` seconds: of jitter each
    packet waits something between none and all, without overtaking. `rate` is in bits a second, none for any; what would
    wait longer than `queue` seconds for it is lost, as at a router whose queue is full."""

    loss: float = 0
    delay: float = 0
    jitter: float = 0
    reordering: float = 0
    rate: float | None = None
    queue: float = 0.3


class Link:
    """One direction of one flow. The same seed and the same packets give the same losses and delays."""

    def __init__(self, impairment: Impairment, seed: str) -> None:
        self.impairment = impairment
        self._random = random.Random(seed)
        self._free_at = 0.0
        self._last = 0.0
        self.packets = self.bytes = 0
        self.lost = self.overflowed = self.overtaken = 0

    def send(self, now: float, byte_count: int) -> float | None:
        """A packet is sent: when it arrives, or None if it never does."""
        ours = self.impairment
        self.packets += 1
        self.bytes += byte_count
        # As many for each packet whatever becomes of it, so that one that is lost changes no other's fate.
        loss, jitter, reordering = (self._random.random() for _ in range(3))
        if loss < ours.loss:
            self.lost += 1
            return None
        left = now
        if ours.rate is not None:
            start = max(now, self._free_at)
            if start - now > ours.queue:
                self.overflowed += 1
                return None
            left = self._free_at = start + byte_count * 8 / ours.rate
        arrival = max(left + ours.delay + jitter * ours.jitter, self._last)
        if reordering < ours.reordering:
            self.overtaken += 1
            return arrival + OVERTAKEN
        self._last = arrival
        return arrival

    def report(self) -> dict:
        return {name: getattr(self, name) for name in ("packets", "bytes", "lost", "overflowed", "overtaken")}


class StreamLink:
    """One direction of a TCP connection: its bytes come late and at the rate, all of them and in their order."""

    def __init__(self, impairment: Impairment) -> None:
        self.impairment = impairment
        self._free_at = 0.0
        self._last = 0.0
        self.bytes = 0

    def send(self, now: float, byte_count: int) -> float:
        ours = self.impairment
        self.bytes += byte_count
        left = now
        if ours.rate is not None:
            left = self._free_at = max(now, self._free_at) + byte_count * 8 / ours.rate
        self._last = max(left + ours.delay, self._last)
        return self._last

    def chunk_count(self, chunk: int, most: int) -> int:
        """How many pieces of so many bytes may be on their way at once: as many as the queue at the rate holds."""
        ours = self.impairment
        return most if ours.rate is None else max(1, min(most, int(ours.rate * ours.queue / 8 / chunk)))

    def report(self) -> dict:
        return {"bytes": self.bytes}
