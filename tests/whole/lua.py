"""A real C project to build: Lua 5.4, as a Debian source package, kept in `.cache` after the first time."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"
ARCHIVE = CACHE / "lua5.4.orig.tar.gz"
BUILD = ("make", "-C", "src", "liblua.a", "CC=gcc -std=gnu99", "MYCFLAGS=-DLUA_USE_LINUX")
"""Builds the library: 33 compiles and an archive."""


def unpack(folder: Path) -> Path:
    """Lay the sources out below `folder` and return their root."""
    fetch()
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-xzf", ARCHIVE, "-C", folder], check=True)
    (root,) = (one for one in folder.iterdir() if one.name.startswith("lua-"))
    return root


def fetch() -> bool:
    """Get the source package unless it is in the cache; tell whether it had to be fetched.

    The package lists are kept apart from the system's, which rarely name sources.
    """
    if ARCHIVE.exists():
        return False
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = _own_lists(folder)
        for words in (("update",), ("source", "--download-only", "lua5.4")):
            done = subprocess.run(
                ["apt-get", "-q", *options, *words], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"apt-get {words[0]} failed: {done.stderr}"
        (found,) = folder.glob("lua5.4_*.orig.tar.gz")
        ARCHIVE.write_bytes(found.read_bytes())
    return True


def _own_lists(folder: Path) -> list[str]:
    """Turn the machine's package sources into a private list of source packages."""
    parts = folder / "parts"
    for made in (parts, folder / "lists/partial", folder / "cache/archives/partial"):
        made.mkdir(parents=True)
    etc = Path("/etc/apt")
    for file in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if not file.is_file() or file.suffix not in (".list", ".sources"):
            continue
        text = re.sub(r"^deb ", "deb-src ", file.read_text(), flags=re.M)
        (parts / file.name).write_text(re.sub(r"^Types:.*", "Types: deb-src", text, flags=re.M))
    places = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": str(parts),
        "Dir::State::Lists": str(folder / "lists"),
        "Dir::Cache": str(folder / "cache"),
        "APT::Sandbox::User": "",
    }
    options: Sequence[str] = [f"-o{name}={value}" for name, value in places.items()]
    return list(options)
