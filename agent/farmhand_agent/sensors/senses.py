"""All senses together: for each question a source is chosen, watched, and replaced when it goes away.

1. The first usable source of a question is watched. When it is lost, what it knew becomes unknown at once, and the
   choice is made anew from the top, with a growing pause.
2. A source that is lost as soon as it is watched is passed over until the next choice.
3. Screensavers are watched all together: one that shows is enough, and one that does not is only its own opinion.
4. Which source answers, and why the ones before it do not, is told whenever it changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.wire.local import SenseView
from farmhand_agent.sensors.base import Report, SenseLost, Sensor

Told = Callable[[SenseView], None]
"""Takes which source answers a question."""

FIRST_PAUSE = 0.5
"""Seconds between the loss of a source and the next choice; doubled while nothing can be watched."""

STEADY = 5.0
"""Seconds for which a source must have been watched to count as one that works."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know.

    Attributes:
        name: of the question, as in `Sensor.question`.
        unknown: what is observed while no source answers.
        sources: the best first.
        together: all sources are watched at once instead of the first usable.
        patience: most seconds between two choices.
    """

    name: str
    unknown: Reading
    sources: Sequence[Sensor]
    together: bool = False
    patience: float = 5.0


class Senses:
    """Runs the senses.

    Args:
        questions: what to know and whom to ask.
        report: takes every reading.
        told: takes every choice of a source.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        report: Report,
        told: Told,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._questions = questions
        self._report = report
        self._told = told
        self._clock = clock

    async def run(self) -> None:
        """Sense until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for question in self._questions:
                tell = _OnChange(self._told)
                if not question.together:
                    tasks.create_task(self._follow(question, self._report, tell))
                    continue
                board = _Board(question.name, self._report, tell)
                for source in question.sources:
                    alone = Question(question.name, question.unknown, (source,), patience=question.patience)
                    tasks.create_task(self._follow(alone, board.reporter(source.name), board.view))

    async def _follow(self, question: Question, report: Report, told: Told) -> None:
        """Keep the best source of one question watched."""
        pause = FIRST_PAUSE
        while True:
            rejected: list[tuple[str, str]] = []
            for source in question.sources:
                reason = source.unusable()
                if reason is None:
                    told(SenseView(question.name, source.name, tuple(rejected)))
                    since = self._clock()
                    try:
                        await source.watch(report)
                    except SenseLost as lost:
                        reason = str(lost)
                    report(question.unknown)
                    if self._clock() - since >= STEADY:
                        rejected.append((source.name, reason or "it has ended"))
                        pause = FIRST_PAUSE
                        break
                rejected.append((source.name, reason or "it has ended"))
            report(question.unknown)
            told(SenseView(question.name, "", tuple(rejected)))
            await asyncio.sleep(pause)
            pause = min(pause * 2, question.patience)


class _OnChange:
    """Passes a view on when it differs from the one before."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._latest: SenseView | None = None

    def __call__(self, view: SenseView) -> None:
        if view != self._latest:
            self._latest = view
            self._told(view)


class _Board:
    """What all sources of one yes-or-no question say, made into one answer.

    Any yes is a yes, which began when the first yes did, if that is known; a no needs one no; else nothing is known.
    """

    def __init__(self, question: str, report: Report, told: Told) -> None:
        self._question = question
        self._report = report
        self._told = told
        self._says: dict[str, dict[str, Any]] = {}
        self._rejected: dict[str, str | None] = {}
        self._known: Reading | None = None

    def reporter(self, source: str) -> Report:
        """Return where `source` is to report."""
        self._rejected[source] = "not asked yet"

        def report(reading: Reading) -> None:
            self._says[source] = reading.values
            self._publish()

        return report

    def view(self, view: SenseView) -> None:
        """Enter that one source is watched, or why it is not."""
        if view.source:
            self._rejected[view.source] = None
        else:
            self._rejected.update(view.rejected)
        watched = [name for name, reason in self._rejected.items() if reason is None]
        rejected = tuple((name, reason) for name, reason in self._rejected.items() if reason is not None)
        self._told(SenseView(self._question, " + ".join(watched), rejected))

    def _publish(self) -> None:
        answers = [one["screensaver"] for one in self._says.values()]
        since = [one["screensaver_since"] for one in self._says.values() if one["screensaver"]]
        shows = True if True in answers else False if False in answers else None
        known_since = None if None in since else min(since, default=None)
        reading = Reading({"screensaver": shows, "screensaver_since": known_since})
        if reading != self._known:
            self._known = reading
            self._report(reading)
