"""`farmhand build CMD…`: run a command so that its compiles spread over the farm.

Rule: the build comes first. Its exit status is ours, the terminal is its own, and whatever the farm does or does not
do, the command runs.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from farmhand.dispatch.demand import Demand
from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.dispatch.placement import without_own
from farmhand.dispatch.tally import as_data, lack, summary
from farmhand.distcc.commandline import MASQUERADE, Room, environment, job_count, with_jobs
from farmhand.distcc.toolchain import title
from farmhand.driver.connector import Connector
from farmhand.driver.grants import FarmLink, Grants
from farmhand.driver.local_compiler import LocalCompiler
from farmhand.driver.needs import Needs
from farmhand.errors import OwnerError
from farmhand.links.registry import RegistryLink
from farmhand.machine import MAX_SLOTS, is_host_name
from farmhand.text import presentable
from farmhand.wire.farm import GrantAsk

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""Exit statuses of a shell for a command that does not exist and for one that may not be run."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to build and how.

    Attributes:
        command: program and arguments, at least the program.
        link: to the registry; None: there is no farm.
        registry: its URL, for messages; "" for none.
        local_jobs: compiles at once on this machine while hosts help; None: one for each core.
        quiet: say nothing but what is wrong.
        json_summary: a file for the counts; None: none.
        name: this machine's, as the farm calls it.
    """

    command: Sequence[str]
    link: FarmLink | None = None
    registry: str = ""
    local_jobs: int | None = None
    quiet: bool = False
    json_summary: Path | None = None
    name: str = ""


def check_command(command: Sequence[str]) -> None:
    """Refuse an empty command.

    Raises:
        OwnerError: there is none; the message shows how to give one.
    """
    if not command:
        raise OwnerError("nothing to build: give a command, such as `farmhand build make`")


def run(
    command: Sequence[str],
    registry: str,
    local_jobs: int | None,
    quiet: bool,
    json_summary: Path | None = None,
    name: str = "",
) -> int:
    """Run a command with its compiles spread over the farm. Call it from the main thread.

    Args:
        command: program and arguments.
        registry: URL of the registry; "" for none.
        local_jobs: compiles at once on this machine while hosts help; None: one for each core.
        quiet: no summary.
        json_summary: a file for the counts.
        name: this machine's, as the farm calls it; "" means its host name.

    Returns:
        The command's exit status; 128 + signal when one ended it, 127 or 126 when it could not be started.

    Raises:
        OwnerError: the command is empty.
    """
    check_command(command)
    link = RegistryLink(registry) if registry else None
    return carry_out(Order(command, link, registry, local_jobs, quiet, json_summary, name))


def carry_out(order: Order) -> int:
    """Do what `run` does, with any link to a registry."""
    with tempfile.TemporaryDirectory(prefix="farmhand-build-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(_Build(order, Path(folder), os.environ).run())


class _Build:
    """One build from the first question to the last line."""

    def __init__(self, order: Order, folder: Path, base: Mapping[str, str]) -> None:
        self._order = order
        self._folder = folder
        self._base = base
        self._cores = len(os.sched_getaffinity(0))
        slots = self._cores if order.local_jobs is None else order.local_jobs
        own = order.name or platform.node()
        self._here = Here(slots, max(1, self._cores), name=own if is_host_name(own) else "localhost")
        self._demand = Demand()
        self._dispatcher = Dispatcher(self._here)
        self._grants: Grants | None = None
        self._needs = Needs(base.get("PATH", os.defpath))
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        started = loop.time()
        compiler = LocalCompiler(self._folder, self._base)
        needs = self._needs if self._order.link is not None else None
        connector = Connector(self._dispatcher, compiler, on_demand=self._take_demand, needs=needs)
        port = await connector.start()

        def on_hosts(hosts: tuple[Host, ...]) -> None:
            loop.call_soon_threadsafe(connector.set_hosts, hosts)

        hosts = await asyncio.to_thread(self._claim, on_hosts)
        if hosts:  # an answer that came too late for `hosts` has gone to `on_hosts`
            connector.set_hosts(hosts)
        others, _ = without_own(hosts, self._here)
        room = Room(sum(host.slots for host in others), self._here.slots if others else self._here.reserve, self._cores)
        command, jobs = with_jobs(self._order.command, job_count(room), self._base.get("MAKEFLAGS", ""))
        try:
            status = await self._run_command(command, self._environment(port, room))
        finally:
            await connector.close()
            if self._grants is not None:
                await asyncio.to_thread(self._grants.end)
        self._tell(loop.time() - started, jobs)
        return status

    def _claim(self, on_hosts: Callable[[tuple[Host, ...]], None]) -> tuple[Host, ...]:
        """Ask the registry for slots; say so when there are none."""
        if self._order.link is None:
            self._say("no registry is set: building on this machine only")
            return ()
        ask = GrantAsk(
            user=_label(_user()),
            project=_label(Path.cwd().name),
            host=self._here.name,
            want=MAX_SLOTS,
            toolchains=self._needs.all(),
        )
        self._grants = Grants(self._order.link, ask, on_hosts)
        hosts, trouble = self._grants.begin()
        if trouble:
            self._say(f"building on this machine until the registry {self._order.registry} answers: {trouble}")
        elif not hosts:
            self._say(
                "no host with this machine's compilers has a free slot now: building on this machine until one has"
            )
        return hosts

    def _take_demand(self, jobs: int) -> None:
        if self._grants is not None:
            self._grants.need(self._demand.note(jobs, time.monotonic()))

    def _environment(self, port: int, room: Room) -> dict[str, str]:
        masquerade = MASQUERADE if os.path.isdir(MASQUERADE) else ""
        if shutil.which("distcc") is None:
            self._say("distcc is not installed: nothing will be sent to the farm")
        return environment(self._base, port, str(self._folder), room, masquerade)

    async def _run_command(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command in the foreground, in our process group."""
        if not self._signals.empty():
            return 128 + self._signals.get_nowait()
        try:
            process = await asyncio.create_subprocess_exec(*command, env=environment)
        except FileNotFoundError:
            _complain(f"{command[0]}: no such command")
            return NOT_FOUND
        except OSError as wrong:
            _complain(f"{command[0]}: {wrong.strerror}")
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

    def _tell(self, seconds: float, jobs: int | None) -> None:
        tally = self._dispatcher.tally
        self._say(summary(tally, seconds))
        if lacked := lack(tally, title):
            self._say(lacked)
        if self._order.json_summary is not None:
            try:
                self._order.json_summary.write_text(json.dumps(as_data(tally, seconds, jobs)) + "\n")
            except OSError as wrong:  # the build is over, and its status stands
                _complain(f"cannot write the summary to {self._order.json_summary}: {wrong.strerror}")

    def _say(self, text: str) -> None:
        if not self._order.quiet:
            _complain(text)


def _complain(text: str) -> None:
    """Write a line to standard error if anybody reads it; a build does not depend on that.

    Past the buffer of `sys.stderr`: what would be left in it fails again at exit and changes the exit status.
    """
    if sys.stderr is not None:  # it was open when we began, so its number is no other file's
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"farmhand: {text}\n".encode(errors="backslashreplace"))


def _user() -> str:
    """Name who builds; in a container a user may have a number only."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _label(text: str) -> str:
    """Make a name fit to be shown to people on other machines."""
    return presentable(text, 100) or "?"


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
