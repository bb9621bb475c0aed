"""The program `farmhand`: one small function per command, in the modules beside this one."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from farmhand import __version__
from farmhand.cli import build, doctor, farm, history, owner, replay, settings, up
from farmhand.cli.context import note
from farmhand.errors import FarmhandError

EXAMPLES = """examples:
  farmhand up                         lend this machine when it is idle; Ctrl-C takes it back
  farmhand build make                 build with the farm; -j is filled in
  farmhand reclaim --for 2h           keep this machine for two hours
  farmhand status --json              for scripts
"""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Why what is written into a file or device does not arrive."""

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it did what it says, 1 when that was not possible, 2 for a wrong command line; `farmhand build` returns
        what the build command returned.
    """
    _write_anything()
    parser = make_parser()
    options = parser.parse_args(arguments)
    command: Command = options.command
    try:
        status = command(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except FarmhandError as wrong:
        note(str(wrong))
        return 1
    except BrokenPipeError:
        _write_nothing_more()  # the reader has seen enough
        return 0
    except OSError as wrong:
        if wrong.errno not in _NO_ROOM:
            raise
        _write_nothing_more()
        note(f"cannot write what there is to say: {wrong.strerror}")
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _write_anything() -> None:
    """Spell out letters that the terminal's encoding lacks, rather than fail for a name from elsewhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write_nothing_more() -> None:
    """Let what is left in the buffer go nowhere, or the interpreter would fail at it once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser() -> argparse.ArgumentParser:
    """Describe the whole command line."""
    parser = argparse.ArgumentParser(
        prog="farmhand",
        description="Lends idle workstations to a distcc compile farm, and builds with it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"farmhand {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (up, owner, history, farm, build, settings, replay, doctor):
        module.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
