"""What the members of a call get of each other, whatever they take part with: pictures and sound by who sends them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiortc_peer import AiortcPeer
from caller import Caller
from conftest import Stack
from expectations import HEARD
from node_figures import section_of

# There are so many pieces of so many seconds, one after the other, in each of which each picture moves; they begin within
# so many seconds: a machine that is busy holds everything up once in a while.
PIECES, PIECE = 4, 2.5
BEGINS_SECONDS = 30
# Pictures a second, of 20 to 30 that are sent, on a machine that is busy.
PICTURES = 5
# Two links in a row lose a tenth of the sound, and it is not asked for again; a browser that is told of a loss on its own
# link sends more of it twice (FEC), which aiortc does not.
CONCEALED, CONCEALED_OF_AIORTC = 0.25, 0.35
# Frames of sound that aiortc decodes a second, of 50: it waits for what is lost and then skips what came meanwhile.
SOUND_FRAMES = 20


@dataclass(frozen=True)
class Heard:
    """What was decoded of one source since its section began. Browsers tell `samples` and those `concealed` of them,
    aiortc `frames` of sound."""

    frames: int
    energy: float
    samples: int
    concealed: int

    def __sub__(self, earlier: "Heard") -> "Heard":
        return Heard(self.frames - earlier.frames, self.energy - earlier.energy, self.samples - earlier.samples,
                     self.concealed - earlier.concealed)

    @property
    def concealment(self) -> float:
        """The share of sound that was made up."""
        return self.concealed / max(1, self.samples)


# Who gets it, whose it is, and its source.
Track = tuple[str, str, str]


@dataclass(frozen=True)
class Look:
    """What was measured until a moment of a monotonic clock."""

    at: float
    heard: dict[Track, Heard]


class Members:
    """Those of a call whose receiving can be measured, by name."""

    def __init__(self, stack: Stack, channel: str, user_ids: dict[str, str]) -> None:
        self._stack, self._channel, self._user_ids = stack, channel, user_ids
        self._sections: dict[str, Callable[[], dict]] = {}
        self._mids: dict[Track, str] = {}

    def add(self, name: str, member: Caller | AiortcPeer) -> None:
        if isinstance(member, Caller):
            self._sections[name] = lambda: member.media()["received"]
        else:
            self._sections[name] = lambda: member.report()["sections"]

    def find(self, tracks: list[Track]) -> bool:
        """Learns of the node on which section each watcher gets each actor's source; False while one is on none."""
        for watcher, actor, source in tracks:
            mid = section_of(self._stack, self._channel, self._user_ids[watcher], self._user_ids[actor], source)
            if mid is None:
                return False
            self._mids[watcher, actor, source] = mid
        return True

    def look(self) -> Look:
        """At all tracks that were found."""
        at, sections = time.monotonic(), {name: ask() for name, ask in self._sections.items()}
        heard = {}
        for track, mid in self._mids.items():
            row = sections[track[0]].get(mid, {})
            heard[track] = Heard(*(row.get(name, 0) for name in ("frames", "energy", "samples", "concealed")))
        return Look(at, heard)


def expect_all_go_on(members: Members, aiortc: str) -> list[Look]:
    """Everybody sees and hears everybody all through a window, of whom one is aiortc. Answers the looks at its pieces."""
    began, looks = time.monotonic(), []
    while True:
        looks.append(members.look())
        if len(looks) > PIECES:
            faults = faults_of(looks[-1 - PIECES:], aiortc)
            if not faults:
                return looks[-1 - PIECES:]
            assert looks[-1 - PIECES].at < began + BEGINS_SECONDS, faults
        time.sleep(max(0, began + len(looks) * PIECE - time.monotonic()))


def faults_of(looks: list[Look], aiortc: str) -> list[str]:
    """What is not as it should be, from the first look to the last."""
    seconds = looks[-1].at - looks[0].at
    faults = []
    for track, last in looks[-1].heard.items():
        watcher, actor, source = track
        frames = [look.heard[track].frames for look in looks]
        gained = last - looks[0].heard[track]
        if source == "camera":
            is_good = gained.frames >= PICTURES * seconds and frames == sorted(set(frames))
        elif watcher == aiortc:
            is_good = gained.energy > HEARD * seconds and gained.frames >= SOUND_FRAMES * seconds
        else:
            concealed = CONCEALED_OF_AIORTC if actor == aiortc else CONCEALED
            is_good = gained.energy > HEARD * seconds and gained.concealment < concealed
        if not is_good:
            faults.append(f"{watcher} of {actor}'s {source} in {seconds:.1f} s: {gained}, frames {frames}")
    return faults
