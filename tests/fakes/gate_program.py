"""A real gate with real boxes as a process of its own, so that it may run as somebody else.

python gate_program.py KIND     prints its address; ends when its standard input does

KIND: bubblewrap, landlock, or landlock4, which is behind the walls of Linux 6.7's Landlock.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from farmhand.machine import join_address, split_address
from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.boxes.landlock_box import LandlockBox
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.traces import processes

PLAN = BoxPlan(2, 64)

TOKEN = "token-of-the-owners-session"
"""Stands in the environment of every such gate and in the name of the folder from which it is started."""


async def start_box(kind: str) -> AnyBox:
    """Make a box."""
    if kind == "bubblewrap":
        return await Box.start(PLAN)
    return await LandlockBox.start(PLAN, version=4 if kind == "landlock4" else None)


@contextmanager
def running(kind: str, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Run the program; yields the gate's address.

    Args:
        kind: see above.
        before: words before its command.
    """
    with (
        tempfile.TemporaryDirectory(prefix=TOKEN) as folder,
        subprocess.Popen(
            [*before, sys.executable, __file__, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OWNERS_TOKEN": TOKEN, "PWD": folder},
            cwd=folder,
        ) as program,
    ):
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            yield split_address(program.stdout.readline().strip())
        finally:
            program.stdin.close()
            program.wait(20)


async def main(kind: str) -> None:
    """Serve."""
    admission = Admission.of("desk", bytes(32), ["127.0.0.0/8"])
    gate = Gate(lambda: start_box(kind), admission, Patience(), lambda: None)
    await gate.open("127.0.0.1", 0, 2)
    assert gate.address is not None
    print(join_address(*gate.address), flush=True)
    await processes.readable(0)
    gate.shut()
    await gate.gone()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
