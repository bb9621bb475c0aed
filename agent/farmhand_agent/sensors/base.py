"""What a sense is: one source that can answer one question about the machine or its owner.

1. A sense that cannot work here says why, and is not watched.
2. A sense that was watched and lost its source raises `SenseLost`; it never goes on in silence.
3. A source that is silent for long is asked whether it is still there: one that hangs hears nobody's hands.
4. A sense reports when something changes, not to say that nothing did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from farmhand.lending.observation import Reading

SILENCE = 10.0
"""Seconds of silence after which a source is asked, and then seconds for its answer."""

Report = Callable[[Reading], None]
"""Takes what a sense has found out."""


class SenseLost(Exception):
    """The source has gone; the message says how, fit to follow "because"."""


class Sensor(Protocol):
    """One source.

    Attributes:
        question: what it answers, such as "input" or "load".
        name: the source, as the owner reads it.
    """

    @property
    def question(self) -> str: ...

    @property
    def name(self) -> str: ...

    def unusable(self) -> str | None:
        """Return None if it can be watched here, else why not. Takes 50 ms at most."""
        ...

    async def watch(self, report: Report) -> None:
        """Report what is known now, then every change, until cancelled.

        Raises:
            SenseLost: the source has gone, or was never there.
        """
        ...
