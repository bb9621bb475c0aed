"""The machine's own time, summer and winter."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from farmhand.links.zone import local_zone

ZONES = Path("/usr/share/zoneinfo")


def distances(zone: tzinfo) -> list[timedelta | None]:
    return [datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]


BERLIN = [timedelta(hours=1), timedelta(hours=2)]


@pytest.mark.parametrize("named", ["Europe/Berlin", ":Europe/Berlin", str(ZONES / "Europe/Berlin")])
def test_the_environment_names_the_zone(named: str) -> None:
    assert distances(local_zone({"TZ": named}, ZONES / "America/New_York")) == BERLIN


@pytest.mark.parametrize("environ", [{}, {"TZ": ""}])
def test_else_the_system_does(environ: dict[str, str]) -> None:
    assert distances(local_zone(environ, ZONES / "Europe/Berlin")) == BERLIN


@pytest.mark.parametrize("named", ["CET-1CEST,M3.5.0,M10.5.0/3", "Nowhere/At_All", "../../etc/passwd", "/etc/passwd"])
def test_what_cannot_be_read_leaves_the_present_distance(named: str, tmp_path: Path) -> None:
    present = datetime.now().astimezone().utcoffset()
    assert distances(local_zone({"TZ": named}, tmp_path / "missing"))[0] is not None
    assert datetime.now(local_zone({"TZ": named}, tmp_path / "missing")).utcoffset() == present


def test_a_machine_without_a_zone_file_has_a_time_all_the_same(tmp_path: Path) -> None:
    assert datetime.now(local_zone({}, tmp_path / "missing")).utcoffset() is not None
