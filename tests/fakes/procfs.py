"""What the kernel says of a process, for tests that ask whether it is still there."""

from __future__ import annotations

from pathlib import Path


def state(pid: int) -> str:
    """The letter that `ps` shows: R, S, T, Z and so on; "" of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def lives(pid: int) -> bool:
    """Whether it can still run: it is there, and no zombie."""
    return state(pid) not in ("", "Z", "X")
