"""What two records of one command line must agree in, and where they do not.

Everything counts: exit status, both outputs byte for byte, which files are there, their permissions and their bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
"""A line of runner.py."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two records differ.

    Attributes:
        kind: status, stdout, stderr, missing, extra, permissions, or bytes with the sections of an object.
        where: the file; "" for none.
        wanted: of the plain run, shortened.
        found: of the other, shortened.
    """

    kind: str
    where: str
    wanted: str
    found: str


def differences(plain: Record, other: Record, contents: Path) -> list[Difference]:
    """All that `other` does otherwise than `plain`; contents: the folder where the runner kept what was made."""
    found = [] if plain["status"] == other["status"] else [_told("status", "", plain["status"], other["status"])]
    for stream in ("stdout", "stderr"):
        if plain[stream] != other[stream]:
            found.append(_told(stream, "", *_first_difference(plain[stream], other[stream])))
    was, now = plain["files"], other["files"]
    for name in sorted(was.keys() | now.keys()):
        if was.get(name, "-") != now.get(name, "-"):
            found += _of_file(name, name in was, was.get(name), name in now, now.get(name), contents)
    return found


def _of_file(name: str, had: bool, was: Any, has: bool, now: Any, contents: Path) -> list[Difference]:
    if not had or was is None:
        if now is not None:
            return [_told("extra", name, "", f"{now[0]} {now[2]} bytes")]
        return [_told("missing", name, "", "")]
    if not has or now is None:
        return [_told("missing", name, f"{was[0]} {was[2]} bytes", "")]
    found = []
    if was[0] != now[0]:
        found.append(_told("permissions", name, was[0], now[0]))
    if was[1] != now[1]:
        found.append(_told(*_bytes(name, was, now, contents)))
    return found


def _bytes(name: str, was: Any, now: Any, contents: Path) -> tuple[str, str, object, object]:
    paths = contents / was[1], contents / now[1]
    if not all(path.exists() for path in paths):
        return "bytes", name, f"{was[2]} bytes", f"{now[2]} bytes"
    first, second = (path.read_bytes() for path in paths)
    sections, others = _sections(first), _sections(second)
    if sections is None or others is None:
        return "bytes", name, *_first_difference(first.decode("latin1"), second.decode("latin1"))
    names = sorted(one for one in sections.keys() | others.keys() if sections.get(one) != others.get(one))
    return f"bytes of {' '.join(names) or 'the header'}", name, f"{was[2]} bytes", f"{now[2]} bytes"


def _told(kind: str, where: str, wanted: object, found: object) -> Difference:
    return Difference(kind, where, *(_readable(one)[:400] for one in (wanted, found)))


def _readable(told: object) -> str:
    """The runner keeps bytes as latin1, which loses none."""
    try:
        return str(told).encode("latin1").decode()
    except ValueError:
        return str(told)


def _first_difference(wanted: str, found: str) -> tuple[str, str]:
    """The first line in which two texts differ, and what follows it."""
    first, second = wanted.splitlines(keepends=True), found.splitlines(keepends=True)
    for at, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return "".join(first[at : at + 3]), "".join(second[at : at + 3])
    at = min(len(first), len(second))
    return "".join(first[at : at + 3]), "".join(second[at : at + 3])


def _sections(data: bytes) -> dict[str, tuple[int, int, bytes]] | None:
    """Type, flags and bytes of each section of an ELF file of this byte order; None if it is none."""
    if data[:4] != b"\x7fELF" or len(data) < 64 or data[5] != 1:
        return None
    wide = data[4] == 2
    (start,) = struct.unpack_from("<Q" if wide else "<I", data, 40 if wide else 32)
    count, names_at = struct.unpack_from("<HH", data, 60 if wide else 48)
    layout = struct.Struct("<IIQQQQ" if wide else "<IIIIII")
    try:
        headers = [layout.unpack_from(data, start + at * (64 if wide else 40)) for at in range(count)]
        names = data[headers[names_at][4] :]
        found: dict[str, tuple[int, int, bytes]] = {}
        for at, (name, kind, flags, _, offset, size) in enumerate(headers):
            text = names[name : names.index(b"\0", name)].decode("latin1")
            key = text if text not in found else f"{text}#{at}"
            found[key] = kind, flags, b"" if kind == 8 else data[offset : offset + size]
    except (struct.error, IndexError, ValueError):
        return None
    return found
