"""What a command finds round it: settings, the agent, the registry, and the terminal.

What is shown may come from other machines. So the terminal has one door, `console`: every text that passes is one
presentable line of plain words, and a style is never written into a text but given beside it (`rich.text.Text`), for
words of our own only. JSON passes by `print_json`, which changes no value.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from farmhand.errors import FarmhandError
from farmhand.links import places
from farmhand.links.agent import AgentLink
from farmhand.links.settings_file import load_settings
from farmhand.text import MAX_SENTENCE, presentable

PIPED = 200
"""Characters of a line where no terminal says how wide it is: room enough for whole tables."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main` what a reader who has left means."""
        raise BrokenPipeError

    def render_str(self, text: str, **how: Any) -> Text:
        """Rich's question for the looks of a text, be it printed alone or in a table."""
        return super().render_str(presentable(text, len(text)), **how)


def _on_terminal() -> bool:
    """Tell whether standard output is open, and a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


console = _Console(markup=False, emoji=False, highlight=False, soft_wrap=True, width=None if _on_terminal() else PIPED)
"""Standard output: colours and tables on terminals, plain text elsewhere."""


def print_json(value: object) -> None:
    """Print a message, or a table of them, as JSON; what is not printable is spelled out, as RFC 8259, 7 allows."""
    text = msgspec.json.encode(value).decode()
    print("".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text), flush=True)


def agent() -> AgentLink:
    """Connect to the agent of this user.

    Raises:
        Unreachable: none runs.
    """
    return AgentLink(places.agent_socket())


def registry_url(flag: str | None) -> str:
    """Which registry to ask: as told, as set, else as the agent here; "" for none.

    Raises:
        OwnerError: what was told or set is no URL.
    """
    return load_settings(registry=flag).registry or agents_registry()


def agents_registry() -> str:
    """The registry that the agent here knows; "" when there is none, or no agent can be asked."""
    try:
        with agent() as link:
            return link.snapshot.registry
    except FarmhandError:  # no agent runs, or the folder of its socket is not ours: there is nobody to ask
        return ""


def note(text: str) -> None:
    """Say something that is no result: on standard error, so that scripts can read the result."""
    if sys.stderr is None:  # closed; print would take standard output instead
        return
    try:
        print(f"farmhand: {presentable(text, MAX_SENTENCE)}", file=sys.stderr, flush=True)
    except OSError:  # nobody reads it: the command does what it says all the same, and ends with its own status
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
