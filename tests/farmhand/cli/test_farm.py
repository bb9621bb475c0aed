"""The table of hosts."""

from __future__ import annotations

import pytest

from farmhand.cli.context import console
from farmhand.cli.farm import host_table
from farmhand.wire.farm import HostView


@pytest.mark.parametrize(
    ("address", "where"), [("10.1.0.3", "10.1.0.3:3632"), ("fd98::2", "[fd98::2]:3632"), ("::1", "[::1]:3632")]
)
def test_where_a_host_is_can_be_told_from_its_port(
    capsys: pytest.CaptureFixture[str], address: str, where: str
) -> None:
    console.print(host_table([HostView("desk", address, 3632, 4, 1, "lent")]))
    assert where in capsys.readouterr().out.split()
