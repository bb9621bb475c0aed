"""The owner's look back: history, block, unblock."""

from __future__ import annotations

import argparse
from datetime import datetime

from rich.filesize import decimal
from rich.table import Table

from farmhand.cli.context import agent, console, note, print_json
from farmhand.cli.parsers import Commands, add_command, add_json
from farmhand.cli.words import span
from farmhand.text import clauses, counted
from farmhand.wire.history import LONGEST_HISTORY, AskHistory, History, JobRecord, Summary
from farmhand.wire.local import Block

LISTED = 20
"""Jobs that a table shows."""

SCRIPTED = 1000
"""Jobs and reclaims that JSON holds."""


def add_commands(commands: Commands) -> None:
    """Describe the commands."""
    history = add_command(
        commands,
        "history",
        "show who compiled what on this machine",
        _history,
        "  farmhand history --days 30\n  farmhand history --user anna@ws2 --json | jq .summary\n",
    )
    add_json(history)
    history.add_argument("--days", type=_days, default=7.0, metavar="N", help="how far back (default: 7)")
    history.add_argument("--user", default="", metavar="U", help="only of this user, machine or user@machine")
    block = add_command(
        commands,
        "block",
        "refuse somebody's jobs, or list who is blocked",
        _block,
        "  farmhand block anna@ws2\n  farmhand block 10.1.0.7\n",
    )
    block.add_argument("user", nargs="?", metavar="USER", help="a user, a machine or user@machine, as in the history")
    unblock = add_command(commands, "unblock", "accept somebody's jobs again", _unblock)
    unblock.add_argument("user", metavar="USER", help="as `farmhand block` lists it")


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= LONGEST_HISTORY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, more than 0 and at most {LONGEST_HISTORY}")
    return days


def _history(options: argparse.Namespace) -> int:
    with agent() as link:
        told = link.ask(AskHistory(options.days, SCRIPTED if options.json else LISTED, options.user), History)
    if options.json:
        print_json(told)
        return 0
    if told.trouble:
        note(told.trouble)
    if told.jobs:
        console.print(job_table(told.jobs))
    console.print(summary_line(told.summary))
    return 0


def job_table(jobs: tuple[JobRecord, ...]) -> Table:
    """The jobs, the oldest first, so that the newest stands next to the prompt."""
    table = Table(box=None, pad_edge=False)
    for name in ("began", "who", "project", "file", "in", "out", "ran", "end"):
        table.add_column(name, no_wrap=True)
    for one in reversed(jobs):
        who = one.user if one.user == one.host else f"{one.user}@{one.host}"
        began = f"{datetime.fromtimestamp(one.started_at).astimezone():%d %b %H:%M}"
        sizes = (decimal(one.bytes_in), decimal(one.bytes_out))
        texts = (began, who, one.project, one.file or one.compiler, *sizes, f"{one.ran:.1f} s", outcome(one))
        table.add_row(*texts)
    return table


def outcome(job: JobRecord) -> str:
    """How a job ended, in a few words."""
    if job.status is None:
        return job.end
    if job.status < 0:
        return f"ended by signal {-job.status}"
    return "compiled" if job.status == 0 else f"compiler said {job.status}"


def summary_line(told: Summary) -> str:
    """A span of time in one line."""
    if not (told.jobs or told.reclaims or told.turned_away):
        return "nobody has compiled here in that time"
    people = "1 person" if told.people == 1 else f"{told.people} people"
    parts = [f"{counted(told.jobs, 'job')} for {people}", f"{span(told.seconds)} of compiling"]
    parts.append(counted(told.reclaims, "reclaim"))
    if told.reclaim_p50_ms is not None and told.reclaim_p99_ms is not None:
        parts.append(f"back to you in {told.reclaim_p50_ms:.0f} ms (p50), {told.reclaim_p99_ms:.0f} ms (p99)")
    parts += [f"{number} turned away: {reason}" for reason, number in told.turned_away]
    return clauses(*parts)


def _block(options: argparse.Namespace) -> int:
    if options.user is not None:
        return _send(Block(options.user, on=True), f"{options.user} is blocked; `farmhand unblock` lets them in again")
    with agent() as link:
        blocked = link.snapshot.blocked
    for name in blocked:
        console.print(name)
    if not blocked:
        note("nobody is blocked")
    return 0


def _unblock(options: argparse.Namespace) -> int:
    return _send(Block(options.user, on=False), f"{options.user} may compile here again")


def _send(block: Block, good: str) -> int:
    with agent() as link:
        done = link.ask(block)
    console.print(good)
    if done.note:
        note(done.note)
    return 0
