"""What the commands' parsers have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Protocol


class Commands(Protocol):
    """What `ArgumentParser.add_subparsers` returns, as far as it is public."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """Add one command."""
        ...


def add_command(
    commands: Commands, name: str, help_text: str, run: Callable[[argparse.Namespace], int], examples: str = ""
) -> argparse.ArgumentParser:
    """Add one command.

    Args:
        commands: the parser's commands.
        name: as typed.
        help_text: one line.
        run: carries it out and returns the exit status.
        examples: shown at the end of its help.
    """
    parser = commands.add_parser(
        name,
        help=help_text,
        description=help_text[:1].upper() + help_text[1:] + ".",
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=run)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let the command print JSON instead of words."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_registry(parser: argparse.ArgumentParser) -> None:
    """Let the command name a registry."""
    told = "the farm's registry (default: the setting `registry`, else the one that the agent of this machine uses)"
    parser.add_argument("--registry", metavar="URL", help=told)
