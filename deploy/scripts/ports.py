#!/usr/bin/env python3
"""Ports for stack.sh: whether they can be bound, and free ones for tests. Binding is the only honest check.

ports.py check ADDRESS...     prints `ADDRESS PORT taken|forbidden|twice` for the first that cannot be had; exit 1 then
ports.py free SEED WISH...    prints one free port for each WISH, the wished one where it is free

ADDRESS is HOST:PORT and WISH is PORT (0: any). PORT means TCP; PORT/udp, PORT/tcp+udp and PORT/udp/16 (that and the 15
ports after it) mean what they say.
"""

import errno
import socket
import sys

# Below Linux's ephemeral range (32768–60999), so that no outgoing connection can take a port before we listen on it.
# A stack with two media nodes needs about a hundred.
FIRST, LAST, SLOT = 20000, 32000, 128


def parse(text: str) -> tuple[range, list[socket.SocketKind]]:
    """The ports that `PORT`, `PORT/KINDS` or `PORT/KINDS/COUNT` means, and the kinds of socket that must bind to each."""
    port, kinds, count = (text.split("/") + ["tcp", "1"][text.count("/"):])[:3]
    known = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    return range(int(port), int(port) + int(count)), [known[kind] for kind in kinds.split("+")]


def problem(host: str, port: int, kinds: list[socket.SocketKind]) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in kinds:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As the servers do: connections in TIME_WAIT from our last run do not count. With UDP the option would
                # share the port with another socket that has set it.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                return "forbidden" if error.errno == errno.EACCES else "taken"
    return None


def check(addresses: list[str]) -> int:
    seen: set[int] = set()
    for address in addresses:
        host, _, wanted = address.rpartition(":")
        ports, kinds = parse(wanted)
        for port in ports:
            found = "twice" if port in seen else problem(host.strip("[]"), port, kinds)
            if found:
                print(address, port, found)
                return 1
            seen.add(port)
    return 0


def free(seed: int, wishes: list[str]) -> None:
    # Each caller's process id is its seed: stacks that start at the same moment look in different slots.
    candidates = iter(range(FIRST + seed * SLOT % (LAST - FIRST), LAST + (LAST - FIRST)))
    taken: set[int] = set()
    chosen: list[int] = []
    for wish in wishes:
        ports, kinds = parse(wish)
        while ports[0] == 0 or any(port in taken or problem("0.0.0.0", port, kinds) for port in ports):
            first = next(candidates)
            first = first if first < LAST else first - (LAST - FIRST)
            ports = range(first, first + len(ports))
        taken.update(ports)
        chosen.append(ports[0])
    print(*chosen)


if sys.argv[1] == "check":
    sys.exit(check(sys.argv[2:]))
free(int(sys.argv[2]), sys.argv[3:])
