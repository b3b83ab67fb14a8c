"""What tests of calls expect of what people see and hear, and within which time."""

import time
from collections.abc import Callable

from caller import Caller, wait_until

GROWTH_SECONDS = 10
# What another does is seen within this.
SEEN = 1
# Until the first picture of a new track: a key frame must be asked for.
FIRST_PICTURE = 5
# Energy a second: silence and comfort noise stay a hundred times below, a beep each second and a tone far above.
HEARD = 1e-4


def expect_pictures(ada: Caller, bob: Caller, seconds: float = FIRST_PICTURE) -> None:
    """Both decode a picture of the other."""
    wait_until(lambda: ada.frames_from(bob.user_id) > 0 and bob.frames_from(ada.user_id) > 0, seconds,
               f"{ada.name} and {bob.name} see each other")


def expect_conversation(ada: Caller, bob: Caller, seconds: int = GROWTH_SECONDS) -> None:
    """Two people decode each other's picture in each second, and hear each other."""
    expect_pictures(ada, bob)
    heard_before = {caller: caller.audio_heard() for caller in (ada, bob)}
    expect_growth({
        f"{ada.name}'s picture of {bob.name}": lambda: ada.frames_from(bob.user_id),
        f"{bob.name}'s picture of {ada.name}": lambda: bob.frames_from(ada.user_id)}, seconds)
    for caller, before in heard_before.items():
        heard = caller.audio_heard() - before
        assert heard > HEARD * seconds, f"{caller.name} heard {heard} in {seconds} s"


def expect_growth(counters: dict[str, Callable[[], float]], seconds: int = GROWTH_SECONDS) -> None:
    """Each counter grows in every second."""
    start = time.monotonic()
    last = {what: counter() for what, counter in counters.items()}
    for second in range(1, seconds + 1):
        time.sleep(max(0, start + second - time.monotonic()))
        for what, counter in counters.items():
            count = counter()
            assert count > last[what], f"{what} stood still at {count} in second {second}"
            last[what] = count


def expect_moving(watcher: Caller, actor: Caller, source: str = "camera") -> None:
    """Two pictures, one after the other: the count of a section is not that of its present source."""
    def frames() -> int:
        return watcher.frames_from(actor.user_id, source)
    what = f"{watcher.name} sees {actor.name}'s {source} move"
    first = wait_until(frames, FIRST_PICTURE, what)
    wait_until(lambda: frames() > first, FIRST_PICTURE, what)
