"""The agent's loop: observations and choices in, effects out, with the real brains between them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, cast

import pytest
from fakes.agent_gate import FakeAgentGate
from fakes.farm import FakeFarm
from fakes.waiting import comes_true

from farmhand.errors import OwnerError
from farmhand.lending.lender import Pace, State
from farmhand.lending.observation import LONGEST_CHOICE, Choice, Reading, Wish
from farmhand.links.boot import since_boot
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand_agent.effects import Effects
from farmhand_agent.gate.gate import Gate
from farmhand_agent.runtime import Runtime

MACHINE = Machine("desk", cores=4, memory_mib=16384)
AWAY: dict[str, Any] = {
    "in_use": False,
    "idle_since": 0.0,
    "screensaver": False,
    "others_cpu": 0.0,
    "free_memory_mib": 8192,
    "sandbox": "",
}
BACK = Reading({"in_use": True, "idle_since": None})


class Stand:
    """A runtime with hands that reach a fake gate and a fake farm."""

    def __init__(self, choice: Choice | None = None, **settings: Any) -> None:
        self.gate, self.farm = FakeAgentGate(), FakeFarm()
        self.changes = 0
        self.states: list[State] = []
        self.kept: list[tuple[Choice, bool]] = []
        """Choices that were handed over to be kept, each with whether the gate was shut by then."""
        chosen = choice or Choice()
        self.runtime = Runtime(replace(Settings(slots=2), **settings), MACHINE, chosen, self._changed, self._keep)
        where = ("127.0.0.1", 0)
        self.effects = Effects(cast(Gate, self.gate), where, self.farm, MACHINE.cores, self.runtime.feed)

    def begin(self) -> None:
        self.runtime.begin(self.effects)

    def owner_leaves(self) -> None:
        idle_since = time.monotonic() - 10_000
        self.runtime.report(Reading({**AWAY, "idle_since": idle_since}))

    def owner_returns(self) -> None:
        self.runtime.report(BACK)

    async def reaches(self, state: State) -> None:
        await comes_true(lambda: self.runtime.lender.state is state)

    async def lend(self) -> None:
        self.begin()
        self.owner_leaves()
        await self.reaches(State.LENT)

    def _changed(self) -> None:
        self.changes += 1
        self.states.append(self.runtime.lender.state)

    def _keep(self, choice: Choice) -> None:
        self.kept.append((choice, self.gate.address is None))


@pytest.fixture
async def stand() -> Stand:
    return Stand()


async def test_until_anything_is_known_the_machine_is_kept(stand: Stand) -> None:
    stand.begin()
    assert stand.runtime.lender.state is State.KEPT
    assert stand.gate.told == []


async def test_before_it_has_hands_it_does_nothing(stand: Stand) -> None:
    stand.owner_leaves()
    assert stand.runtime.lender.state is State.KEPT
    stand.begin()
    await stand.reaches(State.LENT)


async def test_the_owner_leaves_and_returns(stand: Stand) -> None:
    await stand.lend()
    assert stand.gate.told == ["open 2", "resize 2"]
    assert (stand.farm.offers[0].slots, stand.farm.withdrawn) == (2, 0)
    since, changes = stand.runtime.state_since, stand.changes
    stand.owner_returns()
    assert stand.gate.address is None, "in the same turn of the loop"
    await stand.reaches(State.KEPT)
    assert stand.farm.withdrawn == 1
    assert stand.effects.reclaims == 1
    assert stand.runtime.state_since >= since
    assert stand.changes > changes


async def test_the_machine_is_given_back_before_the_choice_is_written_down(stand: Stand) -> None:
    await stand.lend()
    stand.runtime.choose(Choice(Wish.KEEP))
    assert stand.kept == [(Choice(Wish.KEEP), True)], "a disk may take its time, the owner should not have to"
    stand.runtime.choose(Choice(Wish.KEEP))
    assert len(stand.kept) == 1, "what is known already is not written again"
    await stand.reaches(State.KEPT)


async def test_again_and_again(stand: Stand) -> None:
    stand.begin()
    for _ in range(10):
        stand.owner_leaves()
        await stand.reaches(State.LENT)
        stand.owner_returns()
        await stand.reaches(State.KEPT)
    assert (stand.effects.reclaims, stand.farm.withdrawn) == (10, 10)


async def test_a_return_while_the_box_comes_up(stand: Stand) -> None:
    stand.gate.hold_opening()
    stand.begin()
    stand.owner_leaves()
    await comes_true(lambda: stand.gate.told)
    assert stand.runtime.lender.state is State.STARTING
    stand.owner_returns()
    await stand.reaches(State.KEPT)
    assert stand.farm.offers == []


async def test_a_return_while_the_registry_thinks_gives_the_lease_back(stand: Stand) -> None:
    stand.farm.hold()
    stand.begin()
    stand.owner_leaves()
    await comes_true(lambda: stand.farm.offers)
    stand.owner_returns()
    await stand.reaches(State.KEPT)
    stand.farm.let_go()
    await comes_true(lambda: stand.farm.withdrawn)


async def test_leaving_again_while_the_last_reclaim_still_runs_lends_when_it_is_over(stand: Stand) -> None:
    await stand.lend()
    stand.gate.hold_ending()
    stand.owner_returns()
    stand.owner_leaves()
    assert stand.runtime.lender.state is State.STOPPING
    stand.gate.let_end()
    await stand.reaches(State.LENT)


async def test_what_cannot_start_rests_and_says_why_and_tries_again(stand: Stand) -> None:
    stand.runtime.lender.pace = Pace(rest=0.05)
    stand.gate.refuse = OwnerError("another program uses the port")
    stand.begin()
    stand.owner_leaves()
    await stand.reaches(State.RESTING)
    assert stand.effects.trouble == "another program uses the port"
    stand.gate.refuse = None
    await stand.reaches(State.LENT)
    assert stand.effects.trouble == ""


async def test_a_box_that_never_comes_up_is_killed_and_rested(stand: Stand) -> None:
    stand.runtime.lender.pace = Pace(start=0.05)
    stand.gate.hold_opening()
    stand.begin()
    stand.owner_leaves()
    await stand.reaches(State.RESTING)
    assert stand.gate.told == ["open 2", "shut"]


async def test_a_reclaim_that_hangs_is_ordered_again(stand: Stand) -> None:
    await stand.lend()
    stand.runtime.lender.pace = Pace(stop=0.05)
    stand.gate.hold_ending()
    stand.owner_returns()
    await comes_true(lambda: stand.gate.told.count("shut") >= 3)
    stand.gate.let_end()
    await stand.reaches(State.KEPT)
    assert stand.effects.reclaims == 1


async def test_a_registry_that_is_away_is_asked_again_while_the_machine_serves(stand: Stand) -> None:
    stand.farm.trouble = "nobody answers"
    stand.begin()
    stand.owner_leaves()
    await comes_true(lambda: len(stand.farm.offers) >= 3)
    assert stand.runtime.lender.state is State.JOINING
    assert stand.gate.address is not None
    stand.farm.trouble = ""
    await stand.reaches(State.LENT)


# --- the owner's choice -----------------------------------------------------
async def test_the_owners_word_counts_over_what_the_senses_say(stand: Stand) -> None:
    await stand.lend()
    stand.runtime.choose(Choice(Wish.KEEP))
    assert stand.gate.address is None
    await stand.reaches(State.KEPT)
    stand.runtime.choose(Choice(Wish.LEND))
    await stand.reaches(State.LENT)


async def test_a_remembered_choice_holds_from_the_start() -> None:
    stand = Stand(Choice(Wish.KEEP))
    stand.begin()
    stand.owner_leaves()
    assert stand.runtime.lender.state is State.KEPT


async def test_a_remembered_choice_that_no_calendar_can_name_ends_within_a_year() -> None:
    """From the first moment on: whoever asks before it acts is not told of the year 10,000 either."""
    stand = Stand(Choice(Wish.KEEP, 1e300))
    ends = stand.runtime.seen.choice.until
    assert ends == pytest.approx(time.time() + LONGEST_CHOICE, abs=60)
    stand.begin()
    assert stand.kept == [(Choice(Wish.KEEP, ends), True)]


async def test_a_choice_ends_by_itself(stand: Stand) -> None:
    stand.begin()
    stand.runtime.report(Reading({**AWAY, "in_use": True, "idle_since": None}))
    stand.runtime.choose(Choice(Wish.LEND, time.time() + 0.5))
    await comes_true(lambda: State.LENT in stand.states)
    await stand.reaches(State.KEPT)


async def test_a_span_ends_by_itself(stand: Stand) -> None:
    stand.begin()
    stand.runtime.report(Reading({**AWAY, "in_use": True, "idle_since": None}))
    stand.runtime.choose(Choice(Wish.LEND, ends=since_boot() + 0.5))
    await comes_true(lambda: State.LENT in stand.states)
    await stand.reaches(State.KEPT)
    assert stand.kept[-1][0] == Choice()


async def draining() -> Stand:
    """A machine that is lent no longer, with a job still running."""
    stand = Stand()
    await stand.lend()
    stand.gate.jobs.append("a job")
    stand.runtime.report(Reading({"others_cpu": 0.95}))
    await stand.reaches(State.DRAINING)
    return stand


async def test_load_of_the_owners_programs_drains_without_hurry() -> None:
    stand = await draining()
    assert stand.gate.jobs
    assert stand.gate.slots == 0
    assert stand.farm.withdrawn == 1
    stand.gate.jobs.clear()
    stand.effects.look_for_drained()
    await stand.reaches(State.KEPT)


async def test_keep_while_draining_ends_the_job_at_once() -> None:
    stand = await draining()
    stand.runtime.choose(Choice(Wish.KEEP))
    assert stand.gate.jobs == []
    await stand.reaches(State.KEPT)


async def test_lend_while_draining_joins_again_without_a_new_box() -> None:
    stand = await draining()
    stand.runtime.choose(Choice(Wish.LEND))
    await stand.reaches(State.LENT)
    assert stand.gate.jobs == ["a job"]
    assert stand.gate.told.count("shut") == 0


# --- the end ----------------------------------------------------------------
@pytest.mark.parametrize("at_once", [True, False])
async def test_ending_gives_the_machine_back_first(stand: Stand, at_once: bool) -> None:
    await stand.lend()
    stand.runtime.end(at_once)
    await stand.runtime.ended(30)
    assert stand.runtime.lender.state is State.KEPT
    assert (stand.gate.told[-1], stand.farm.withdrawn) == ("shut", 1)
    stand.owner_leaves()
    stand.runtime.choose(Choice(Wish.LEND))
    assert stand.runtime.lender.state is State.KEPT, "what happens afterwards changes nothing"


async def test_ending_a_kept_machine_takes_no_time(stand: Stand) -> None:
    stand.begin()
    stand.runtime.end(at_once=False)
    await stand.runtime.ended(30)


async def test_who_is_told_to_end_before_it_has_hands_never_lends(stand: Stand) -> None:
    stand.runtime.end(at_once=False)
    stand.owner_leaves()
    await stand.runtime.ended(1)
    stand.begin()
    assert stand.gate.told == []


async def test_ending_waits_no_longer_than_told(stand: Stand) -> None:
    await stand.lend()
    stand.gate.hold_ending()
    stand.runtime.end(at_once=True)
    with pytest.raises(TimeoutError):
        await stand.runtime.ended(0.05)
    stand.gate.let_end()
    await stand.reaches(State.KEPT)


async def ending(**settings: Any) -> Stand:
    """A machine whose agent was told to end without hurry, with a job still running."""
    stand = Stand(**settings)
    await stand.lend()
    stand.gate.jobs.append("a job")
    stand.runtime.end(at_once=False)
    assert stand.runtime.lender.state is State.DRAINING
    assert (stand.gate.slots, stand.farm.withdrawn) == (0, 1), "no new jobs, and the registry knows"
    return stand


async def test_an_agent_that_ends_without_hurry_lets_its_jobs_finish() -> None:
    stand = await ending()
    waiting = asyncio.create_task(stand.runtime.ended(0.05))
    await asyncio.sleep(0.1)  # longer than the end may take when nothing runs
    assert not waiting.done()
    assert stand.gate.jobs
    stand.gate.jobs.clear()
    stand.effects.look_for_drained()
    await asyncio.wait_for(waiting, 30)
    assert stand.runtime.lender.state is State.KEPT


async def test_but_not_for_longer_than_the_grace() -> None:
    stand = await ending(grace=0.05)
    await asyncio.wait_for(stand.runtime.ended(30), 30)
    assert stand.gate.jobs == []


async def test_the_owner_returns_to_an_agent_that_ends_without_hurry() -> None:
    stand = await ending()
    stand.owner_returns()
    assert stand.gate.address is None, "in the same turn of the loop"
    await asyncio.wait_for(stand.runtime.ended(30), 30)
    assert (stand.effects.reclaims, stand.effects.rule) == (1, "ending")


@pytest.mark.parametrize("word", [Reading({"shutting_down": True}), Reading({"sleeping": True}), None])
async def test_an_agent_that_ends_without_hurry_is_in_a_hurry_after_all(word: Reading | None) -> None:
    stand = await ending()
    if word is None:
        stand.runtime.end(at_once=False)
    else:
        stand.runtime.report(word)
    assert stand.gate.address is None, "in the same turn of the loop"
    await asyncio.wait_for(stand.runtime.ended(30), 30)


async def test_what_was_chosen_while_the_agent_ends_is_kept_for_its_next_life() -> None:
    stand = await ending()
    stand.runtime.choose(Choice(Wish.LEND))
    assert stand.gate.jobs == ["a job"], "it lends no more, and there is still no hurry"
    assert stand.kept == [(Choice(Wish.LEND), False)]


async def test_slots_follow_free_memory() -> None:
    stand = Stand(memory_per_job=1024)
    await stand.lend()
    stand.runtime.report(Reading({"free_memory_mib": 1500}))
    await comes_true(lambda: stand.farm.offers[-1].slots == 1)
    assert stand.gate.slots == 1
    assert stand.runtime.lender.state is State.LENT


async def test_an_owner_who_shares_comes_back_leaves_and_takes_it_all() -> None:
    stand = Stand(slots_in_use=1)
    await stand.lend()
    stand.gate.jobs.extend(["one", "two"])
    stand.owner_returns()
    assert stand.gate.jobs == ["one"], "at once, without waiting for anybody"
    assert stand.gate.told == ["open 2", "resize 2", "trim 1", "resize 1"]
    await comes_true(lambda: stand.effects.reclaims == 1)
    assert stand.runtime.lender.state is State.LENT
    stand.owner_leaves()
    assert (stand.gate.told[-1], stand.gate.jobs) == ("resize 2", ["one"])
    stand.runtime.choose(Choice(Wish.KEEP))
    assert stand.gate.address is None
    await stand.reaches(State.KEPT)


async def test_leaving_while_a_box_comes_up_ends_it_first(stand: Stand) -> None:
    stand.gate.hold_opening()
    stand.begin()
    stand.owner_leaves()
    await comes_true(lambda: stand.gate.told)
    stand.runtime.end(at_once=False)
    await stand.runtime.ended(30)
    assert stand.gate.told == ["open 2", "shut"]


async def test_nothing_wakes_it_after_the_end(stand: Stand) -> None:
    await stand.lend()
    stand.runtime.end(at_once=True)
    await stand.runtime.ended(30)
    changes = stand.changes
    await asyncio.sleep(0)
    assert stand.changes == changes
    assert stand.runtime._timer is None or stand.runtime._timer.cancelled()


async def test_a_machine_that_is_about_to_sleep_waits_until_it_is_given_back(stand: Stand) -> None:
    await stand.lend()
    stand.runtime.report(Reading({"sleeping": True}))
    assert stand.runtime.lender.state is State.STOPPING
    await asyncio.wait_for(stand.runtime.given_back(), 30)
    assert stand.runtime.lender.state is State.KEPT


async def test_a_kept_machine_may_sleep_at_once(stand: Stand) -> None:
    stand.begin()
    await asyncio.wait_for(stand.runtime.given_back(), 30)


async def test_a_sense_without_news_is_a_reason_to_think_again() -> None:
    stand = Stand()
    stand.begin()
    stand.runtime.choose(Choice(Wish.LEND, time.time() + 3600))
    stand.owner_returns()
    changes = stand.changes
    stand.runtime.report(Reading({}))
    assert stand.changes > changes, "as when the clock was set"
