"""The build's command in the foreground: started as a shell starts it, and told what only the driver was told."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from farmhand.distcc.commandline import DEFAULT_PATH

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""Exit statuses of a shell for a command that does not exist and for one that may not be run."""


class Foreground:
    """Runs one command; use it in one event loop only."""

    def __init__(self) -> None:
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()

    def hear_signals(self) -> None:
        """Pass signals on, but for those that whoever started us wants ignored: they stay so, for the command, too.

        Only the end of a child must not be ignored: its status would be lost.
        """
        loop = asyncio.get_running_loop()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._signals.put_nowait, number)

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command in our process group.

        Returns:
            Its exit status; 128 + signal when one ended it, 127 or 126 when it could not be started.
        """
        if not self._signals.empty():
            return 128 + self._signals.get_nowait()
        try:
            process = await _start(command, environment)
        except FileNotFoundError:
            complain(f"{command[0]}: no such command")
            return NOT_FOUND
        except OSError as wrong:
            complain(f"{command[0]}: {wrong.strerror}")
            return NOT_EXECUTABLE
        passing_on = asyncio.create_task(self._pass_on_signals(process))
        code = await process.wait()
        passing_on.cancel()
        return 128 - code if code < 0 else code

    async def _pass_on_signals(self, process: asyncio.subprocess.Process) -> None:
        """Tell the command what only we were told; a terminal's Ctrl-C it has got already."""
        while True:
            number = await self._signals.get()
            if not (number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground()):
                with suppress(ProcessLookupError):
                    process.send_signal(number)


def complain(text: str) -> None:
    """Write a line to standard error if anybody reads it; a build does not depend on that.

    Past the buffer of `sys.stderr`: what would be left in it fails again at exit and changes the exit status.
    """
    if sys.stderr is not None:  # it was open when we began, so its number is no other file's
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"farmhand: {text}\n".encode(errors="backslashreplace"))


async def _start(command: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start the command; a script without a first line is run by the shell, as every shell does it."""
    try:
        return await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as wrong:
        if wrong.errno != errno.ENOEXEC:
            raise
    script = shutil.which(command[0], path=environment.get("PATH", DEFAULT_PATH)) or command[0]
    return await asyncio.create_subprocess_exec("/bin/sh", script, *command[1:], env=environment)


def _in_foreground() -> bool:
    """Tell whether a terminal's Ctrl-C reaches the command by itself, because it has our process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
