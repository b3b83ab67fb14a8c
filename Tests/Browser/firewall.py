"""A network of its own for browsers, from which no UDP gets out: what is behind a strict firewall."""

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from namespace import Namespace

ROOT = Path(__file__).resolve().parents[2]


class Firewall:
    """A network namespace with one way out, over which only TCP goes. It takes root.

    `address` is this machine's, as it is reached from in there; `executable` runs Chromium in there.
    """

    def __init__(self) -> None:
        self._namespace = namespace = Namespace()
        self.address = namespace.outside
        try:
            # Before the table of local routes, so that not even they are found.
            namespace.ip("rule", "add", "priority", "0", "ipproto", "udp", "unreachable")
            namespace.ip("rule", "delete", "priority", "0", "lookup", "local")
            namespace.ip("rule", "add", "priority", "1", "lookup", "local")
        except subprocess.CalledProcessError:
            self.close()
            raise
        self._directory = tempfile.TemporaryDirectory()
        self.executable = Path(self._directory.name) / "chromium"
        self.executable.write_text(
            f'#!/bin/sh\nexec {shlex.join(namespace.command(shutil.which("chromium")))} "$@"\n')
        self.executable.chmod(0o755)

    def lets_through(self, kind: str, port: int) -> bool:
        """Whether a TCP connection can be made, or a datagram of UDP sent, from in there to this port of the machine."""
        program = (
            "import socket, sys\n"
            f"one = socket.socket(socket.AF_INET, socket.SOCK_{'STREAM' if kind == 'tcp' else 'DGRAM'})\n"
            "one.settimeout(3)\n"
            f"one.connect(('{self.address}', {port}))\n"
            "one.send(b'?')\n")
        command = self._namespace.command("python3", "-c", program)
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0

    def close(self) -> None:
        self._namespace.close()


class TLSRelay:
    """coturn that is reached by TLS at an address of this machine, with a certificate of its own; `variables` tell a stack
    of it, and that there is no other."""

    def __init__(self, address: str) -> None:
        self._directory = tempfile.TemporaryDirectory()
        directory = Path(self._directory.name)
        key, certificate, secret = (directory / name for name in ("key.pem", "certificate.pem", "secret"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=relay", "-addext", f"subjectAltName=IP:{address}", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        secret.write_text(secrets.token_hex(24))
        port, plain_port = (free_port(address) for _ in range(2))
        self._configuration = directory / "turnserver.conf"
        subprocess.run(
            [ROOT / "deploy/turn/render.sh"], check=True, env=os.environ | {
                "TURN_CONFIG": str(self._configuration), "TURN_SECRET_FILE": str(secret), "TURN_LISTEN": address,
                "TURN_PEERS": address, "TURN_DIRECTORY": str(directory), "TURN_CERT": str(certificate),
                "TURN_KEY": str(key), "TURN_TLS_PORT": str(port), "TURN_PORT": str(plain_port)})
        self._process = subprocess.Popen(["turnserver", "-c", self._configuration], stdout=subprocess.DEVNULL)
        self.variables = {
            "TURN": "0", "ROOST_TURN_URLS": f"turns:{address}:{port}?transport=tcp",
            "ROOST_TURN_SECRET": secret.read_text()}

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._directory.cleanup()


def free_port(address: str) -> int:
    with socket.create_server((address, 0)) as server:
        return server.getsockname()[1]
