"""A client that may compile here and means harm: what it sends to a gate, and as whom the gate's jobs run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fakes import hardened
from fakes.raw_client import Answer, Cut, RawClient, compile_raw

from farmhand.distcc.protocol import request

Gate = tuple[str, int]
"""Where a gate listens; it runs in a process of its own."""

SOURCE = b"int x;\n"
COMPILE = ("-c", "a.i", "-o", "a.o")
RUN_SOURCE = "/bin/sh,-c,for a; do case $a in *.i) exec {} $a;; esac; done"
"""A compiler wrapper that runs the source as a program, once for the compiler proper."""

ATTEMPTS = """import ctypes, errno, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
told = {}
def attempt(name, call, *arguments):
    try:
        call(*arguments)
        told[name] = "done"
    except OSError as wrong:
        told[name] = errno.errorcode[wrong.errno]
def c(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
"""
"""How a program inside begins that tries many things: `attempt` notes in `told` what came of it, `c` calls C."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of box, and whose it is.

    Attributes:
        name: for `gate_program`.
        before: words before the gate's command.
        nobody: whether jobs run as nobody if we are root; otherwise as ourselves.
        walled: whether a box has namespaces of its own.
        scoped: whether signals are kept inside, not refused.
    """

    name: str
    before: Sequence[str] = ()
    nobody: bool = True
    walled: bool = False
    scoped: bool = True


KINDS = (
    Kind("bubblewrap", walled=True),
    Kind("landlock"),
    Kind("landlock4", hardened.HARDENED, nobody=False, scoped=False),
)


async def run_inside(gate: Gate, program: str, interpreter: str = "python3 -I") -> Answer:
    """Run a program in the box and bring back what it prints."""
    argv = ["gcc", "-wrapper", RUN_SOURCE.format(interpreter), *COMPILE]
    return await compile_raw(gate, argv, program.encode())


async def ask_inside(gate: Gate, program: str) -> Any:
    """Run a Python program in the box that prints JSON."""
    answer = await run_inside(gate, program)
    assert answer.output, answer.errors
    return json.loads(answer.output)


async def send(gate: Gate, message: bytes, version: int = 1) -> Answer | None:
    """Send a request; None when it was refused by cutting the connection."""
    with await RawClient.open(gate) as client:
        await client.say(message)
        try:
            return await client.reply(version)
        except Cut:
            return None


async def files_inside(gate: Gate) -> list[str]:
    """What lies in the box's folder for temporary files."""
    return list(await ask_inside(gate, "import json, os; print(json.dumps(os.listdir(os.environ['TMPDIR'])))"))


async def run_from_another_address(gate: Gate, program: str) -> str:
    """Run a Python program in the box as somebody else; return what it prints."""
    with await RawClient.open(gate, source="127.0.0.2") as client:
        await client.say(request(["gcc", "-wrapper", RUN_SOURCE.format("python3 -I"), *COMPILE], program.encode()))
        return (await client.reply()).output


def said(answer: Answer | None) -> bytes:
    """All that came back."""
    return b"" if answer is None else answer.errors.encode() + answer.output.encode() + answer.product
