"""A network of its own on this machine, with one link to it: what firewalls and bad routers of the tests stand in."""

import itertools
import os
import subprocess

_numbers = itertools.count()


class Namespace:
    """A network namespace that is reached over one link alone. It takes root.

    `outside` is this machine's address on the link, `inside` the one in there.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        self.name = f"roost-{os.getpid()}-{number}"
        # 10.213.0.0/16 in networks of four addresses; another for each process that tests, and for each of its own.
        third, fourth = divmod((os.getpid() * 4 + number % 4) % 16_384, 64)
        self.outside, self.inside = (f"10.213.{third}.{fourth * 4 + host}" for host in (1, 2))
        link = f"rst{os.getpid() % 10_000_000}.{number % 100}"
        ip("netns", "add", self.name)
        try:
            ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            ip("address", "add", f"{self.outside}/30", "dev", link)
            ip("link", "set", link, "up")
            self.ip("address", "add", f"{self.inside}/30", "dev", "eth0")
            self.ip("link", "set", "eth0", "up")
            self.ip("link", "set", "lo", "up")
        except subprocess.CalledProcessError:
            self.close()
            raise

    def ip(self, *arguments: str) -> None:
        """ip(8) in there."""
        ip("-n", self.name, *arguments)

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs this one in there."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def close(self) -> None:
        # With the namespace its end of the link goes, and with that the other.
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
