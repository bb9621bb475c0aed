"""What follows from what is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from math import inf

import pytest

from farmhand.lending.facts import FRESH, LOCK_GESTURE, Facts
from farmhand.lending.observation import Choice, Observation, Wish
from farmhand.settings import Settings

NOW = 10_000.0
NOBODY = Facts(Observation(), Settings(), NOW, choice_ends=None, slots=8)


def facts(now: float = NOW, **seen: object) -> Facts:
    return replace(NOBODY, now=now, seen=replace(Observation(), **seen))


@pytest.mark.parametrize(
    ("seen", "in_use", "idle_since"),
    [
        ({}, None, None),
        ({"in_use": True}, True, None),
        ({"in_use": True, "idle_since": NOW - 9}, True, NOW - 9),
        ({"in_use": False, "idle_since": NOW - 900}, False, NOW - 900),
        ({"woke_at": NOW - 5}, None, None),
        ({"woke_at": NOW - 5, "in_use": True}, True, None),
        ({"woke_at": NOW - 5, "in_use": False}, True, NOW - 5),
        ({"woke_at": NOW - 300, "in_use": False}, False, NOW - 300),
        ({"woke_at": NOW - 5, "in_use": False, "idle_since": NOW - 900}, True, NOW - 5),
        ({"woke_at": NOW - 5, "in_use": True, "idle_since": NOW - 3}, True, NOW - 3),
    ],
)
def test_waking_counts_as_a_touch(seen: dict[str, object], in_use: bool | None, idle_since: float | None) -> None:
    assert (facts(**seen).in_use, facts(**seen).idle_since) == (in_use, idle_since)


def test_the_owner_is_present_until_the_hands_rest() -> None:
    assert facts(in_use=True).is_present
    assert facts(in_use=True, idle_since=NOW - FRESH + 0.1).is_present
    assert not facts(in_use=True, idle_since=NOW - FRESH).is_present
    assert not facts(in_use=False).is_present
    assert not facts().is_present


def test_leaving_behind_a_screensaver() -> None:
    lock = {"in_use": True, "screensaver": True, "screensaver_since": NOW - 5}
    assert facts(idle_since=NOW - 5 + LOCK_GESTURE, **lock).behind_screensaver
    assert not facts(idle_since=NOW - 5 + LOCK_GESTURE + 0.1, **lock).behind_screensaver
    assert not facts(**lock).behind_screensaver
    assert not facts(idle_since=NOW - 5, **{**lock, "screensaver": None}).behind_screensaver
    assert not facts(idle_since=NOW - 5, **{**lock, "screensaver_since": None}).behind_screensaver


def test_nobody_watches_a_film_behind_a_screensaver() -> None:
    assert facts(presenting="a film").is_presenting
    assert facts(presenting="a film", screensaver=False).is_presenting
    assert not facts(presenting="a film", screensaver=True).is_presenting
    assert not facts(presenting="").is_presenting
    assert not facts().is_presenting


def test_who_cannot_say_how_busy_it_is_is_busy() -> None:
    assert facts().is_busy
    assert facts(others_cpu=0.31).is_busy
    assert not facts(others_cpu=0.3).is_busy


def test_a_choice_ends() -> None:
    chosen = replace(facts(choice=Choice(Wish.KEEP)), choice_ends=NOW + 1)
    assert chosen.wish is Wish.KEEP
    assert replace(chosen, now=NOW + 1).wish is Wish.AUTO
    assert replace(chosen, choice_ends=None).wish is Wish.KEEP
    assert chosen.turns() == (NOW + 1, NOW + 31)


def test_a_choice_to_keep_that_ran_out_is_followed_by_a_warning() -> None:
    ended = replace(facts(choice=Choice(Wish.KEEP)), choice_ends=NOW)
    assert ended.must_warn
    assert replace(ended, now=NOW + 29.9).must_warn
    assert not replace(ended, now=NOW + 30).must_warn
    assert not replace(ended, choice_ends=None).must_warn
    assert not replace(ended, lending=True).must_warn
    assert not replace(facts(choice=Choice(Wish.LEND)), choice_ends=NOW).must_warn
    assert facts(keep_ended=NOW - 29).must_warn
    assert not facts(keep_ended=NOW - 30).must_warn
    assert not facts(keep_ended=NOW, choice=Choice(Wish.LEND)).must_warn
    locked = {"screensaver": True, "screensaver_since": NOW - 9, "idle_since": NOW - 9}
    assert not facts(keep_ended=NOW, **locked).must_warn


def test_a_machine_that_was_busy_is_calm_after_a_while() -> None:
    busy = facts(busy_until=NOW - 19)
    assert busy.was_busy
    assert busy.turns() == (NOW + 1,)
    assert not replace(busy, now=NOW + 1).was_busy
    assert not replace(busy, lending=True).was_busy
    assert not facts().was_busy
    assert facts(busy_until=inf).turns() == ()


def test_meetings_turn_on_the_clock_of_the_rest() -> None:
    mine = replace(facts(meetings=((500.0, 600.0), (700.0, 800.0))), clock=-NOW, settings=Settings(calendar=("/a",)))
    assert mine.turns() == (NOW + 500, NOW + 600, NOW + 700, NOW + 800)
    assert (mine.in_meeting, mine.meeting_begins, mine.meeting_ends) == (False, NOW + 500, None)
    during = replace(mine, now=NOW + 500)
    assert (during.in_meeting, during.meeting_begins, during.meeting_ends) == (True, NOW + 700, NOW + 600)
    over = replace(mine, now=NOW + 800)
    assert (over.in_meeting, over.meeting_begins, over.meeting_ends) == (False, None, None)


def test_hours_turn_on_the_clock_of_the_rest() -> None:
    clock = datetime(2026, 6, 10, 17, 0, tzinfo=UTC).timestamp() - NOW + 0.0001
    evening = replace(NOBODY, settings=Settings(schedule="18:00-20:00"), clock=clock)
    assert not evening.is_within_hours
    (turn,) = evening.turns()
    assert turn == pytest.approx(NOW + 3600, abs=0.001)
    assert replace(evening, now=turn).is_within_hours
    assert replace(evening, zone=timezone(timedelta(hours=1))).is_within_hours
    assert NOBODY.is_within_hours


def test_time_alone_turns_a_rest() -> None:
    assert facts(in_use=True, idle_since=NOW - 5).turns() == (NOW - 5 + FRESH, NOW + 295)
    assert facts(in_use=False, idle_since=NOW - 5).turns() == ()
    assert facts(in_use=True).turns() == ()
    assert facts(in_use=True, idle_since=NOW + 1).idle_for == 0.0
