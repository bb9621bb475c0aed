"""A farm whose registry has addresses of IPv4 and IPv6 under one name: whoever is listed is reached."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.fakes.ports import free_port
from tests.whole.network import Network
from tests.whole.stage import Stage

MAKEFILE = "all: f1.o f2.o f3.o f4.o\n"

AS_TOLD = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']
"""Words before a file of names and a command that knows those names."""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make networks")
@pytest.mark.parametrize(
    ("gate", "ipv6", "listed_at"),
    [
        ("", True, "2001:db8::2"),
        ("[::]:3632", True, "2001:db8::2"),
        ("0.0.0.0:3632", True, "198.51.100.2"),
        ("198.51.100.2:3632", True, "198.51.100.2"),
        ("", False, "198.51.100.2"),
    ],
)
def test_a_host_is_reached_where_it_is_listed(tmp_path: Path, gate: str, ipv6: bool, listed_at: str) -> None:
    names = tmp_path / "hosts"
    with Network("hub", "lender", "builder") as network, Stage(display=False) as stage:
        names.write_text(f"{network.address6('hub')} hub\n{network.address('hub')} hub\n127.0.0.1 localhost\n")
        port = free_port()
        stage.before = network.inside("hub")
        stage.registry = f"http://[::]:{port}"
        stage.open_registry()
        stage.registry, stage.before = f"http://hub:{port}", [*network.inside("builder"), *AS_TOLD, str(names)]
        if not ipv6:
            network.forget_ipv6("lender")
        before = [*network.inside("lender"), *AS_TOLD, str(names)]
        station = stage.workstation("lender", before, gate=gate, lend="always")
        station.wait("lent")
        assert [host["address"] for host in stage.hosts()] == [listed_at]
        (tmp_path / "Makefile").write_text(MAKEFILE)
        for number in range(1, 5):
            (tmp_path / f"f{number}.c").write_text(f"int f{number};\n")
        build = stage.build(tmp_path, "make", summary=tmp_path / "summary.json")
        assert build.wait(60) == 0
        told = json.loads((tmp_path / "summary.json").read_text())
        assert told["hosts"].get("lender", 0) > 0, told
        assert told["moved"] == 0, told
