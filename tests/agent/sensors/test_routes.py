"""VPNs in the kernel's lists: as it writes them, and real ones in a network of the test's own."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from fakes.listener import Listener

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.routes import Routes, _forget, goes_through_vpn

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
HOME = "eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
BY_CABLE = "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
BY_TUNNEL = "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
UPPER_HALF = "tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
OFFICE = "tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
NOWHERE, NO_GATE = "0" * 32, "0" * 32
SIX = f"{NOWHERE} 00 {NOWHERE} 00 {NO_GATE} 00000400 00000001 00000000 00000001     tun0\n"
SIX_HOME = f"fe800000{'0' * 24} 40 {NOWHERE} 00 {NO_GATE} 00000100 00000001 00000000 00000001     tun0\n"


class Kernel:
    """Lists of our own, with a cable and a tunnel."""

    def __init__(self, root: Path) -> None:
        self.devices, self.net = root / "class", root / "net"
        self.net.mkdir()
        self.device("eth0")
        self.device("tun0", tun_flags="0x1801")
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._theirs.setblocking(False)
        self.routes(HOME, BY_CABLE)

    def listen(self) -> socket.socket:
        return self._theirs

    def device(self, name: str, **files: str) -> None:
        folder = self.devices / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in {"flags": "0x1091", "uevent": f"INTERFACE={name}", **files}.items():
            (folder / file).write_text(text + "\n")

    def routes(self, *lines: str, six: str = "") -> None:
        (self.net / "route").write_text(HEAD + "".join(lines))
        (self.net / "ipv6_route").write_text(six)
        self._ours.send(b"a route")
        self._ours.send(b"and another")

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with closing(Kernel(tmp_path)) as lists:
        yield lists


@pytest.mark.parametrize(
    ("routes", "six", "vpn"),
    [
        ((), "", False),
        ((HOME, BY_CABLE), "", False),
        ((HOME, BY_CABLE, BY_TUNNEL), "", True),
        ((HOME, BY_CABLE, UPPER_HALF), "", True),
        ((HOME, BY_CABLE, OFFICE), "", False),
        ((HOME, BY_CABLE), SIX_HOME, False),
        ((HOME, BY_CABLE), SIX_HOME + SIX, True),
        (("strange\n",), "strange\n", False),
    ],
)
def test_a_tunnel_counts_where_everything_goes_through_it(
    kernel: Kernel, routes: tuple[str, ...], six: str, vpn: bool
) -> None:
    kernel.routes(*routes, six=six)
    assert goes_through_vpn(kernel.devices, kernel.net) is vpn


def test_without_the_newer_internet(kernel: Kernel) -> None:
    (kernel.net / "ipv6_route").unlink()
    assert not goes_through_vpn(kernel.devices, kernel.net)


def test_wireguard_counts_while_it_is_up(kernel: Kernel) -> None:
    kernel.device("wg0", uevent="DEVTYPE=wireguard\nINTERFACE=wg0", flags="0x90")
    assert not goes_through_vpn(kernel.devices, kernel.net)
    kernel.device("wg0", uevent="DEVTYPE=wireguard\nINTERFACE=wg0", flags="0x91")
    assert goes_through_vpn(kernel.devices, kernel.net)


async def test_joining_and_leaving_a_vpn(kernel: Kernel) -> None:
    source = Routes(kernel.devices, kernel.net, kernel.listen, settle=0.01)
    assert source.unusable() is None
    heard = Listener()
    watch = asyncio.create_task(source.watch(heard.report))
    await heard.until_seen(vpn=False)
    kernel.routes(BY_TUNNEL)
    await heard.until_seen(vpn=True)
    kernel.routes(BY_CABLE)
    await heard.until_seen(vpn=False)
    assert [one["vpn"] for one in heard.readings] == [False, True, False]
    shutil.rmtree(kernel.devices)
    kernel.routes()
    with pytest.raises(SenseLost, match="No such file"):
        await asyncio.wait_for(watch, 30)
    assert source.unusable() == f"there is no {kernel.devices}"


class Storm:
    """A socket of a kernel that had more to tell than anybody has read."""

    def __init__(self, *says: object) -> None:
        self._says = list(says)

    def recv(self, _: int) -> bytes:
        said = self._says.pop(0)
        if isinstance(said, int):
            raise OSError(said, os.strerror(said))
        return b"a route"


def test_what_is_told_is_forgotten_even_if_some_was_lost() -> None:
    _forget(cast(socket.socket, Storm("route", errno.ENOBUFS, "route", errno.EAGAIN)))
    with pytest.raises(OSError, match="Bad file"):
        _forget(cast(socket.socket, Storm(errno.EBADF)))


async def test_a_kernel_that_tells_nobody(kernel: Kernel) -> None:
    def refuse() -> socket.socket:
        raise PermissionError(errno.EPERM, "not permitted")

    with pytest.raises(SenseLost, match="not permitted"):
        await Routes(kernel.devices, kernel.net, refuse).watch(lambda _: None)


HEAR = """
import select, subprocess
from farmhand_agent.sensors.routes import changes
with changes() as told:
    for command in ("link set lo up", "route add 10.1.0.0/16 dev lo", "-6 route add fd00::/8 dev lo"):
        assert not select.select([told], [], [], 0)[0]
        subprocess.run(["ip", *command.split()], check=True)
        print(bool(select.select([told], [], [], 5)[0]))
        while select.select([told], [], [], 0.2)[0]:
            told.recv(1 << 16)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make networks")
def test_a_real_kernel_tells_of_devices_and_routes() -> None:
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", HEAR], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["True"] * 3, "")


ASK = """
from pathlib import Path
from farmhand_agent.sensors.routes import goes_through_vpn
print(goes_through_vpn(Path("/sys/class/net"), Path("/proc/net")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make networks")
@pytest.mark.parametrize(("route", "vpn"), [("10.0.0.0/8", "False"), ("128.0.0.0/1", "True"), ("default", "True")])
def test_a_real_tunnel_in_a_network_of_its_own(route: str, vpn: str) -> None:
    """Mounts and devices are seen by nobody else and gone with the process."""
    tunnel = f"ip tuntap add tun7 mode tun && ip link set tun7 up && ip route add {route} dev tun7"
    steps = f"mount -t sysfs none /sys && {tunnel}"
    command = ["unshare", "--net", "--mount", "sh", "-c", f'{steps} && exec "$@"', "sh", sys.executable, "-c", ASK]
    done = subprocess.run(command, capture_output=True, text=True)
    if "/dev/net/tun" in done.stderr:
        pytest.skip(f"the kernel makes no tunnels here: {done.stderr.strip()}")
    assert (done.stdout.strip(), done.stderr) == (vpn, "")
