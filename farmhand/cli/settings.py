"""The command `farmhand settings`: what is set and where, what it means, and changing it."""

from __future__ import annotations

import argparse

from rich.table import Table

from farmhand import settings
from farmhand.cli.context import agent, console, note, print_json
from farmhand.cli.parsers import Commands, add_command, add_json
from farmhand.errors import OwnerError, Unreachable
from farmhand.links.settings_file import load_settings, sources, write_setting
from farmhand.wire.local import Reload

EXAMPLES = """  farmhand settings                        every setting, its value and where that comes from
  farmhand settings explain idle_after
  farmhand settings set idle_after 120     checked, written, and taken over by the agent that runs
  farmhand settings set schedule 'mon-fri 18:00-08:00, sat sun all'
  farmhand settings check                  exit status 1 and the reason if a value is not allowed
"""


def add_commands(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "settings", "show, explain, change or check the settings", _list, EXAMPLES)
    add_json(parser)
    actions: Commands = parser.add_subparsers(title="instead of the list", metavar="ACTION")
    explain = add_command(actions, "explain", "tell what a setting means and what is allowed", _explain)
    explain.add_argument("name", metavar="NAME", choices=settings.names(), help="such as idle_after")
    change = add_command(actions, "set", "change one setting in the settings file; its comments stay", _set)
    change.add_argument("name", metavar="NAME", choices=settings.names(), help="such as idle_after")
    change.add_argument("value", metavar="VALUE", help="as `farmhand settings` shows it; lists with commas")
    add_command(actions, "check", "check every value", _check)


def _list(options: argparse.Namespace) -> int:
    chosen, origins = load_settings(), sources()
    if options.json:
        told = {name: {"value": getattr(chosen, name), "from": origins[name]} for name in settings.names()}
        print_json(told)
        return 0
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for name in settings.names():
        table.add_row(name, settings.spell(getattr(chosen, name)), origins[name])
    console.print(table)
    return 0


def _explain(options: argparse.Namespace) -> int:
    name: str = options.name
    told = settings.meaning(name)
    facts = {
        "unit": told.unit,
        "allowed": told.allowed,
        "default": settings.spell(settings.default(name)) or "empty",
        "now": _now(name),
        "a change counts": "after a restart of the agent" if told.restart else "at once",
    }
    console.print(f"{name}: {told.text}")
    for label, fact in facts.items():
        if fact:
            console.print(f"  {label}: {fact}")
    return 0


def _now(name: str) -> str:
    """What holds, and by whose word; where something is wrong, what that is."""
    try:
        return f"{settings.spell(getattr(load_settings(), name)) or 'empty'} (from: {sources()[name]})"
    except OwnerError as wrong:
        return str(wrong)


def _set(options: argparse.Namespace) -> int:
    name: str = options.name
    file = write_setting(name, options.value)
    console.print(f"{file}: {name} = {options.value}")
    if sources()[name] != str(file):
        note(f"{sources()[name]} in the environment comes before the file")
    try:
        load_settings()
    except OwnerError as wrong:
        raise OwnerError(f"this counts once everything else is right, too: {wrong}") from None
    console.print(_tell_the_agent())
    return 0


def _tell_the_agent() -> str:
    """Have the running agent read its settings again; say what came of it."""
    try:
        with agent() as link:
            done = link.ask(Reload())
    except Unreachable:
        return "no agent runs here; it counts when one starts"
    return f"the agent has read its settings again{f'; {done.note}' if done.note else ''}"


def _check(options: argparse.Namespace) -> int:
    load_settings()
    console.print("every value is allowed")
    return 0
