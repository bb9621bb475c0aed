"""Text that others wrote, fit to be shown, and how texts of ours are put together.

Users, registries and file names of other machines are free to hold what moves a cursor, sets a title, turns the reading
direction round or begins a line of its own. So whatever they wrote is made *presentable* where it comes in: one line of
printable characters, of bounded length. What is not printable by Unicode (`str.isprintable`: controls, format
characters, line separators, surrogates, unassigned code points) becomes "?".

A sentence of ours that has parts is made by `clauses`, a number with its noun by `counted`, an address with its port by
`machine.join_address`.
"""

from __future__ import annotations

MAX_NAME = 200
"""Characters of a name that are shown."""

MAX_SENTENCE = 1000
"""Characters of what another program says, such as why it refused."""


def presentable(text: str, limit: int = MAX_NAME) -> str:
    """Make a text one line that any terminal, window or log can show; what exceeds `limit` characters is left out."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:limit])


def clauses(*parts: str) -> str:
    """Put the parts of a sentence together, with commas; empty ones are left out."""
    return ", ".join(part for part in parts if part)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: 1 slot, 2 slots."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
