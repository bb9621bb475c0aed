"""Machines with networks of their own: namespaces joined by a bridge, none of it visible from outside.

Addresses are those that RFC 5737 and RFC 3849 set aside for examples. The bridge lies in a namespace, too, so the
machine's own network is not touched. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import subprocess
from types import TracebackType
from typing import Self

CLONE_NEWNET = 0x40000000
NETWORK = "198.51.100"
"""The first three bytes of every IPv4 address."""

NETWORK_6 = "2001:db8:"
"""The first bytes of every IPv6 address."""


class Network:
    """A switch with machines at it. Use it in a `with` block.

    Args:
        machines: their names; each gets an address.
    """

    def __init__(self, *machines: str) -> None:
        self._tag = f"fh{os.getpid()}{secrets.token_hex(2)}"
        self._machines = machines

    def __enter__(self) -> Self:
        switch = self._tag
        try:
            _ip("netns", "add", switch)
            _ip("-n", switch, "link", "add", "name", "switch", "type", "bridge")
            _ip("-n", switch, "link", "set", "switch", "up")
            for number, name in enumerate(self._machines):
                self._join(number, name)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def address(self, machine: str) -> str:
        """Its IPv4 address."""
        return f"{NETWORK}.{self._machines.index(machine) + 1}"

    def address6(self, machine: str) -> str:
        """Its IPv6 address."""
        return f"{NETWORK_6}:{self._machines.index(machine) + 1}"

    def forget_ipv6(self, machine: str) -> None:
        """Let the machine do without IPv6, as some administrators do."""
        command = [*self.inside(machine), "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]
        subprocess.run(command, check=True)

    def inside(self, machine: str) -> list[str]:
        """Words before a command that run it on `machine`, as the same process."""
        return ["nsenter", f"--net=/run/netns/{self._namespace(machine)}", "--"]

    def enter(self, machine: str) -> None:
        """Put the calling thread on `machine`; it alone, and for good."""
        namespace = os.open(f"/run/netns/{self._namespace(machine)}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot enter the network")
        finally:
            os.close(namespace)

    def unplug(self, machine: str) -> None:
        """Pull the machine's cable: nobody is told."""
        _ip("-n", self._tag, "link", "set", f"port{self._machines.index(machine)}", "down")

    def plug_in(self, machine: str) -> None:
        """Put the cable back."""
        _ip("-n", self._tag, "link", "set", f"port{self._machines.index(machine)}", "up")

    def _namespace(self, machine: str) -> str:
        return f"{self._tag}-{self._machines.index(machine)}"

    def _join(self, number: int, name: str) -> None:
        own, port = self._namespace(name), f"port{number}"
        _ip("netns", "add", own)
        _ip("-n", self._tag, "link", "add", port, "type", "veth", "peer", "name", "eth", "netns", own)
        _ip("-n", self._tag, "link", "set", port, "master", "switch", "up")
        _ip("-n", own, "address", "add", f"{self.address(name)}/24", "dev", "eth")
        _ip("-n", own, "address", "add", f"{self.address6(name)}/64", "dev", "eth", "nodad")
        for link in ("eth", "lo"):
            _ip("-n", own, "link", "set", link, "up")

    def _remove(self) -> None:
        names = [self._tag, *(self._namespace(name) for name in self._machines)]
        for name in set(names) & set(os.listdir("/run/netns")):
            _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
