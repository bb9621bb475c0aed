"""Replays: golden traces on a clock of their own, and that the recorded settings give what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farmhand.lending.events import BoxDown, BoxUp, Drain, Drained, Join, Joined, StartBox, StopBox, Wanted, Woke
from farmhand.lending.lender import Lender, State
from farmhand.lending.observation import Choice, Observation, Reading, Return, Wish
from farmhand.lending.past import carry_on, choose
from farmhand.lending.policy import decide
from farmhand.lending.recording import Moment, Session, begin_line, moment_line, read
from farmhand.lending.replay import Tally, replay
from farmhand.machine import Machine
from farmhand.settings import Settings

MACHINE = Machine("anna-desk", cores=8, memory_mib=16384)
WALL = 1_800_000_000.0
CALM = Reading({"sandbox": "", "others_cpu": 0.0, "free_memory_mib": 99_000, "screensaver": False})
TOUCH = Reading({"in_use": True, "idle_since": None})


def rests(since: float) -> Reading:
    return Reading({"in_use": True, "idle_since": since})


def away(since: float) -> Reading:
    return Reading({"in_use": False, "idle_since": since})


def session(*story: tuple[float, Reading], **settings: Any) -> Session:
    """A recording in which the decisions do not matter."""
    moments = [Moment(at, WALL + at, "", False, reading) for at, reading in story]
    return Session(MACHINE, Settings(**settings), tuple(moments))


AN_HOUR = session(
    (0.0, CALM),
    (0.0, TOUCH),
    (103.0, rests(100.0)),
    (400.0, away(100.0)),  # after five minutes
    (1000.0, TOUCH),
    (1003.0, rests(1000.0)),
    (1300.0, away(1000.0)),
    (2000.0, Reading({"others_cpu": 0.9})),
    (2100.0, Reading({"others_cpu": 0.0})),
    (3600.0, TOUCH),
)


def tell(tally: Tally) -> tuple[float, float, int, dict[str, int]]:
    return tally.lent, tally.slot_seconds / 8, tally.interruptions, dict(tally.reclaims)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, (600 + 700 + 1480, 600 + 700 + 1480, 2, {"in use": 2, "busy with your work": 1})),
        ({"idle_after": 120.0}, (780 + 880 + 1480, 780 + 880 + 1480, 2, {"in use": 2, "busy with your work": 1})),
        ({"idle_after": 1200.0}, (1400, 1400, 1, {"in use": 1})),
        ({"dwell": 0.0}, (2800, 2800, 2, {"in use": 2, "busy with your work": 1})),
        ({"busy_above": 0.95}, (2900, 600 + 700 + 0.125 * 100 + 1500, 2, {"in use": 2})),
        ({"slots": 4}, (2780, 1390, 2, {"in use": 2, "busy with your work": 1})),
        (
            {"slots_in_use": 2},
            (3480, 600 + 700 + 1480 + 700 / 4, 2, {"while you work": 2, "busy with your work": 1}),
        ),
        ({"lend": "never"}, (0, 0, 0, {})),
        ({"lend": "always"}, (3600, 600 + 1400 + 0.125 * 100 + 1500, 0, {})),
        ({"schedule": "08:00-08:30"}, (600 + 500, 600 + 500, 1, {"in use": 1, "outside your hours": 1})),
    ],
)
def test_an_hour_with_other_settings(changes: dict[str, Any], told: tuple[float, float, int, dict[str, int]]) -> None:
    tally = replay([AN_HOUR], changes, UTC)
    assert tally.seconds == 3600
    if changes == {"lend": "always"}:
        assert (tally.lent, tally.interruptions, dict(tally.reclaims)) == (3600, 0, {})
    else:
        assert tell(tally) == (*map(pytest.approx, told[:2]), *told[2:])


def test_sessions_add_up_and_the_time_between_them_does_not_count() -> None:
    later = replace(AN_HOUR, moments=tuple(replace(one, at=one.at + 9000) for one in AN_HOUR.moments[:4]))
    both = replay([AN_HOUR, later], {}, UTC)
    assert both.seconds == 4000
    assert both.decisions == 14
    assert replay([session()], {}, UTC) == Tally()


def test_a_choice_by_hand_is_the_owners_whatever_the_settings() -> None:
    keep = Reading({"choice": Choice(Wish.KEEP, WALL + 1000)})
    story = session(
        (0.0, CALM), (0.0, away(-900.0)), (400.0, keep), (1000.0, Reading({"choice": Choice()})), (2000.0, CALM)
    )
    assert tell(replay([story], {}, UTC)) == (400 + 970, 400 + 970, 1, {"your choice: keep": 1})
    assert replay([story], {"warn_before": 0.0}, UTC).lent == 400 + 1000
    by_hand = replace(
        story, moments=(*story.moments[:3], replace(story.moments[3], at=800.0, wall=WALL + 800), story.moments[4])
    )
    assert replay([by_hand], {}, UTC).lent == 400 + 1200, "nobody is warned after a choice by hand"


def test_a_span_is_over_sooner_for_a_machine_that_slept_and_no_sooner_for_one_whose_clock_was_set() -> None:
    keep = Reading({"choice": Choice(Wish.KEEP, ends=1000.0)})
    story = session((0.0, CALM), (0.0, away(-900.0)), (400.0, keep), (500.0, CALM), (2000.0, CALM))
    before, woken = story.moments[:3], story.moments[3:]
    slept = replace(story, moments=(*before, *(replace(one, slept=200.0) for one in woken)))
    put_on = replace(story, moments=(*before, *(replace(one, wall=one.wall + 86400) for one in woken)))
    lent = {
        name: replay([told], {"warn_before": 0.0}, UTC).lent
        for name, told in (("story", story), ("slept", slept), ("put on", put_on))
    }
    assert lent == {"story": 400 + 1000, "slept": 400 + 1200, "put on": 400 + 1000}


# --- as it was ----------------------------------------------------------------
@dataclass
class TickingAgent:
    """An agent in a world that obeys at once. It looks at everything once a second instead of reckoning when to."""

    settings: Settings

    def record(self, story: Sequence[tuple[int, Reading]], seconds: int) -> tuple[list[bytes], int]:
        """Return what it writes down, and how many seconds it lends."""
        seen, written, lender, lent, rule = Observation(), Observation(), Lender(), 0, ""
        lines = [begin_line(MACHINE, self.settings)]
        for now in range(seconds):
            for at, reading in story:
                if at == now:
                    chosen = reading.values.get("choice", seen.choice)
                    seen = seen.with_(reading) if chosen == seen.choice else choose(seen.with_(reading), chosen)
            if lender.wake_at is not None and lender.wake_at <= now:
                self._feed(lender, Woke(), now)
            was_lent = lender.state is State.LENT
            seen = carry_on(seen, self.settings, now, WALL + now)
            offered = lender.want.slots if was_lent else 0
            decision = decide(seen, self.settings, MACHINE, now, WALL + now, was_lent, offered)
            self._feed(lender, Wanted(decision.want), now)
            is_lent = lender.state is State.LENT
            if seen != written or rule != decision.rule:
                lines.append(moment_line(seen, written, now, WALL + now, decision.rule, is_lent))
                written, rule = seen, decision.rule
            lent += is_lent and now < seconds - 1
        lines.append(moment_line(seen, written, seconds - 1, WALL + seconds - 1, rule, is_lent))
        return lines, lent

    def _feed(self, lender: Lender, event: Any, now: float) -> None:
        heard = [event]
        while heard:
            for effect in lender.handle(heard.pop(0), now):
                match effect:
                    case StartBox():
                        heard.append(BoxUp())
                    case Join():
                        heard.append(Joined("a", 1e9))
                    case Drain():
                        heard.append(Drained())
                    case StopBox():
                        heard.append(BoxDown())
                    case _:
                        pass


CHOSEN = tuple(one for one in Return if one is not Return.AWAY)
"""What an owner can ask for; that the owner has left meanwhile is found out, not chosen."""


def readings(at: int) -> st.SearchStrategy[tuple[int, Reading]]:
    return st.tuples(
        st.just(at),
        st.one_of(
            st.just(TOUCH),
            st.just(Reading({"screensaver": True, "screensaver_since": at})),
            st.just(Reading({"screensaver": False, "screensaver_since": None})),
            st.sampled_from((0.0, 0.2, 0.4, 0.9)).map(lambda share: Reading({"others_cpu": share})),
            st.builds(Choice, st.sampled_from(Wish), st.none() | st.just(WALL + at + 40), st.sampled_from(CHOSEN)).map(
                lambda choice: Reading({"choice": choice})
            ),
        ),
    )


stories = st.lists(st.integers(1, 290), unique=True, max_size=8).flatmap(
    lambda times: st.tuples(*(readings(at) for at in sorted(times)))
)


def with_rests(story: Sequence[tuple[int, Reading]], idle_after: int, seconds: int) -> list[tuple[int, Reading]]:
    """Let every touch be followed by a rest, and by leaving, as a sense reports them."""
    touches = [0, *(at for at, reading in story if reading is TOUCH), seconds]
    full = [(0, CALM), (0, TOUCH), *story]
    for touch, following in pairwise(touches):
        full += [
            (at, reading)
            for at, reading in ((touch + 3, rests(touch)), (touch + idle_after, away(touch)))
            if at < following
        ]
    return sorted(full, key=lambda one: one[0])


@settings(max_examples=25)
@given(stories, st.integers(5, 100), st.sampled_from(("", "08:02-08:04")), st.sampled_from((0.0, 30.0)))
def test_the_recorded_settings_give_what_was_recorded(
    story: Sequence[tuple[int, Reading]], idle_after: int, schedule: str, some: float
) -> None:
    chosen = Settings(idle_after=float(idle_after), schedule=schedule, warn_before=some, dwell=some)
    lines, lent = TickingAgent(chosen).record(with_rests(story, idle_after, 300), 300)
    tally = replay(read(lines), {}, UTC)
    assert tally.reproduced == tally.decisions
    assert tally.lent == pytest.approx(lent)
    assert tally.seconds == 299
