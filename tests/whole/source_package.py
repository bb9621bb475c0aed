"""Real projects to build: Debian source packages as their authors released them, kept in `.cache` after the first time.

Only the authors' archive is used, without Debian's patches, so dpkg-source is not needed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"


def archive(package: str) -> Path | None:
    """The kept archive of a source package; None: it was not fetched yet."""
    return next(CACHE.glob(f"{package}.orig.tar.*"), None)


def unpack(package: str, folder: Path) -> Path:
    """Lay the sources out in a new folder and return it."""
    fetch(package)
    folder.mkdir(parents=True)
    kept = archive(package)
    assert kept is not None
    subprocess.run(["tar", "-xf", kept, "-C", folder, "--strip-components=1"], check=True)
    return folder


def fetch(*packages: str) -> list[str]:
    """Get those source packages that are not in the cache; return their names.

    The package lists are kept apart from the system's, which rarely name sources.
    """
    wanted = [package for package in dict.fromkeys(packages) if archive(package) is None]
    if not wanted:
        return []
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = _own_lists(folder)
        for words in (["update"], ["source", "--download-only", "--tar-only", *wanted]):
            done = subprocess.run(
                ["apt-get", "-q", *options, *words], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"apt-get {words[0]} failed: {done.stderr}"
        for package in wanted:
            (found,) = folder.glob(f"{package}_*.orig.tar.*[!c]")  # an .asc is a signature
            shutil.move(found, CACHE / f"{package}.orig.tar{found.suffix}")
    return wanted


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
    return [f"-o{name}={value}" for name, value in places.items()]
