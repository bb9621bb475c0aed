"""All senses together: for each question a source is chosen, watched, and replaced when it goes away.

1. The first usable source of a question is watched. When it is lost, the choice is made anew from the top, with a
   growing pause. What it knew becomes unknown: at once if it could make anybody lend, else after a while in which a
   service that is started anew is back, so that no reason against lending lapses meanwhile.
2. A source that is lost as soon as it is watched is passed over until the next choice.
3. Some questions are put to all their sources together: one screensaver that shows is enough, and one that does not is
   only its own opinion. Others are put to the first usable source and to some beside it: hands may be anywhere.
4. A source that says nothing at first does not answer; one that had said something and is lost is soon looked for
   again.
5. Which source answers, and why the ones before it do not, is told whenever it changes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.wire.local import SenseView
from farmhand_agent.sensors.base import Report, SenseLost, Sensor

Told = Callable[[SenseView], None]
"""Takes which source answers a question."""

Says = Mapping[str, Any]
"""What one source says: its latest values by field."""

Merge = Callable[[Sequence[Says]], Reading]
"""Makes one answer of what all sources say."""

FIRST_PAUSE = 0.5
"""Seconds between the loss of a source and the next choice; doubled while nothing can be watched."""

STEADY = 5.0
"""Seconds for which a source must have been watched to count as one that works."""

ANSWER_WITHIN = 10.0
"""Seconds in which a source must have reported something: longer than any of them waits for a service."""

SOON = 5.0
"""Most seconds between two choices after a source that had reported something was lost."""

SOON_FOR = 600.0
"""Seconds for which that holds; what does not return until then may have been removed."""


_log = logging.getLogger("farmhand.agent")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know.

    Attributes:
        name: of the question, as in `Sensor.question`.
        unknown: what is observed while no source answers.
        sources: the best first.
        together: how the answers of all sources make one; None: the first usable source alone is asked.
        beside: sources that are all asked beside the first usable one of `sources`; `together` merges their answers.
        patience: most seconds between two choices.
        believed_for: seconds for which what a source said last still holds once it is lost.
    """

    name: str
    unknown: Reading
    sources: Sequence[Sensor]
    together: Merge | None = None
    patience: float = 5.0
    believed_for: float = 0.0
    beside: Sequence[Sensor] = ()

    def voices(self) -> tuple[Question, ...]:
        """Return the questions whose answers `together` merges; of the sources of each the first usable is asked."""
        alone = replace(self, together=None, beside=())
        chosen = [self.sources] if self.beside else [(source,) for source in self.sources]
        return tuple(replace(alone, sources=sources) for sources in (*chosen, *((one,) for one in self.beside)))


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
                if question.together is None:
                    tasks.create_task(self._follow(question, self._report, tell))
                    continue
                board = _Board(question, question.together, self._report, tell)
                for voice in question.voices():
                    tasks.create_task(self._follow(voice, *board.seat()))

    async def _follow(self, question: Question, report: Report, told: Told) -> None:
        """Keep the best source of one question watched."""
        belief = _Belief(question, report)
        try:
            await self._choose_ever_anew(question, belief, told)
        finally:
            belief.keep()

    async def _choose_ever_anew(self, question: Question, belief: _Belief, told: Told) -> None:
        pause, lost_at = FIRST_PAUSE, -inf
        while True:
            rejected: list[tuple[str, str]] = []
            for source in question.sources:
                reason = source.unusable()
                if reason is None:
                    told(SenseView(question.name, source.name, tuple(rejected)))
                    since = self._clock()
                    reason, spoke = await _watch(source, belief.hear)
                    belief.lose()
                    lost_at = self._clock() if spoke else lost_at
                    if self._clock() - since >= STEADY and spoke:
                        rejected.append((source.name, reason))
                        pause = FIRST_PAUSE
                        break
                rejected.append((source.name, reason))
            belief.lose()
            told(SenseView(question.name, "", tuple(rejected)))
            await asyncio.sleep(pause)
            pause = longer(pause, question.patience, self._clock() - lost_at)


