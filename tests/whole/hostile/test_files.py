"""No option and no name makes a compiler write outside of its box, or bring back what it may not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.hostile_client import COMPILE, SOURCE, Gate, run_inside, said, send
from fakes.outside import SECRET, Outside
from fakes.raw_client import pump_request

from farmhand.distcc.protocol import request


# --- writing files ----------------------------------------------------------
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "option",
    [
        "-MD -MF {}",
        "-aux-info {}",
        "-fdump-tree-original={}",
        "-Xassembler --MD -Xassembler {}",
        "-Xassembler -al={}",
        "-dumpdir {}/",
        "-save-temps={}",
        "-fprofile-arcs -fprofile-dir={}",
        "-o{} -c",
    ],
    ids=lambda text: text.split("{")[0],
)
async def test_options_that_write_write_nothing_outside(
    old_gate: Gate, outside: Outside, compiler: str, option: str
) -> None:
    for target in (outside.folder / "written", outside.at_home, outside.secret):
        await send(old_gate, request([compiler, *option.format(target).split(), *COMPILE], SOURCE))


@pytest.mark.parametrize("up", ["..", "../..", "../../../../../../../.."])
async def test_names_that_climb_out_of_pump_modes_folder_stay_inside(old_gate: Gate, outside: Outside, up: str) -> None:
    """distccd writes such a file and deletes it afterwards: of whatever it can reach."""
    for target in (outside.secret, outside.folder / "written", outside.at_home):
        message = pump_request(["gcc", "-c", "a.c", "-o", "a.o"], [("a.c", SOURCE), (f"{up}{target}", b"x")])
        await send(old_gate, message, version=3)


# --- reading files ----------------------------------------------------------
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("which", ["secret", "at_home", "/etc/passwd", "/etc/hostname", "/proc/1/environ"])
async def test_no_file_of_the_owner_comes_back(old_gate: Gate, outside: Outside, compiler: str, which: str) -> None:
    path = {"secret": str(outside.secret), "at_home": str(outside.at_home)}.get(which, which)
    known = SECRET.encode() if which in ("secret", "at_home") else _some_of(Path(which))
    incbin = f'asm(".section .k,\\"a\\"\\n.incbin \\"{path}\\"");\n'.encode()
    attempts = [
        request([compiler, *COMPILE], incbin),
        request([compiler, "-x", "c", "-include", path, *COMPILE], SOURCE),
        request([compiler, "-x", "c", *COMPILE], f'#include "{path}"\n'.encode()),
        request([compiler, f"@{path}", *COMPILE], SOURCE),
    ]
    for attempt in attempts:
        assert known not in said(await send(old_gate, attempt))
    assert known not in said(await run_inside(old_gate, f"cat {path}", "sh"))


def _some_of(path: Path) -> bytes:
    """A piece of a file that would betray it."""
    try:
        return path.read_bytes()[:40].strip() or b"never there"
    except OSError:
        return b"never there"
