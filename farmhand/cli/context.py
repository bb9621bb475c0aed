"""What a command finds round it: settings, the agent, the registry."""

from __future__ import annotations

import sys

from rich.console import Console

from farmhand.errors import PeerError
from farmhand.links import places
from farmhand.links.agent import AgentLink
from farmhand.links.settings_file import load_settings

PIPED = 200
"""Characters of a line where no terminal says how wide it is: room enough for whole tables."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `main` what a reader who has left means."""
        raise BrokenPipeError


console = _Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED)
"""Standard output: colours and tables on terminals, plain text elsewhere."""


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
    chosen = load_settings(registry=flag).registry
    if chosen:
        return chosen
    try:
        with agent() as link:
            return link.snapshot.registry
    except PeerError:
        return ""


def note(text: str) -> None:
    """Say something that is no result: on standard error, so that scripts can read the result."""
    print(f"farmhand: {text}", file=sys.stderr, flush=True)
