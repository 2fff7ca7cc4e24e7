"""Worker hosts on one machine: network namespaces on a bridge, each of which can be cut off.

with Network() as network:
    host = network.host()
    host.command("python", ...)     # what to run so that it sees the network of that host alone
    host.cut()                      # packets are lost in silence, as when a cable is pulled
    host.heal()
"""

from __future__ import annotations

import contextlib
import random
import secrets
import subprocess
from typing import Self

from servers import Missing, found


class Network:
    """`address` is that of this machine, as its hosts see it. Raises Missing where namespaces cannot be made."""

    def __init__(self) -> None:
        self._tag = secrets.token_hex(3)
        self._bridge = f"dg{self._tag}"
        self._net = f"198.18.{random.randrange(256)}"  # addresses that are kept for tests (RFC 2544)
        self.address = f"{self._net}.1"
        self._hosts: list[Host] = []

    def __enter__(self) -> Self:
        try:
            ip("link", "add", self._bridge, "type", "bridge")
            ip("address", "add", f"{self.address}/24", "dev", self._bridge)
            ip("link", "set", self._bridge, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for host in self._hosts:
            host.close()
        with contextlib.suppress(Missing):
            ip("link", "delete", self._bridge)

    def host(self) -> Host:
        number = len(self._hosts) + 2
        self._hosts.append(Host(f"{self._bridge}-{number}", self._bridge, f"{self._net}.{number}", number))
        return self._hosts[-1]


class Host:
    def __init__(self, name: str, bridge: str, address: str, number: int) -> None:
        self.name = name
        self._port = f"{bridge}p{number}"  # of the bridge; its other end is the host's `eth0`
        ip("netns", "add", name)
        ip("link", "add", self._port, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", self._port, "master", bridge)
        ip("link", "set", self._port, "up")
        ip("-netns", name, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-netns", name, "link", "set", device, "up")

    def command(self, *words: str) -> list[str]:
        # `ip netns exec` would hide the control groups that the sandbox needs.
        return [found("nsenter", "util-linux"), f"--net=/run/netns/{self.name}", *words]

    def cut(self) -> None:
        ip("link", "set", self._port, "down")

    def heal(self) -> None:
        ip("link", "set", self._port, "up")

    def close(self) -> None:
        with contextlib.suppress(Missing):
            ip("netns", "delete", self.name)  # and with it both ends of its cable


def ip(*words: str) -> None:
    done = subprocess.run([found("ip", "iproute2"), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"`ip {' '.join(words)}`: {done.stderr.strip()}")
