"""What the members of a call get of each other, whatever they take part with: pictures and sound by who sends them."""

from collections.abc import Callable
from dataclasses import dataclass

from aiortc_peer import AiortcPeer
from caller import Caller
from conftest import Stack
from node_figures import section_of


@dataclass(frozen=True)
class Heard:
    """What was decoded of one source since its section began. Browsers tell `samples` and those `concealed` of them, aiortc
    `frames` of sound."""

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


Track = tuple[str, str, str]


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

    def measure(self) -> dict[Track, Heard]:
        """Of all tracks that were found."""
        sections = {name: ask() for name, ask in self._sections.items()}
        measured = {}
        for track, mid in self._mids.items():
            row = sections[track[0]].get(mid, {})
            measured[track] = Heard(
                *(row.get(name, 0) for name in ("frames", "energy", "samples", "concealed")))
        return measured
