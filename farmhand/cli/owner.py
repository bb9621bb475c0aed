"""The owner's commands: lend, reclaim, auto, status, why. They talk to the agent of this machine."""

from __future__ import annotations

import argparse
import contextlib
import time
from datetime import datetime
from typing import Any, Literal

import msgspec
from rich.table import Table
from rich.text import Text

from farmhand.cli.context import agent, console, print_json
from farmhand.cli.moments import parse_moment, parse_span
from farmhand.cli.parsers import Commands, add_command, add_json
from farmhand.cli.words import headline, status_lines
from farmhand.errors import Unreachable
from farmhand.links.agent import AgentLink
from farmhand.links.zone import local_zone
from farmhand.text import counted
from farmhand.wire.local import Choose, Explain, Explanation, Snapshot

SETTLED = 10.0
"""Seconds that a choice may take to show."""


def add_commands(commands: Commands) -> None:
    """Describe the owner's commands."""
    lend = add_command(commands, "lend", "lend this machine now, used or not", _lend, "  farmhand lend --for 2h\n")
    reclaim = add_command(
        commands,
        "reclaim",
        "take this machine back at once and keep it",
        _reclaim,
        "  farmhand reclaim                 until `farmhand auto` or `farmhand lend`\n"
        "  farmhand reclaim --until 17:30\n"
        "  farmhand reclaim --until-back    until you have been away and touch it again\n",
    )
    for parser in (lend, reclaim):
        span = parser.add_mutually_exclusive_group()
        span.add_argument(
            "--for", dest="span", metavar="SPAN", help="for so long, such as 45m or 2h; then automatic again"
        )
        span.add_argument("--until", metavar="TIME", help="until 17:30, or tomorrow; then automatic again")
    span.add_argument(
        "--until-back",
        action="store_true",
        help="even while you are away, until you touch keyboard or mouse again; then automatic again",
    )
    add_command(commands, "auto", "lend this machine whenever it is idle", _auto)
    status = add_command(
        commands, "status", "show what this machine does", _status, "  farmhand status --json | jq .state\n"
    )
    add_json(status)
    status.add_argument("--watch", action="store_true", help="print a line at every change until Ctrl-C")
    add_json(add_command(commands, "why", "show every rule and what would change the decision", _why))


def _lend(options: argparse.Namespace) -> int:
    return _choose("lend", options, {"lent"})


def _reclaim(options: argparse.Namespace) -> int:
    return _choose("keep", options, {"kept"})


def _auto(options: argparse.Namespace) -> int:
    return _choose("auto", options, set())


def _choose(wish: Literal["auto", "lend", "keep"], options: argparse.Namespace, settled: set[str]) -> int:
    """Send a choice, wait until it shows, and say what came of it; 1 when it did not come about."""
    with agent() as link:
        before = link.snapshot
        link.ask(Choose(wish, _until(options), getattr(options, "until_back", False), _span(options)))
        after = _settle(link, settled)
    if before.state != "kept" and after.state == "kept" and after.last_reclaim_ms is not None:
        sent = f"; {counted(len(before.jobs), 'job')} sent elsewhere" if before.jobs else ""
        console.print(f"back to you in {after.last_reclaim_ms:.0f} ms{sent}")
    console.print(headline(after, time.time()))
    return 0 if not settled or after.state in settled else 1


def _settle(link: AgentLink, settled: set[str]) -> Snapshot:
    """Wait until it shows what the choice leads to, where that is known; the choice itself shows already."""
    ends = time.monotonic() + SETTLED
    with contextlib.suppress(Unreachable):  # nothing more changes: what shows now is what came of it
        for shown in link.snapshots(SETTLED):
            clear = not settled or shown.state in settled or shown.trouble or shown.registry_trouble
            if clear or time.monotonic() > ends:
                break
    return link.snapshot


def _until(options: argparse.Namespace) -> float | None:
    text: str | None = getattr(options, "until", None)
    return None if text is None else parse_moment(text, datetime.now(local_zone())).timestamp()


def _span(options: argparse.Namespace) -> float | None:
    text: str | None = getattr(options, "span", None)
    return None if text is None else parse_span(text).total_seconds()


def _status(options: argparse.Namespace) -> int:
    with agent() as link:
        for shown in link.snapshots() if options.watch else (link.snapshot,):
            if options.json:
                print_json(status_json(shown, time.time()))
            elif options.watch:
                console.print(f"{time.strftime('%H:%M:%S')} {headline(shown, time.time())}")
            else:
                for line in status_lines(shown, time.time()):
                    console.print(line)
    return 0


def status_json(shown: Snapshot, now: float) -> dict[str, Any]:
    """The snapshot as scripts see it: the same names, with the seconds that each job has run."""
    table: dict[str, Any] = msgspec.to_builtins(shown)
    for job, view in zip(table["jobs"], shown.jobs, strict=True):
        job["seconds"] = round(max(0.0, now - view.started_at), 1)
    return table


def _why(options: argparse.Namespace) -> int:
    with agent() as link:
        told = link.ask(Explain(), Explanation)
    if options.json:
        print_json(told)
        return 0
    table = Table("", "rule", "wants", "because", "would change with", box=None, pad_edge=False)
    for rule in told.rules:
        mark, style = ("=>", "bold green") if rule.decided else ("yes", "green") if rule.holds else ("no", "")
        table.add_row(Text(mark, style), rule.name, rule.says, rule.value, rule.change)
    console.print(f"{told.state}: the first rule that holds decides")
    console.print(table)
    return 0
