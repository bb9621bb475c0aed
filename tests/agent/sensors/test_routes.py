"""VPNs in the kernel's lists: as it writes them, and real ones in a network of the test's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.listener import Listener

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.routes import Routes, goes_through_vpn

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
        self.routes(HOME, BY_CABLE)

    def device(self, name: str, **files: str) -> None:
        folder = self.devices / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in {"flags": "0x1091", "uevent": f"INTERFACE={name}", **files}.items():
            (folder / file).write_text(text + "\n")

    def routes(self, *lines: str, six: str = "") -> None:
        (self.net / "route").write_text(HEAD + "".join(lines))
        (self.net / "ipv6_route").write_text(six)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


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
    source = Routes(kernel.devices, kernel.net, period=0.01)
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
    with pytest.raises(SenseLost, match="No such file"):
        await asyncio.wait_for(watch, 30)
    assert source.unusable() == f"there is no {kernel.devices}"


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
