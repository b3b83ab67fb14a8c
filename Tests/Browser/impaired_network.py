"""A bad network between the clients of a test and its media nodes."""

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from impaired_link import Impairment
from namespace import Namespace

PROGRAM = Path(__file__).with_name("impairer.py")
NO_IMPAIRMENT = Impairment()


@dataclass(frozen=True)
class Traffic:
    """What came by, of some flows and in one direction."""

    packets: int
    bytes: int
    lost: int
    overflowed: int
    overtaken: int

    def __sub__(self, before: "Traffic") -> "Traffic":
        return Traffic(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    @property
    def passed(self) -> int:
        return self.packets - self.lost - self.overflowed

    @property
    def loss(self) -> float:
        """The share that was lost by chance."""
        return self.lost / max(1, self.packets)


class ImpairedNetwork:
    """A router in a network of its own; it takes root. Media nodes announce `address`, which is the router's, so that no
    packet comes around it; clients have `client_address` there. Made before the nodes, it serves once they have ports.

    A client is known by the port it sends from.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._closings = ExitStack()
        self._namespace = Namespace()
        self._closings.callback(self._namespace.close)
        # Browsers try from each address of this machine; the answer must find its way back to that one.
        self._namespace.ip("route", "add", "default", "via", self._namespace.outside)
        self.address, self.client_address = self._namespace.inside, self._namespace.outside
        self._process: subprocess.Popen | None = None

    def serve(self, port_ranges: str) -> None:
        """For these ports, as stack.sh writes them: first-last, separated by commas."""
        ports = [port for one in port_ranges.split(",") for first, last in [map(int, one.split("-"))]
                 for port in range(first, last + 1)]
        command = [sys.executable, str(PROGRAM), self.address, self.client_address, self._seed, *map(str, ports)]
        self._process = process = subprocess.Popen(
            self._namespace.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._closings.callback(self._end, process)
        self._answer()

    def impair(self, up: Impairment = NO_IMPAIRMENT, down: Impairment = NO_IMPAIRMENT, client: int | None = None) -> None:
        """From now on, on the way to the node and from there: this client's packets, or everybody's; then what was said
        of single clients is forgotten."""
        self._ask("impair", up=asdict(up), down=asdict(down), client=client)

    def open(self, *ways: str) -> None:
        """Only these of `udp` and `tcp` lead anywhere from now on."""
        self._ask("open", ways=ways)

    def rebind(self, client: int) -> None:
        """The node sees what the client sends by UDP come from other ports from now on."""
        assert self._ask("rebind", client=client) > 0, f"nothing came from port {client}"

    def clients(self, ports: Iterable[int]) -> set[int]:
        """Those of these ports that something came from, which may be told as a browser has them or as the node sees them:
        a browser that learns of its address from the node has the latter."""
        known = set(ports)
        return {flow["client"] for flow in self._ask("report") if {flow["client"], flow["seen"]} & known}

    def datagrams(self, way: str, client: int | None = None) -> Traffic:
        """By UDP so far, `up` or `down`, of one client or of all."""
        rows = [flow[way] for flow in self._ask("report")
                if flow["kind"] == "udp" and client in (None, flow["client"])]
        return Traffic(**{name: sum(row[name] for row in rows) for name in Traffic.__dataclass_fields__})

    def stream_bytes(self, way: str) -> int:
        """By TCP so far, of all clients."""
        return sum(flow[way]["bytes"] for flow in self._ask("report") if flow["kind"] == "tcp")

    def close(self) -> None:
        self._closings.close()

    def _ask(self, command: str, **arguments):
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        assert line, "the router has ended"
        return json.loads(line)["result"]

    def _end(self, process: subprocess.Popen) -> None:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
