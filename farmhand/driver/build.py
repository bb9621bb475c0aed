"""`farmhand build CMD…`: run a command so that its compiles spread over the farm.

Rule: the build comes first. Its exit status is ours, the terminal is its own, and whatever the farm does or does not
do, the command runs. Without a registry nothing stands in front of its compilers.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from farmhand.dispatch.demand import Demand
from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.dispatch.placement import without_own
from farmhand.dispatch.tally import as_data, kept, lack, repeated, summary
from farmhand.distcc.commandline import (
    DEFAULT_PATH,
    SESSION,
    Room,
    environment,
    job_count,
    outer_environment,
    with_jobs,
    without_pump,
)
from farmhand.distcc.toolchain import title
from farmhand.driver.compilers import Compilers
from farmhand.driver.connector import Connector
from farmhand.driver.foreground import Foreground, complain
from farmhand.driver.grants import FarmLink, Grants
from farmhand.driver.launchers import Launchers, prepare
from farmhand.errors import OwnerError
from farmhand.links.registry import RegistryLink
from farmhand.machine import MAX_SLOTS, is_host_name
from farmhand.text import presentable
from farmhand.wire.farm import GrantAsk

LONGEST_PARENT = 70
"""Bytes of the path of a folder in which a socket's path, at most 107 bytes, is not too long."""


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
        verbose: name every reason for which files could not leave.
    """

    command: Sequence[str]
    link: FarmLink | None = None
    registry: str = ""
    local_jobs: int | None = None
    quiet: bool = False
    json_summary: Path | None = None
    name: str = ""
    verbose: bool = False


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
    verbose: bool = False,
) -> int:
    """Run a command with its compiles spread over the farm. Call it from the main thread.

    Args:
        command: program and arguments.
        registry: URL of the registry; "" for none.
        local_jobs: compiles at once on this machine while hosts help; None: one for each core.
        quiet: no summary.
        json_summary: a file for the counts.
        name: this machine's, as the farm calls it; "" means its host name.
        verbose: name every reason for which files could not leave.

    Returns:
        The command's exit status; 128 + signal when one ended it, 127 or 126 when it could not be started.

    Raises:
        OwnerError: the command is empty.
    """
    check_command(command)
    link = RegistryLink(registry) if registry else None
    return carry_out(Order(command, link, registry, local_jobs, quiet, json_summary, name, verbose))


def carry_out(order: Order) -> int:
    """Do what `run` does, with any link to a registry."""
    base = outer_environment(os.environ)
    command = without_pump(order.command)
    if command != tuple(order.command):
        complain(f"pump mode is not used: {command[0]} runs without it")
        order = replace(order, command=command)
    if order.link is None:
        return asyncio.run(_Build(order, base).run_alone())
    try:
        made = tempfile.TemporaryDirectory(prefix=SESSION, dir=_session_parent(), ignore_cleanup_errors=True)
    except OSError as wrong:
        return _run_alone(order, base, f"no folder for temporary files can be used: {wrong.strerror}")
    with made as folder:
        try:
            launchers = _prepare(base.get("PATH", DEFAULT_PATH), Path(folder))
        except OwnerError as wrong:
            return _run_alone(order, base, str(wrong))
        return asyncio.run(_Build(order, base).run(Path(folder), launchers))


def _run_alone(order: Order, base: Mapping[str, str], why: str) -> int:
    """Build without the farm, and say why."""
    assert order.link is not None
    order.link.close()
    complain(f"building on this machine only: {why}")
    return asyncio.run(_Build(order, base).run_alone())


def _prepare(path: str, folder: Path) -> Launchers:
    """Make the launcher and the names where they can be kept, else in the build's own folder."""
    try:
        return prepare(path)
    except OwnerError:
        return prepare(path, folder)


