"""`farmhand up`: everything a first machine needs, in one terminal: registry, agent and tray, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from farmhand import settings
from farmhand.cli.context import agent, console, note
from farmhand.cli.parsers import Commands, add_command
from farmhand.cli.words import headline
from farmhand.errors import OwnerError, Unreachable
from farmhand.links.agent import AgentLink
from farmhand.links.settings_file import load_settings

LOCAL_REGISTRY = "127.0.0.1:3680"
START_WITHIN = 20.0
END_WITHIN = 10.0

EXAMPLES = """  farmhand up                                  a farm of one, on this machine
  farmhand up --registry http://hub:3680       lend to the farm of that registry
  farmhand up --listen 0.0.0.0:3680            be the registry for others too
"""


def add_commands(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "up", "run agent, registry and tray here until Ctrl-C", _up, EXAMPLES)
    parser.add_argument(
        "--listen",
        metavar="ADDR:PORT",
        default=LOCAL_REGISTRY,
        help="where a registry of our own listens (default: %(default)s)",
    )
    parser.add_argument("--no-tray", action="store_true", help="leave the tray out")
    for name in settings.names():
        told = settings.meaning(name)
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="VALUE", help=told.text.replace("%", "%%"))


def _up(options: argparse.Namespace) -> int:
    flags = {name: getattr(options, name) for name in settings.names()}
    chosen = load_settings(**flags)
    crew = Crew()
    stop = _Stop()
    try:
        url = chosen.registry or _own_registry(crew, options.listen)
        flags["registry"] = url
        given = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items() if value is not None]
        crew.start("farmhand-agent", "--log-level=warning", *given, goodbye=signal.SIGINT)  # jobs end at once
        link = _wait_for_agent(crew)
        if not options.no_tray:
            _start_tray(crew)
        console.print(f"registry  {url}")
        console.print(f"build     {_program('farmhand')} build make")
        return _show(link, crew, stop)
    except KeyboardInterrupt:
        return 0
    finally:
        crew.end()


class _Stop:
    """Turns SIGTERM and SIGHUP into what Ctrl-C does."""

    def __init__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._raise)

    def _raise(self, number: int, frame: object) -> None:
        raise KeyboardInterrupt


class Crew:
    """The programs that `up` started; `end` ends all of them, the last one first."""

    def __init__(self) -> None:
        self._members: list[tuple[str, subprocess.Popen[bytes], signal.Signals]] = []

    def start(
        self, name: str, *arguments: str, quiet: bool = False, goodbye: signal.Signals = signal.SIGTERM
    ) -> subprocess.Popen[bytes]:
        """Start a program of ours in a session of its own, to be ended by `goodbye`: Ctrl-C then reaches `up` alone."""
        output = subprocess.DEVNULL if quiet else None
        member = subprocess.Popen(
            [_program(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            process_group=0,
        )
        self._members.append((name, member, goodbye))
        return member

    def fallen(self) -> str:
        """Name of an indispensable program that has ended by itself; "" when all live."""
        return next((name for name, one, _ in self._members if one.poll() is not None and name != "farmhand-tray"), "")

    def end(self) -> None:
        """End everything and wait for it."""
        while self._members:
            _, member, goodbye = self._members.pop()
            if member.poll() is None:
                member.send_signal(goodbye)
            try:
                member.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                member.kill()
                member.wait()
            if member.stdout is not None:
                member.stdout.close()


def _own_registry(crew: Crew, listen: str) -> str:
    """The registry that already runs at `listen`, or one of our own there."""
    if _is_registry(f"http://{listen}"):
        note(f"using the registry that runs at {listen}")
        return f"http://{listen}"
    member = crew.start("farmhand-registry", "--listen", listen)
    assert member.stdout is not None
    ready, _, _ = select.select([member.stdout], [], [], START_WITHIN)
    line = member.stdout.readline().decode() if ready else ""
    _, found, url = line.partition("registry on ")
    if not found:
        raise OwnerError(f"the registry did not start at {listen}; choose another place with --listen")
    return url.strip()


def _is_registry(url: str) -> bool:
    try:
        answer = urllib3.request("GET", f"{url}/healthz", timeout=1, retries=False)
        return bool(answer.json().get("name") == "farmhand-registry")
    except (HTTPError, ValueError, AttributeError):
        return False


def _wait_for_agent(crew: Crew) -> AgentLink:
    ends = time.monotonic() + START_WITHIN
    while time.monotonic() < ends:
        if crew.fallen():
            raise OwnerError(f"{crew.fallen()} did not start; its reason stands above")
        try:
            return agent()
        except Unreachable:
            time.sleep(0.05)
    raise OwnerError("the agent did not start in time")


def _start_tray(crew: Crew) -> None:
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        note("no display here, so no tray; this terminal shows the state instead")
    elif not Path(_program("farmhand-tray")).exists():
        note("the tray is not installed: pip install 'farmhand[tray]'")
    else:
        crew.start("farmhand-tray")


def _show(link: AgentLink, crew: Crew, stop: _Stop) -> int:
    """Print the state whenever it changes, until Ctrl-C or until a program falls."""
    with link:
        shown = ""
        for snapshot in link.snapshots():
            line = headline(snapshot, time.time())
            if snapshot.trouble:
                line += f" ({snapshot.trouble})"
            if line != shown:
                console.print(f"{time.strftime('%H:%M:%S')}  {line}")
                shown = line
    raise OwnerError(f"{crew.fallen() or 'the agent'} has ended by itself")


def _program(name: str) -> str:
    """A program of this installation: beside the Python that runs, else by PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name
