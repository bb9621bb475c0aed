"""The command `farmhand replay`: what other settings would have done with the days that were recorded."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from farmhand import settings
from farmhand.cli.context import console, print_json
from farmhand.cli.parsers import Commands, add_command, add_json
from farmhand.cli.words import span
from farmhand.errors import OwnerError
from farmhand.lending.recording import RECORDINGS, SETTINGS, Session, read
from farmhand.lending.replay import Tally, replay
from farmhand.links import places
from farmhand.links.settings_file import farm_name, load_settings
from farmhand.links.zone import local_zone

EXAMPLES = """  farmhand replay --set idle_after=120
  farmhand replay --set 'schedule=18:00-08:00' --set busy_above=0.5
  farmhand replay observations.jsonl --json
"""


def add_commands(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands, "replay", "tell what other settings would have done with the recorded days", _replay, EXAMPLES
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="recordings, the oldest first (default: this machine's)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting to try; may be repeated"
    )
    add_json(parser)


def _replay(options: argparse.Namespace) -> int:
    changes = _changes(options.set)
    sessions = [session for file in options.files or _recordings() for session in _sessions(file)]
    zone = local_zone()
    told = {"as recorded": replay(sessions, {}, zone)}
    if changes:
        told[", ".join(options.set)] = replay(sessions, changes, zone)
    if options.json:
        print_json(told)
        return 0
    columns = [_column(tally) for tally in told.values()]
    table = Table("", *told, box=None, pad_edge=False)
    for label in dict.fromkeys(label for column in columns for label in column):
        table.add_row(label, *(column.get(label, "0") for column in columns))
    console.print(table)
    recorded = told["as recorded"]
    console.print(f"the replay came to {recorded.reproduced} of {recorded.decisions} recorded decisions as well")
    return 0


def _column(tally: Tally) -> dict[str, str]:
    """What a person compares."""
    return {
        "recorded": span(tally.seconds),
        "lent": span(tally.lent),
        "slot-hours": f"{tally.slot_seconds / 3600:.1f}",
        "interruptions of jobs": str(tally.interruptions),
        **{f"reclaims: {rule}": str(count) for rule, count in sorted(tally.reclaims.items())},
    }


def _changes(words: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE.

    Raises:
        OwnerError: a name is none that a decision depends on, or a value is not allowed.
    """
    changed = settings.Settings()
    names: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in SETTINGS:
            raise OwnerError(f"{word!r} is no NAME=VALUE with one of {', '.join(SETTINGS)}")
        changed = settings.change(changed, name, value, "--set")
        names.append(name)
    return {name: getattr(changed, name) for name in names}


def _recordings() -> list[Path]:
    """The recordings of this machine, the older one first.

    Raises:
        OwnerError: there are none.
    """
    folder = places.known_state_folder(farm_name(load_settings()))
    files = [file for name in RECORDINGS if (file := folder / name).exists()]
    if not files:
        raise OwnerError("nothing has been recorded here yet; an agent does so while the setting record is true")
    return files


def _sessions(file: Path) -> list[Session]:
    try:
        with file.open("rb") as lines:
            return list(read(lines))
    except OSError as wrong:
        raise OwnerError(f"cannot read {file}: {wrong.strerror}") from None
    except ValueError as wrong:
        raise OwnerError(f"{file}: {wrong}") from None
