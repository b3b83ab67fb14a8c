"""The stack of the Socket.IO tests: two APIs and two gateways behind nginx, and clients of python-socketio."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Browser"))

from accounts import Team, make_team  # noqa: E402
from client import Client  # noqa: E402


class Stack:
    """Started by the launcher that `make run` uses. Heartbeats are quick, so that each test crosses some."""

    def __init__(self) -> None:
        self._state = tempfile.mkdtemp(prefix="roost-dialect.")
        self._environment = os.environ | {
            "ROOST_STATE": self._state, "ROOST_PORTS": "free", "APIS": "2", "GATEWAYS": "2", "MEDIA": "1", "TURN": "0",
            "ROOST_MESSAGE_RATE": "5", "ROOST_GATEWAY_ECHO": "1", "ROOST_SOCKETIO_PING_INTERVAL_MS": "1000",
            "ROOST_SOCKETIO_PING_TIMEOUT_MS": "2000",
        }
        try:
            self.run("up")
        except subprocess.CalledProcessError:
            self.close()
            raise
        lines = self.run("env").splitlines()
        self.variables = dict(line.split("=", 1) for line in lines if "=" in line)
        self.url = self.variables["ROOST_URL"]

    def run(self, *arguments: str) -> str:
        command = [str(ROOT / "deploy/scripts/stack.sh"), *arguments]
        return subprocess.run(
            command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def close(self) -> None:
        subprocess.run([str(ROOT / "deploy/scripts/stack.sh"), "down"], env=self._environment, check=False)
        if "ROOST_KEEP_STATE" not in os.environ:
            shutil.rmtree(self._state, ignore_errors=True)


@pytest.fixture(scope="session")
def stack():
    stack = Stack()
    yield stack
    stack.close()


@pytest.fixture
def team(stack: Stack) -> Team:
    return make_team(stack.url, "ada", "bob")


@pytest.fixture
def connect(stack: Stack):
    """Connects clients: `connect(token=…)`, on one gateway with `gateway="g1"`; they are disconnected at the end."""
    clients: list[Client] = []

    def open_client(gateway: str | None = None, **options) -> Client:
        # nginx chooses the gateway with the fewest connections: held ones drive the choice to the other.
        for _ in range(20):
            client = Client(stack.url, **options)
            clients.append(client)
            if gateway is None or client.gateway == gateway:
                return client
        raise AssertionError(f"nginx never chose {gateway}")

    yield open_client
    for client in clients:
        client.close()
