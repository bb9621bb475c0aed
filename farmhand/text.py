"""Text that others wrote, fit to be shown.

Users, registries and file names of other machines are free to hold what moves a cursor, sets a title, turns the reading
direction round or begins a line of its own. So whatever they wrote is made *presentable* where it comes in: one line of
printable characters, of bounded length. What is not printable by Unicode (`str.isprintable`: controls, format
characters, line separators, surrogates, unassigned code points) becomes "?".
"""

from __future__ import annotations

MAX_NAME = 200
"""Characters of a name that are shown."""

MAX_SENTENCE = 1000
"""Characters of what another program says, such as why it refused."""


def presentable(text: str, limit: int = MAX_NAME) -> str:
    """Make a text one line that any terminal, window or log can show; what exceeds `limit` characters is left out."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:limit])
