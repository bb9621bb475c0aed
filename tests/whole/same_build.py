"""Whether two builds of the same sources left and said the same, and if not, what differs.

Compared are the names of all files, their bytes but for those in `VOLATILE`, and all lines said, in any order.
An object that differs is told by its sections, an archive by its members, a text by its first lines that differ.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

VOLATILE: Mapping[str, str] = {
    ".ninja_log": "times",
    ".ninja_deps": "times of files",
    "configure.log": "times",
    "config.log": "what configure met, with numbers of processes",
    "CMakeOutput.log": "names drawn by lot",
    "CMakeError.log": "names drawn by lot",
    "CMakeConfigureLog.yaml": "names drawn by lot",
    "Makefile2": "rules of CMake in an order that depends on addresses",
    "*.gch": "times of headers",
}
"""Files whose bytes differ between any two builds, and what they hold."""

COMPILED = (
    *("*.o", "*.lo", "*.la", "*.a", "*.so", "*.so.*", "*.ko", "*.s", "*.i", "*.d", "*.dep", "*.Po", "*.Plo", "*.cmd"),
    *("*.dwo", "*.gcno", "*.gcm", "*.gch", "*.su"),
)
"""What compilers write, programs apart."""

PRODUCER = "only DW_AT_producer differs: it names -fdirectives-only"
"""What is told of an object, or an archive of such, that differs in nothing else."""

Kind = Literal["status", "object", "file", "message"]

_ELF = b"\x7fELF"
_ARCHIVE = b"!<arch>\n"
_THIN = b"!<thin>\n"
_OF_PRODUCER = {".debug_str", ".debug_info", ".rela.debug_info", ".debug_macro", ".note.gnu.build-id"}
_OFFSET = re.compile(r"\((?:[a-z ]*string, )?offset: (?:0x)?[0-9a-f]+\)")
_SECTION = re.compile(r"^\s*\[ *\d+\] (\S+) +([A-Z_0-9]+) +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+) ", re.MULTILINE)
_PROGRESS = re.compile(r"^\[ *\d+(/\d+|%)\] ")
_EXCERPT = re.compile(r"^[-+] *(\d+|\+\+\+)? *\|")
_FOLDERS = re.compile(r"make(\[\d+\])?: (Entering|Leaving) directory ")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        kind: "status": how the build ended; "object": what a compiler wrote; "file": any other file; "message": a line.
        where: the file, or the line; with the first letter `-` if it is missing, `+` if it is new.
        what: how it differs; "" where nothing is to be added.
    """

    kind: Kind
    where: str
    what: str = ""

    @property
    def is_excerpt(self) -> bool:
        """Whether it is a line of source code, or of marks below one, that a compiler shows after its message."""
        return self.kind == "message" and _EXCERPT.match(self.where) is not None


def compare_trees(one: Path, other: Path) -> list[Difference]:
    """What `other` has otherwise than `one`."""
    ours, theirs = _files(one), _files(other)
    found = [Difference(_kind(one / name), f"-{name}", "is missing") for name in sorted(ours - theirs)]
    found += [Difference(_kind(other / name), f"+{name}", "is new") for name in sorted(theirs - ours)]
    for name in sorted(ours & theirs):
        if told := _told(one / name, other / name):
            found.append(Difference(_kind(one / name), name, told))
    return found


def compare_lines(one: Counter[str], other: Counter[str]) -> list[Difference]:
    """What `other` says otherwise than `one`."""
    return [
        Difference("message", f"{sign}{line}", f"{times} times" if times > 1 else "")
        for sign, lines in (("-", one - other), ("+", other - one))
        for line, times in sorted(lines.items())
    ]


def lines_of(text: str) -> Counter[str]:
    """The lines of what a build said, without what shows progress."""
    lines = (_PROGRESS.sub("", line.rstrip()) for line in text.splitlines())
    return Counter(line for line in lines if line and not _FOLDERS.match(line))


def _files(root: Path) -> set[str]:
    """All files and links below a folder, by their paths from there."""
    return {
        str((Path(folder) / name).relative_to(root))
        for folder, folders, names in os.walk(root)
        for name in (*names, *(one for one in folders if (Path(folder) / one).is_symlink()))
    }


def _kind(path: Path) -> Kind:
    if any(fnmatch(path.name, pattern) for pattern in COMPILED):
        return "object"
    return "object" if _read(path, 8).startswith((_ELF, _ARCHIVE, _THIN)) else "file"


def _read(path: Path, most: int = -1) -> bytes:
    if path.is_symlink():
        return os.readlink(path).encode()
    with path.open("rb") as file:
        return file.read(most)


