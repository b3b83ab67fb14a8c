#!/usr/bin/env python3
"""TCP ports for stack.sh: whether they can be bound, and free ones for tests. Binding is the only honest check.

ports.py check HOST:PORT...      prints `PORT taken|forbidden|twice` for the first that cannot be had; exit 1 then
ports.py free SEED PREFERRED...  prints one free port for each PREFERRED (0: any), the preferred one where it is free
"""

import errno
import socket
import sys

# Below Linux's ephemeral range (32768–60999), so that no outgoing connection can take a port before we listen on it.
FIRST, LAST, SLOT = 20000, 32000, 16


def problem(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: connections in TIME_WAIT from our last run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return "forbidden" if error.errno == errno.EACCES else "taken"
    return None


def check(addresses: list[str]) -> int:
    seen: set[int] = set()
    for address in addresses:
        host, _, port = address.rpartition(":")
        found = "twice" if int(port) in seen else problem(host.strip("[]"), int(port))
        if found:
            print(port, found)
            return 1
        seen.add(int(port))
    return 0


def free(seed: int, preferred: list[int]) -> None:
    # Each caller's process id is its seed: stacks that start at the same moment look in different slots.
    candidates = iter(range(FIRST + seed * SLOT % (LAST - FIRST), LAST + (LAST - FIRST)))
    chosen: list[int] = []
    for wish in preferred:
        port = wish
        while port == 0 or port in chosen or problem("0.0.0.0", port):
            port = next(candidates)
            port = port if port < LAST else port - (LAST - FIRST)
        chosen.append(port)
    print(*chosen)


if sys.argv[1] == "check":
    sys.exit(check(sys.argv[2:]))
free(int(sys.argv[2]), [int(port) for port in sys.argv[3:]])
