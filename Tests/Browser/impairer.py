"""A bad router, as a program: it takes what clients send to ports of its address, passes it on to the same ports of
another address, each client's from a socket of its own, and does to it what it was told; and so back.

It is a process of its own, so that nothing that tests and browsers do delays a packet. It reads lines
`[command, arguments]` and answers each by `{"result": …}`, until its input ends.
"""

import asyncio
import json
import socket
import sys

from impaired_link import Impairment, Link, StreamLink

# Datagrams that are taken from one socket before the next has its turn.
BATCH = 64
# Bytes a TCP connection is read by, and how many of these may be on their way where no rate says less.
CHUNK, CHUNKS = 4_096, 512


class DatagramFlow:
    """What one client sends to one port, and what comes back."""

    kind = "udp"

    def __init__(self, router: "Router", listener: socket.socket, address: tuple, port: int) -> None:
        self.client, self.port = address[1], port
        self._router, self._listener, self._address = router, listener, address
        seed = f"{router.seed} {router.flow_count}"
        impairments = router.impairments_of(self.client)
        self.links = {way: Link(impairments[way], f"{seed} {way}") for way in ("up", "down")}
        self._open()

    def receive(self, data: bytes) -> None:
        """From the client."""
        self._router.later("up", self, data, self._pass)

    def rebind(self) -> None:
        """As a NAT that has forgotten the client: it has another port from now on, and what goes to the former is lost."""
        self.close()
        self._open()

    @property
    def seen(self) -> int:
        """The port from which the target sees the client."""
        return self._socket.getsockname()[1]

    def close(self) -> None:
        self._router.loop.remove_reader(self._socket)
        self._socket.close()

    def _open(self) -> None:
        self._socket = bound(self._router.address, 0, socket.SOCK_DGRAM)
        self._socket.connect((self._router.target, self.port))
        self._router.loop.add_reader(self._socket, self._take)

    def _take(self) -> None:
        for data, _ in datagrams(self._socket):
            self._router.later("down", self, data, self._answer)

    def _pass(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError:
            pass  # Nobody listens there, or there is no room: it is lost, as on any network.

    def _answer(self, data: bytes) -> None:
        try:
            self._listener.sendto(data, self._address)
        except OSError:
            pass  # As above.


class Stream:
    """A TCP connection of a client, and the one that continues it."""

    kind = "tcp"

    def __init__(self, router: "Router", client: int, port: int) -> None:
        self.client, self.port, self.seen = client, port, 0
        impairments = router.impairments_of(client)
        self.links = {way: StreamLink(impairments[way]) for way in ("up", "down")}
        self._loop = router.loop

    async def run(self, client: tuple, server: tuple) -> None:
        """Until both sides have ended. Each is a reader and a writer."""
        self.seen = server[1].get_extra_info("sockname")[1]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(self.links["up"], client[0], server[1]))
                group.create_task(self._pump(self.links["down"], server[0], client[1]))
        except* OSError:
            pass  # One side was reset; the other one is closed now.
        finally:
            for _, writer in (client, server):
                writer.close()

    async def _pump(self, link: StreamLink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What has not arrived yet is bounded; beyond that nothing is read, and the sender has to wait."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(link.chunk_count(CHUNK, CHUNKS))

        async def read() -> None:
            data = b"?"
            while data:
                data = await reader.read(CHUNK)
                await waiting.put((link.send(self._loop.time(), len(data)), data))

        async def write() -> None:
            data = b"?"
            while data:
                due, data = await waiting.get()
                await asyncio.sleep(due - self._loop.time())
                writer.write(data)
                await writer.drain()
            writer.write_eof()

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            group.create_task(write())


class Router:
    """All flows, on one event loop."""

    def __init__(self, address: str, target: str, seed: str) -> None:
        self.address, self.target, self.seed = address, target, seed
        self.loop = asyncio.get_running_loop()
        self._ways = {"udp", "tcp"}
        self._flows: dict[tuple, DatagramFlow] = {}
        self._streams: dict[Stream, asyncio.Task] = {}
        self._impairments: dict[int | None, dict[str, Impairment]] = {None: {"up": Impairment(), "down": Impairment()}}

    async def serve(self, ports: list[int]) -> None:
        for port in ports:
            listener = bound(self.address, port, socket.SOCK_DGRAM)
            self.loop.add_reader(listener, self._take, listener, port)
            await asyncio.start_server(
                lambda reader, writer, port=port: self._accept(reader, writer, port), self.address, port, limit=CHUNK)

    # ---- Commands

    async def impair(self, up: dict, down: dict, client: int | None) -> None:
        """From now on: the client with this port, or all; then what was said of single ones is forgotten."""
        if client is None:
            self._impairments.clear()
        self._impairments[client] = {"up": Impairment(**up), "down": Impairment(**down)}
        for flow in self._all():
            for way, impairment in self.impairments_of(flow.client).items():
                flow.links[way].impairment = impairment

    async def open(self, ways: list[str]) -> None:
        """Only these of `udp` and `tcp` lead anywhere from now on."""
        self._ways = set(ways)
        if "tcp" not in self._ways:
            for task in self._streams.values():
                task.cancel()

    async def rebind(self, client: int) -> int:
        """Answers how many flows of the client it was."""
        flows = [flow for flow in self._flows.values() if flow.client == client]
        for flow in flows:
            flow.rebind()
        return len(flows)

    async def report(self) -> list[dict]:
        """Of each flow that there was: whose, of which kind, and in both directions what came and was lost. `seen` is the
        port from which the target sees the client."""
        return [{"kind": flow.kind, "client": flow.client, "port": flow.port, "seen": flow.seen}
                | {way: link.report() for way, link in flow.links.items()} for flow in self._all()]

    # ---- Flows

    @property
    def flow_count(self) -> int:
        return len(self._flows)

    def impairments_of(self, client: int) -> dict[str, Impairment]:
        return self._impairments.get(client, self._impairments[None])

    def later(self, way: str, flow: DatagramFlow, data: bytes, action) -> None:
        """A datagram is on its way, if that is one."""
        if "udp" not in self._ways:
            return
        due = flow.links[way].send(self.loop.time(), len(data))
        if due is not None:
            self.loop.call_at(due, action, data)

    def _all(self) -> list[DatagramFlow | Stream]:
        return [*self._flows.values(), *self._streams]

    def _take(self, listener: socket.socket, port: int) -> None:
        for data, address in datagrams(listener):
            flow = self._flows.get((address, port))
            if flow is None:
                flow = self._flows[address, port] = DatagramFlow(self, listener, address, port)
            flow.receive(data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        if "tcp" not in self._ways:
            writer.transport.abort()
            return
        stream = Stream(self, writer.get_extra_info("peername")[1], port)
        # It stays among the streams when it has ended, so that reports are of all that was.
        self._streams[stream] = asyncio.current_task()
        try:
            await stream.run((reader, writer), await asyncio.open_connection(self.target, port, limit=CHUNK))
        except OSError:
            writer.transport.abort()  # Nobody listens there.


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    one = socket.socket(socket.AF_INET, kind)
    one.setblocking(False)
    one.bind((address, port))
    # What waits here would be lost beyond what was told.
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        one.setsockopt(socket.SOL_SOCKET, option, 1 << 21)
    return one


def datagrams(source: socket.socket):
    """What waits there, as (bytes, address); at most a batch."""
    for _ in range(BATCH):
        try:
            yield source.recvfrom(65_536)
        except OSError:
            return  # There is no more, or an earlier one met a closed port.


async def main() -> None:
    address, target, seed, *ports = sys.argv[1:]
    router, loop = Router(address, target, seed), asyncio.get_running_loop()
    await router.serve([int(port) for port in ports])
    print(json.dumps({"result": "listening"}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, arguments = json.loads(line)
        print(json.dumps({"result": await getattr(router, command)(**arguments)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
