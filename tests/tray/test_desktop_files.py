"""What tells a desktop about the tray: valid, of one mind, and naming the program that exists."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fakes.desktop import REPOSITORY

from farmhand import __version__
from farmhand_tray.main import APP_ID

LINUX = REPOSITORY / "installers" / "linux"
ENTRIES = [LINUX / f"{APP_ID}.desktop", LINUX / f"{APP_ID}.autostart.desktop"]
METAINFO = LINUX / f"{APP_ID}.metainfo.xml"


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-utils are not installed")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: path.name)
def test_the_entries_keep_to_the_standard(entry: Path) -> None:
    checked = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="appstream is not installed")
def test_the_metainfo_keeps_to_the_standard() -> None:
    checked = subprocess.run(
        ["appstreamcli", "validate", "--no-net", METAINFO], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: path.name)
def test_the_entries_start_the_program_that_there_is(entry: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(entry)
    told = parser["Desktop Entry"]
    programs = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["gui-scripts"]
    assert told["Exec"] == told["TryExec"] == "farmhand-tray"
    assert programs["farmhand-tray"] == "farmhand_tray.main:main"
    assert told["Icon"] == APP_ID


def test_the_metainfo_is_about_this_version() -> None:
    root = ET.parse(METAINFO).getroot()
    releases = [release.get("version") for release in root.iter("release")]
    assert releases[0] == __version__
    assert root.findtext("id") == APP_ID
    assert root.findtext("launchable") == f"{APP_ID}.desktop"
