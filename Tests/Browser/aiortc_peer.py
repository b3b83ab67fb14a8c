"""A peer of another WebRTC implementation: aiortc, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("aiortc_participant.py")


class AiortcPeer:
    """The process, seen from a test: its codecs share no lock with the test, and it can vanish without a word."""

    def __init__(self, gateway_url: str, token: str, address: str = "127.0.0.1") -> None:
        """`address` is the one of this machine that its media come from."""
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self._ask("connect", gateway_url=gateway_url, token=token)
        except BaseException:
            self.close()
            raise

    def join(self, channel_id: str, codec: str = "video/VP8") -> str:
        """Joins the call with microphone and camera on, and answers the participant's id."""
        return self._ask("join", channel_id=channel_id, codec=codec)

    def update(self, *active: str) -> None:
        """Turns sources on and off: those named are on from now."""
        self._ask("update", active=active)

    def leave(self) -> None:
        self._ask("leave")

    def report(self) -> dict:
        """`state`: the last callState; `speakers`; `ended`: the reason; `sections`: by mid what was decoded; `calls`:
        by channel who is in its call, from the events."""
        return self._ask("report")

    def vanish(self) -> None:
        """kill -9: no goodbye on any layer."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.vanish()
        self._process.stdin.close()
        self._process.stdout.close()

    def _ask(self, command: str, **arguments):
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the aiortc peer ended in the midst of {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"the aiortc peer's {command}: {answer['error']}")
        return answer["result"]