def _told(one: Path, other: Path) -> str:
    """How two files of the same name differ; "" if they do not."""
    if any(fnmatch(one.name, pattern) for pattern in VOLATILE):
        return ""
    ours, theirs = _read(one), _read(other)
    return "" if ours == theirs else _tell(ours, theirs)


def _tell(ours: bytes, theirs: bytes) -> str:
    if _differ_by_producer(ours, theirs):
        return PRODUCER
    if ours.startswith(_ARCHIVE) and theirs.startswith(_ARCHIVE):
        return _tell_parts(dict(_members(ours)), dict(_members(theirs)), by_strings=False)
    if ours.startswith(_ELF) and theirs.startswith(_ELF):
        return _tell_parts(_sections(ours), _sections(theirs), by_strings=True) or "headers"
    if ours.startswith(_THIN) and theirs.startswith(_THIN):
        return "names or sizes of members"
    if b"\0" in ours + theirs:
        return f"{len(theirs)} bytes instead of {len(ours)}"
    return _tell_lines(ours.decode(errors="replace"), theirs.decode(errors="replace"))


def _differ_by_producer(ours: bytes, theirs: bytes) -> bool:
    """Whether two objects say the same but for one of gcc's options in DW_AT_producer; so for archives of objects."""
    if ours.startswith(_ARCHIVE) and theirs.startswith(_ARCHIVE):
        mine, others = dict(_members(ours)), dict(_members(theirs))
        pairs = [(mine[name], others[name]) for name in mine if name in others and mine[name] != others[name]]
        return mine.keys() == others.keys() and bool(pairs) and all(_differ_by_producer(*pair) for pair in pairs)
    if not (ours.startswith(_ELF) and theirs.startswith(_ELF)):
        return False
    mine, others = _sections(ours), _sections(theirs)
    differ = {name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name)}
    return differ <= _OF_PRODUCER and _debug_info(ours) == _debug_info(theirs)


def _debug_info(data: bytes) -> str:
    """All that debug information says, without where it stands and without the option by which producers differ."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        words = ["readelf", "--debug-dump=info", "--wide", file.name]
        shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return _OFFSET.sub("", shown.replace(file.name, "")).replace(" -fdirectives-only", "")


def _tell_parts(ours: Mapping[str, bytes], theirs: Mapping[str, bytes], by_strings: bool) -> str:
    """Which sections of an object or members of an archive differ; "" if none do."""
    differ = [name for name in ours if name in theirs and ours[name] != theirs[name]]
    parts = [", ".join(differ)] if differ else []
    parts += [f"without {', '.join(lost)}"] if (lost := [name for name in ours if name not in theirs]) else []
    parts += [f"also {', '.join(new)}"] if (new := [name for name in theirs if name not in ours]) else []
    if by_strings:
        parts += [text for name in differ if (text := _tell_strings(ours[name], theirs[name]))][:2]
    return "; ".join(parts)


def _tell_strings(ours: bytes, theirs: bytes) -> str:
    """The first texts that stand in one of two sections only; "" if these hold no text."""
    words = [dict.fromkeys(re.findall(rb"[\x20-\x7e]{6,}(?=\0)", data)) for data in (ours, theirs)]
    lost = [word.decode() for word in words[0] if word not in words[1]][:2]
    new = [word.decode() for word in words[1] if word not in words[0]][:2]
    return f"{new} instead of {lost}" if lost or new else ""


def _tell_lines(ours: str, theirs: str) -> str:
    differ = difflib.unified_diff(ours.splitlines(), theirs.splitlines(), lineterm="", n=0)
    lines = [line for line in differ if not line.startswith(("---", "+++", "@@"))]
    return " ".join(line if len(line) < 200 else f"{line[:200]}..." for line in lines[:4]) or "ends of lines"


def _sections(data: bytes) -> dict[str, bytes]:
    """The sections of an ELF file by name, as readelf finds them; of equal names the second one is `name#2`."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        words = ["readelf", "--section-headers", "--wide", file.name]
        shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    seen: Counter[str] = Counter()
    found: dict[str, bytes] = {}
    for name, kind, offset, size in _SECTION.findall(shown):
        seen[name] += 1
        label = name if seen[name] == 1 else f"{name}#{seen[name]}"
        start = int(offset, 16)
        found[label] = b"" if kind == "NOBITS" else data[start : start + int(size, 16)]
    return found


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of an archive in GNU's format (ar(5)), its index apart; of equal names the last one."""
    names = b""
    at = len(_ARCHIVE)
    while at + 60 <= len(data):
        name, size = data[at : at + 16].rstrip(), int(data[at + 48 : at + 58])
        body = data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name == b"//":
            names = body
        elif name not in (b"/", b"/SYM64/"):
            if name.startswith(b"/"):
                name = names[int(name[1:]) :].partition(b"/\n")[0]
            yield name.rstrip(b"/").decode(errors="replace"), body
