"""A client of python-socketio that remembers what it was told."""

import threading
import time
from collections.abc import Callable

import socketio

PATIENCE = 15


class Client:
    """One connected client. Every event is kept, in order, as (name, arguments)."""

    def __init__(
        self, url: str, token: str | None = None, namespace: str = "/", transports: list[str] | None = None,
        reconnection: bool = False, auth: dict | None = None,
    ) -> None:
        self.namespace = namespace
        self.events: list[tuple[str, tuple]] = []
        self.connections = 0
        self._changed = threading.Condition()
        self.sio = socketio.Client(
            reconnection=reconnection, reconnection_delay=0.1, reconnection_delay_max=0.5, handle_sigint=False)
        self.sio.on("*", self._note, namespace=namespace)
        self.sio.on("connect", self._connected, namespace=namespace)
        self.sio.on("disconnect", lambda *reason: self._note("disconnect", *reason), namespace=namespace)
        auth = auth if auth is not None else ({"token": token} if token else None)
        self.sio.connect(
            url, auth=auth, transports=transports, namespaces=[namespace], wait=True, wait_timeout=PATIENCE)
        # After an upgrade the session keeps its id.
        self.gateway = self.sio.eio.sid.split(".")[0]

    @property
    def transport(self) -> str:
        return self.sio.transport()

    def emit(self, event: str, *data, callback=None) -> None:
        self.sio.emit(event, data if len(data) != 1 else data[0], namespace=self.namespace, callback=callback)

    def call(self, event: str, *data):
        """The server's acknowledgement."""
        return self.sio.call(
            event, data if len(data) != 1 else data[0], namespace=self.namespace, timeout=PATIENCE)

    def wait(self, event: str, matches: Callable[[dict], bool] = lambda _: True, after: int = 0):
        """The first argument of the first such event, after as many events."""
        return self.wait_for(
            lambda: next(
                (arguments[0] if arguments else None,)
                for name, arguments in self.events[after:]
                if name == event and matches(arguments[0] if arguments else {})),
            f"{event} did not come")[0]

    def wait_for(self, read: Callable, complaint: str):
        """What `read` answers once it answers something; StopIteration is nothing."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                try:
                    found = read()
                except StopIteration:
                    found = None
                if found:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"{complaint}; there were {self.events}"
                self._changed.wait(left)

    def all(self, event: str) -> list:
        with self._changed:
            return [arguments[0] for name, arguments in self.events if name == event]

    def close(self) -> None:
        self.sio.disconnect()

    def _note(self, event: str, *arguments) -> None:
        with self._changed:
            self.events.append((event, arguments))
            self._changed.notify_all()

    def _connected(self) -> None:
        with self._changed:
            self.connections += 1
            self._changed.notify_all()
