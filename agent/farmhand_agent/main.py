"""The program `farmhand-agent`: lends this machine while its owner is away."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence

from farmhand import __version__, settings
from farmhand.errors import FarmhandError, OwnerError
from farmhand.links import places
from farmhand.links.log import begin_log
from farmhand.links.settings_file import farm_name, load_settings
from farmhand.machine import Machine, is_host_name
from farmhand.settings import Settings
from farmhand_agent.agent import Agent
from farmhand_agent.inheritance import take_over
from farmhand_agent.single import only_one

EXAMPLES = """examples:
  farmhand-agent                                        lend to builds of this machine when it is idle
  farmhand-agent --registry http://hub:3680             lend to the farm of that registry
  farmhand-agent --lend always --slots 2 --idle-after 60

Every setting may also stand in {file} or in the environment as FARMHAND_<SETTING>.
"""

DESCRIPTORS = 8192
"""File descriptors that a busy gate may need: four for each job, some dozens for each box."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent; return its exit status: 0 after a clean end, 1 for what the owner can mend."""
    flags = vars(_parser().parse_args(arguments))
    begin_log("farmhand-agent", flags.pop("log_level"))
    try:
        chosen = load_settings(**flags)
        lock = only_one(places.runtime_folder())
        with lock:
            asyncio.run(_run(chosen, lambda: load_settings(**flags)))
    except FarmhandError as wrong:
        print(f"farmhand-agent: {wrong}", file=sys.stderr)
        return 1
    return 0


def this_machine(chosen: Settings) -> Machine:
    """What this machine is.

    Raises:
        OwnerError: its host name cannot stand in a host list and no other is set.
    """
    name = farm_name(chosen)
    if not is_host_name(name):
        raise OwnerError(f"this machine's name {name!r} cannot stand in a host list; choose one with --name")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return Machine(name, len(os.sched_getaffinity(0)), memory)


async def _run(chosen: Settings, reread: Callable[[], Settings]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))
    machine, link = this_machine(chosen), places.agent_socket().with_name(places.STATE_LINK)
    state = places.state_folder(machine.name)
    take_over(state, link)
    agent = Agent(chosen, machine, state, places.agent_socket(), reread)
    loop = asyncio.get_running_loop()
    # Who presses Ctrl-C wants the machine back; SIGTERM comes before an upgrade, which can wait for running jobs.
    loop.add_signal_handler(signal.SIGINT, agent.leave, True)
    loop.add_signal_handler(signal.SIGTERM, agent.leave, False)
    # A terminal that closes says SIGHUP and means the end; whoever runs a service says it and means the settings.
    if _has_terminal():
        loop.add_signal_handler(signal.SIGHUP, agent.leave, True)
    else:
        loop.add_signal_handler(signal.SIGHUP, agent.reload)
    await agent.run()


def _has_terminal() -> bool:
    return sys.__stdin__ is not None and sys.__stdin__.isatty()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="farmhand-agent",
        description="Lends this machine to a distcc farm while its owner is away.",
        epilog=EXAMPLES.format(file=places.settings_file()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"farmhand-agent {__version__}")
    parser.add_argument(
        "--log-level", choices=("info", "warning"), default="info", help="what to say on standard error (default: info)"
    )
    for name in settings.names():
        told = settings.meaning(name)
        value = settings.spell(settings.default(name)) or "empty"
        help_text = f"{told.text} (default: {value})".replace("%", "%%")
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar=told.unit.split(",")[0].upper() or "WORD", help=help_text
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
