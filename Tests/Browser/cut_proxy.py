"""A TCP proxy that can be cut: what a laptop's lid or a lost network does to a connection."""

import socket
import threading


class CutProxy:
    """Forwards a port of its own to a target until it is cut; then it drops all connections and refuses new ones."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def open_count(self) -> int:
        """Sockets that are open on either side."""
        with self._lock:
            return len(self._connections)

    def cut(self) -> int:
        """Drops every connection by reset and refuses new ones. Answers how many sockets were open."""
        with self._lock:
            self._is_cut = True
            dropped = list(self._connections)
            self._connections.clear()
        for connection in dropped:
            try:
                # Linger 0: the peer gets a reset, not an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It ended by itself in this moment.
            connection.close()
        return len(dropped)

    def restore(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                is_cut = self._is_cut
            if is_cut:
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._connections.update((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._connections.discard(source)
            self._connections.discard(sink)
        for end in (source, sink):
            try:
                # Closing alone neither wakes the other thread's recv nor tells the peer.
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # The other thread was first.
            end.close()