def longer(pause: float, patience: float, lost_for: float) -> float:
    """Return the pause after `pause`, with a question's `patience` and a source lost that long ago; all in seconds."""
    return min(pause * 2, patience if lost_for >= SOON_FOR else min(SOON, patience))


async def _watch(source: Sensor, report: Report) -> tuple[str, bool]:
    """Watch a source until it is lost; return why it is, and whether it had said anything."""
    spoke, deadline = False, asyncio.timeout(ANSWER_WITHIN)

    def hear(reading: Reading) -> None:
        nonlocal spoke
        spoke = True
        deadline.reschedule(None)
        report(reading)

    try:
        async with deadline:
            await source.watch(hear)
    except SenseLost as lost:
        return str(lost), spoke
    except Exception as mistake:
        if deadline.expired():
            return "it does not answer", spoke
        # A bug of ours: one sense less, and never a machine that is lent blindly.
        _log.exception("the sense %s failed", source.name)
        return f"it failed: {mistake!r}", spoke
    return "it has ended", spoke


class _Belief:
    """What is observed of one question: what its source says and, for a while, what a lost one said last."""

    def __init__(self, question: Question, report: Report) -> None:
        self._question = question
        self._report = report
        self._known = False
        self._fading: asyncio.TimerHandle | None = None

    def hear(self, reading: Reading) -> None:
        """Believe a source."""
        self.keep()
        self._known = True
        self._report(reading)

    def lose(self) -> None:
        """No source answers any more."""
        if not self._known or self._question.believed_for == 0:
            self._forget()
        elif self._fading is None:
            self._fading = asyncio.get_running_loop().call_later(self._question.believed_for, self._forget)

    def keep(self) -> None:
        """Leave what is observed as it is."""
        if self._fading is not None:
            self._fading.cancel()
            self._fading = None

    def _forget(self) -> None:
        self._known, self._fading = False, None
        self._report(self._question.unknown)


class _OnChange:
    """Passes a view on when it differs from the one before."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._latest: SenseView | None = None

    def __call__(self, view: SenseView) -> None:
        if view != self._latest:
            self._latest = view
            self._told(view)


def any_screensaver(says: Sequence[Says]) -> Reading:
    """Merge screensavers: any yes is a yes, since the first began if all are known to; a no needs one no."""
    answers = [one["screensaver"] for one in says]
    since = [one["screensaver_since"] for one in says if one["screensaver"]]
    known_since = None if None in since else min(since, default=None)
    shows = True if True in answers else False if False in answers else None
    return Reading({"screensaver": shows, "screensaver_since": known_since})


def any_presentation(says: Sequence[Says]) -> Reading:
    """Merge what fills the screen or holds it on: the first that does; nothing needs one nothing."""
    answers = [one["presenting"] for one in says]
    return Reading({"presenting": next((one for one in answers if one), "" if "" in answers else None)})


class _Board:
    """What all voices of one question say, made into one answer."""

    def __init__(self, question: Question, merge: Merge, report: Report, told: Told) -> None:
        self._question = question
        self._merge = merge
        self._report = report
        self._told = told
        self._says: list[Says] = []
        self._views: list[SenseView | None] = []
        self._known: Reading | None = None

    def seat(self) -> tuple[Report, Told]:
        """Return where one more voice is to report, and where it is told who speaks."""
        number = len(self._says)
        self._says.append(self._question.unknown.values)
        self._views.append(None)

        def report(reading: Reading) -> None:
            self._says[number] = reading.values
            self._publish()

        def view(view: SenseView) -> None:
            self._views[number] = view
            self._view()

        return report, view

    def _view(self) -> None:
        """Tell which sources are watched, and why others are not."""
        known = [view for view in self._views if view is not None]
        watched = [view.source for view in known if view.source]
        rejected = tuple(one for view in known for one in view.rejected)
        self._told(SenseView(self._question.name, " + ".join(watched), rejected))

    def _publish(self) -> None:
        reading = self._merge(self._says)
        if reading != self._known:
            self._known = reading
            self._report(reading)
