"""What holds whatever the senses say and the owner sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fakes.desks import (
    KEEP_NOW,
    MACHINE,
    NOW,
    OTHER_HOURS,
    WALL,
)
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.events import Urge
from farmhand.lending.facts import FRESH, LOCK_GESTURE
from farmhand.lending.observation import Choice, Ending, Observation, Wish
from farmhand.lending.past import carry_on
from farmhand.lending.policy import Decision, decide
from farmhand.settings import Settings


def near(moment: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(moment - 1000, moment + 1000)


NOW_BUSY = ((WALL - 60, WALL + 60),)
observations = st.builds(
    Observation,
    choice=st.builds(Choice, st.sampled_from(Wish), near(WALL), ends=near(NOW)),
    in_use=st.none() | st.booleans(),
    idle_since=st.none() | st.floats(NOW - 1000, NOW),
    screensaver=st.none() | st.booleans(),
    screensaver_since=st.none() | st.floats(NOW - 1000, NOW),
    sleeping=st.sampled_from((None, False, False, True)),
    woke_at=st.none() | st.floats(NOW - 1000, NOW),
    shutting_down=st.sampled_from((None, False, False, False, True)),
    ending=st.sampled_from((Ending.NOT, Ending.NOT, *Ending)),
    on_battery=st.sampled_from((None, False, False, True)),
    charge=st.none() | st.integers(0, 100),
    metered=st.sampled_from((None, False, False, True)),
    vpn=st.sampled_from((None, False, False, True)),
    in_front=st.sampled_from((None, True, True, False)),
    presenting=st.sampled_from((None, "", "", "a film")),
    exclusive=st.sampled_from((None, "", "", "quake")),
    own_build=st.sampled_from((None, "", "", "make")),
    meetings=st.sampled_from((None, (), NOW_BUSY, ((WALL + 10, WALL + 700), (WALL + 900, WALL + 950)))),
    memory_pressure=st.none() | st.floats(0, 1),
    disk_pressure=st.none() | st.floats(0, 1),
    others_cpu=st.none() | st.floats(0, 1),
    free_memory_mib=st.none() | st.integers(0, 40_000),
    sandbox=st.sampled_from((None, "", "", "", "no user namespaces")),
    keep_ended=st.none() | st.floats(NOW - 100, NOW),
    busy_until=st.none() | st.floats(NOW - 100, NOW),
)
settings_of_all_kinds = st.builds(
    Settings,
    lend=st.sampled_from(("auto", "always", "never")),
    idle_after=st.floats(1, 2000),
    exclusive=st.sampled_from(((), ("quake",))),
    own_build=st.sampled_from(("keep", "ignore")),
    on_battery=st.sampled_from(("never", "always", "60%")),
    metered=st.sampled_from(("never", "always")),
    vpn=st.sampled_from(("never", "always")),
    presenting=st.sampled_from(("never", "always")),
    schedule=st.sampled_from(("", "", OTHER_HOURS, "07:00-09:00", "sat sun all")),
    warn_before=st.floats(0, 600),
    dwell=st.floats(0, 3600),
    busy_above=st.floats(0.01, 1),
    disk_busy_above=st.floats(0.01, 1),
    slots=st.integers(0, 64),
    calendar=st.sampled_from(((), (), ("/home/ann/mine.ics",))),
    slots_in_use=st.sampled_from((0, 0, 2, 64)),
    memory_per_job=st.integers(16, 4096),
)


AT_ONCE = ("ending at once", "shutting down", "going to sleep")


def chooses(seen: Observation, wish: Wish) -> bool:
    ends = seen.choice.ends_at(WALL - NOW, 0.0)
    return seen.choice.wish is wish and (ends is None or ends > NOW)


@given(observations, settings_of_all_kinds, st.booleans(), st.integers(0, 64))
def test_what_always_holds(seen: Observation, settings: Settings, lending: bool, offered: int) -> None:
    decision = decide(seen, settings, MACHINE, NOW, WALL, lending, offered)
    want, by_rules = decision.want, not chooses(seen, Wish.LEND) and settings.lend != "always"
    full = want.urge is Urge.LEND
    if seen.sandbox != "":
        assert want == KEEP_NOW
    if chooses(seen, Wish.KEEP):
        assert want == KEEP_NOW
        assert decision.rule in (*AT_ONCE, "no sandbox", "your choice: keep")
    if seen.sleeping or seen.shutting_down or seen.ending is Ending.AT_ONCE:
        assert want == KEEP_NOW
        assert decision.rule in AT_ONCE
        assert decision.lends_at is None
    if seen.ending is not Ending.NOT:
        assert not want.lend
        assert decision.lends_at is None
    if not chooses(seen, Wish.LEND):
        assert not (want.lend and settings.exclusive and seen.exclusive != "")
        assert not (want.lend and settings.on_battery == "never" and seen.on_battery)
        assert not (want.lend and settings.on_battery == "60%" and seen.on_battery and (seen.charge or 0) < 60)
        assert not (want.lend and settings.metered == "never" and seen.metered)
        assert not (want.lend and settings.vpn == "never" and seen.vpn)
    if by_rules and seen.own_build and settings.own_build == "keep":
        assert not want.lend
    if by_rules and seen.presenting and settings.presenting == "never" and not seen.screensaver:
        assert not want.lend
    if by_rules and seen.woke_at is not None and seen.woke_at + min(FRESH, settings.idle_after) > NOW:
        assert not full or (seen.screensaver_since or 0) + LOCK_GESTURE >= seen.woke_at
    if by_rules and settings.calendar and (seen.meetings is None or seen.meetings == NOW_BUSY):
        assert not want.lend
    if seen.free_memory_mib is None or seen.free_memory_mib < settings.memory_per_job:
        assert not want.lend
    if by_rules and (settings.lend == "never" or seen.others_cpu is None):
        assert not want.lend
    if by_rules and (seen.in_use is None or (seen.in_use and (seen.idle_since is None or not seen.screensaver))):
        assert not full
    if want.urge is Urge.SHARE:
        assert want.slots <= settings.slots_in_use
        assert seen.in_use is not False or seen.woke_at is not None
    if by_rules and seen.in_use and seen.idle_since is None and not seen.touched_once_at and not want.lend:
        assert want.hurry, "an owner who is there waits for nobody"
    if by_rules and (seen.disk_pressure or 0) > settings.disk_busy_above:
        assert lending or not want.lend
    assert (want.slots > 0) == want.lend
    assert want.slots <= (settings.slots or MACHINE.cores)
    assert want.slots * settings.memory_per_job <= (seen.free_memory_mib or 0)
    assert not (want.lend and want.hurry)
    assert [one.decided for one in decision.verdicts].count(True) == 1
    assert next(one for one in decision.verdicts if one.holds).decided
    if by_rules and settings.schedule not in ("", "07:00-09:00"):
        assert not want.lend
    if seen.busy_until is not None and NOW - seen.busy_until < settings.dwell and by_rules:
        assert lending or not want.lend
    assert decision.look_again_at is None or decision.look_again_at > NOW
    assert decision.lends_at is None or (decision.lends_at > NOW and not want.lend)


@given(observations, settings_of_all_kinds, st.booleans(), st.floats(0, 1))
def test_nothing_changes_before_it_is_time_to_look_again(
    seen: Observation, settings: Settings, lending: bool, part: float
) -> None:
    first = decide(seen, settings, MACHINE, NOW, WALL, lending)
    wait = ((first.look_again_at or NOW + 5000) - NOW) * part * 0.999
    later = decide(seen, settings, MACHINE, NOW + wait, WALL + wait, lending)
    assert (later.want, later.rule) == (first.want, first.rule)


# --- clocks that are set ------------------------------------------------------
TWO_DAYS = 2 * 86400.0
steps = st.lists(
    st.tuples(st.floats(0.01, 5000), st.floats(-TWO_DAYS, TWO_DAYS) | st.just(0.0), st.floats(0, 5000) | st.just(0.0)),
    min_size=1,
    max_size=5,
)
"""Each the seconds that pass awake, those by which somebody sets the clock, and those that are slept."""


def fate(
    seen: Observation, settings: Settings, passing: list[tuple[float, float, float]], clock_is_set: bool
) -> Iterator[tuple[Decision, Observation]]:
    """What is decided as time passes, by an agent that carries on what it knows of the past."""
    now, wall, slept, lending = NOW, WALL, 0.0, False
    for awake, jump, asleep in passing:
        now, slept, wall = now + awake, slept + asleep, wall + awake + asleep + jump * clock_is_set
        seen = carry_on(seen, settings, now, wall, slept)
        decision = decide(seen, settings, MACHINE, now, wall, lending, slept=slept)
        lending = decision.want.lend
        yield decision, seen


@given(observations, settings_of_all_kinds, steps)
def test_what_does_not_speak_of_the_clock_on_the_wall_does_not_heed_it(
    seen: Observation, settings: Settings, passing: list[tuple[float, float, float]]
) -> None:
    seen = replace(seen, choice=replace(seen.choice, until=None))
    settings = replace(settings, schedule="", calendar=())
    set_, left_alone = (
        [(one.want, one.rule, one.reason, one.verdicts, then.keep_ended) for one, then in fate(*told)]
        for told in ((seen, settings, passing, True), (seen, settings, passing, False))
    )
    assert set_ == left_alone


@given(observations, settings_of_all_kinds, steps)
def test_after_a_restart_of_the_machine_a_clock_that_is_set_lends_nothing_that_the_span_would_not(
    seen: Observation, settings: Settings, passing: list[tuple[float, float, float]]
) -> None:
    spans = replace(seen, choice=replace(seen.choice, until=None))
    settings = replace(settings, schedule="", calendar=())
    both = [one for one, _ in fate(seen, settings, passing, True)]
    span = [one for one, _ in fate(spans, settings, passing, False)]
    if seen.choice.ends is not None and seen.choice.wish is Wish.LEND:
        assert all(
            alone.rule == "your choice: lend"
            for one, alone in zip(both, span, strict=True)
            if one.rule == "your choice: lend"
        )
    if seen.choice.ends is not None and seen.choice.wish is Wish.KEEP:
        assert all(
            one.want == KEEP_NOW for one, alone in zip(both, span, strict=True) if alone.rule == "your choice: keep"
        )
