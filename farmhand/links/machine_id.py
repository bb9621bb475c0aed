"""What tells this machine from others that share a home with it."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
"""Where it may stand: see machine-id(5)."""

MAX_NAME = 64
"""Characters of a machine's name that a key shows."""


def machine_key(name: str, files: tuple[Path, ...] = FILES) -> str:
    """Return a word for this machine, fit for the name of a folder.

    Neither half does alone: machines that were copied from one image often have one id, and settings in a home that is
    shared may give several machines one name. The id itself is to be shown to nobody (machine-id(5)).

    Args:
        name: how the farm calls this machine.
        files: where its id may stand; a machine without any is told by its name.

    Returns:
        The name and, behind the last hyphen, a hash of the id.
    """
    whole = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{whole}-{hmac.new(_machine_id(files).encode(), b'farmhand', hashlib.sha256).hexdigest()[:12]}"


def same_machine(one: str, other: str) -> bool:
    """Tell whether two keys hold the same id: then they are names of one machine, or of copies of one."""
    return one.rpartition("-")[2] == other.rpartition("-")[2]


def _machine_id(files: tuple[Path, ...]) -> str:
    for file in files:
        try:
            found = file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found and found != "uninitialized":
            return found
    return ""