def _session_parent() -> str | None:
    """Where the build's folder goes: among other temporary files, if a socket can be made there that stands in PATH."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(os.fsencode(usual)) > LONGEST_PARENT or ":" in usual else None


class _Build:
    """One build from the first question to the last line."""

    def __init__(self, order: Order, base: Mapping[str, str]) -> None:
        self._order = order
        self._base = base
        self._cores = len(os.sched_getaffinity(0))
        slots = self._cores if order.local_jobs is None else order.local_jobs
        own = order.name or platform.node()
        self._here = Here(slots, max(1, self._cores), name=own if is_host_name(own) else "localhost")
        self._demand = Demand()
        self._dispatcher = Dispatcher(self._here)
        self._grants: Grants | None = None
        self._foreground = Foreground()

    async def run_alone(self) -> int:
        """Run the command as it is, with a `-j` for this machine."""
        self._foreground.hear_signals()
        started = time.monotonic()
        if self._order.link is None:
            self._say("no registry is set: building on this machine only")
        room = Room(0, max(self._here.slots, self._here.reserve), self._cores)
        command, jobs = with_jobs(self._order.command, job_count(room), *self._makeflags())
        status = await self._foreground.run(command, self._base)
        self._write_summary(time.monotonic() - started, jobs)
        return status

    async def run(self, folder: Path, launchers: Launchers) -> int:
        """Run the command with the launcher in front of its compilers.

        Args:
            folder: the build's private folder.
            launchers: what stands in front of them.
        """
        assert self._order.link is not None
        self._foreground.hear_signals()
        loop = asyncio.get_running_loop()
        started = loop.time()
        compilers = Compilers(self._base.get("PATH", DEFAULT_PATH))
        connector = Connector(self._dispatcher, folder, compilers, on_demand=self._take_demand)
        try:
            await connector.start()
        except OSError as wrong:
            self._order.link.close()
            complain(f"building on this machine only: no socket in {folder}: {wrong.strerror}")
            return await self.run_alone()

        def on_hosts(hosts: tuple[Host, ...]) -> None:
            with suppress(RuntimeError):  # the build is over
                loop.call_soon_threadsafe(connector.set_hosts, hosts)

        hosts = await asyncio.to_thread(self._claim, on_hosts, compilers, launchers)
        if hosts:  # an answer that came too late for `hosts` has gone to `on_hosts`
            connector.set_hosts(hosts)
        others, _ = without_own(hosts, self._here)
        room = Room(sum(host.slots for host in others), self._here.slots if others else self._here.reserve, self._cores)
        command, jobs = with_jobs(self._order.command, job_count(room), *self._makeflags())
        words = str(folder), str(launchers.names), str(launchers.launcher)
        try:
            status = await self._foreground.run(command, environment(self._base, *words, job_count(room)))
        finally:
            await connector.close()
            if self._grants is not None:
                await asyncio.to_thread(self._grants.end)
        self._tell(loop.time() - started, jobs, connector.calls)
        return status

    def _makeflags(self) -> tuple[str, ...]:
        """The variables by which make is told options, as far as they are set."""
        return tuple(self._base[name] for name in ("MAKEFLAGS", "GNUMAKEFLAGS") if name in self._base)

    def _claim(
        self, on_hosts: Callable[[tuple[Host, ...]], None], compilers: Compilers, launchers: Launchers
    ) -> tuple[Host, ...]:
        """Ask the registry for slots; say so when there are none."""
        assert self._order.link is not None
        ask = GrantAsk(
            user=_label(_user()),
            project=_label(_folder_name()),
            host=self._here.name,
            want=MAX_SLOTS,
            toolchains=compilers.all(launchers.compilers),
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

    def _tell(self, seconds: float, jobs: int | None, calls: int) -> None:
        tally = self._dispatcher.tally
        if calls:
            self._say(summary(tally, seconds))
        else:
            self._say(
                f"no compiler was called through Farmhand in {seconds:.1f} s; one that is called by its full path"
            )
            self._say("  is not seen: configure the build tree inside `farmhand build`, or give the compiler by name")
        named = partial(title, machine=platform.machine())
        for line in (lack(tally, named), kept(tally, self._order.verbose), repeated(tally)):
            if line:
                self._say(line)
        self._write_summary(seconds, jobs)

    def _write_summary(self, seconds: float, jobs: int | None) -> None:
        if self._order.json_summary is not None:
            try:
                data = as_data(self._dispatcher.tally, seconds, jobs)
                self._order.json_summary.write_text(json.dumps(data) + "\n")
            except OSError as wrong:  # the build is over, and its status stands
                complain(f"cannot write the summary to {self._order.json_summary}: {wrong.strerror}")

    def _say(self, text: str) -> None:
        if not self._order.quiet:
            complain(text)


def _user() -> str:
    """Name who builds; in a container a user may have a number only."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _folder_name() -> str:
    """The current folder's name; it may have been removed."""
    try:
        return Path.cwd().name
    except OSError:
        return ""


def _label(text: str) -> str:
    """Make a name fit to be shown to people on other machines."""
    return presentable(text, 100) or "?"
