"""What the faces of the agent are shown."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from fakes.agent_gate import FakeAgentGate
from fakes.farm import FakeFarm
from fakes.waiting import comes_true

from farmhand import __version__
from farmhand.lending.lender import State
from farmhand.lending.observation import Choice, Reading, Wish
from farmhand.links.boot import since_boot, slept
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand.wire.local import SenseView, Snapshot
from farmhand_agent import publish
from farmhand_agent.effects import Effects
from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.gate import Gate
from farmhand_agent.gate.jobs import Job
from farmhand_agent.runtime import Runtime

MACHINE = Machine("desk", cores=4, memory_mib=16384)
AWAY: dict[str, Any] = {
    "in_use": False,
    "screensaver": False,
    "others_cpu": 0.0,
    "free_memory_mib": 8192,
    "sandbox": "",
}
ANN = Client("ann@laptop", "ann", "laptop", "redis", 2, "g1")


class Parts:
    """The agent's parts, with a fake gate and a fake farm."""

    def __init__(self) -> None:
        self.gate, self.farm = FakeAgentGate(), FakeFarm()
        settings = Settings(slots=2, registry="http://hub:3680")
        self.runtime = Runtime(settings, MACHINE, Choice(), lambda: None)
        gate = cast(Gate, self.gate)
        self.effects = Effects(gate, ("127.0.0.1", 0), self.farm, MACHINE.cores, self.runtime.feed)
        self.senses: dict[str, SenseView] = {}

    def shown(self) -> Snapshot:
        clocks = time.time() - time.monotonic(), slept()
        return publish.snapshot(
            self.runtime, cast(Gate, self.gate), self.effects, self.farm, "bounded", self.senses, *clocks
        )

    async def lend(self) -> None:
        self.runtime.begin(self.effects)
        self.runtime.report(Reading({**AWAY, "idle_since": time.monotonic() - 10_000}))
        await comes_true(lambda: self.runtime.lender.state is State.LENT)


@pytest.fixture
async def parts() -> Parts:
    return Parts()


async def test_a_kept_machine_offers_nothing_and_says_why(parts: Parts) -> None:
    shown = parts.shown()
    assert (shown.version, shown.name, shown.state) == (__version__, "desk", "kept")
    assert (shown.slots, shown.gate, shown.jobs, shown.registry) == (0, "", (), "http://hub:3680")
    assert (shown.rule, shown.reason) == (parts.runtime.decision.rule, parts.runtime.decision.reason)
    assert (shown.reclaims, shown.last_reclaim_ms) == (0, None)


async def test_a_lent_machine_shows_where_how_much_and_what_runs(parts: Parts) -> None:
    await parts.lend()
    parts.gate.priority = "autogroup nice 19"
    job = Job(ANN, "gcc", "server.c", arrived=1.0, started=1.5, started_at=1_700_000_000.0)
    parts.gate.jobs.append(job)
    shown = parts.shown()
    assert (shown.state, shown.slots, shown.gate) == ("lent", 2, "127.0.0.1:40000")
    assert shown.jobs == (job.view(),)
    assert (shown.priority, shown.limits) == ("autogroup nice 19", "bounded")
    assert shown.since == parts.runtime.state_since


async def test_an_ipv6_gate_is_shown_with_brackets(parts: Parts) -> None:
    await parts.lend()
    parts.gate.address = ("::1", 3632)
    assert parts.shown().gate == "[::1]:3632"


async def test_the_owners_choice_is_shown(parts: Parts) -> None:
    until = round(time.time()) + 100.0
    parts.runtime.choose(Choice(Wish.KEEP, until))
    shown = parts.shown()
    assert (shown.wish, shown.wish_until) == ("keep", until)


async def test_when_a_span_ends_is_shown_by_the_clock_on_the_wall(parts: Parts) -> None:
    parts.runtime.choose(Choice(Wish.KEEP, ends=since_boot() + 100))
    shown = parts.shown().wish_until
    assert shown is not None
    assert abs(shown - (time.time() + 100)) < 30
    assert shown == round(shown, 1), "else it would change with every look"


async def test_when_lending_will_start_is_shown_by_the_clock_on_the_wall(parts: Parts) -> None:
    idle_since = time.monotonic() - 100
    parts.runtime.begin(parts.effects)
    parts.runtime.report(Reading({**AWAY, "in_use": True, "idle_since": idle_since}))
    lends_at = parts.shown().lends_at
    assert lends_at is not None
    assert abs(lends_at - (time.time() + 200)) < 30
    assert lends_at == round(lends_at, 1), "else it would change with every look"


async def test_trouble_with_the_registry_matters_only_while_it_should_know_us(parts: Parts) -> None:
    parts.farm.trouble = "nobody answers"
    assert parts.shown().registry_trouble == ""
    parts.runtime.begin(parts.effects)
    parts.runtime.report(Reading({**AWAY, "idle_since": time.monotonic() - 10_000}))
    await comes_true(lambda: parts.runtime.lender.state is State.JOINING)
    assert parts.shown().registry_trouble == "nobody answers"


async def test_what_keeps_the_machine_from_lending_is_shown(parts: Parts) -> None:
    parts.runtime.report(Reading({"sandbox": "bwrap is not installed"}))
    assert parts.shown().trouble == "bwrap is not installed"
    parts.effects.trouble = "the port is taken"
    assert parts.shown().trouble == "the port is taken"


async def test_the_senses_are_shown_by_their_questions(parts: Parts) -> None:
    views = {question: SenseView(question, "x") for question in ("screensaver", "input")}
    parts.senses = views
    assert parts.shown().senses == (views["input"], views["screensaver"])


async def test_whom_the_owner_keeps_out_is_shown_in_order(parts: Parts) -> None:
    parts.gate.admission = parts.gate.admission.block(["mallory", "eve@tower"])
    assert parts.shown().blocked == ("eve@tower", "mallory")


async def test_a_reclaim_is_shown_with_what_it_took(parts: Parts) -> None:
    await parts.lend()
    parts.runtime.choose(Choice(Wish.KEEP))
    await comes_true(lambda: parts.runtime.lender.state is State.KEPT)
    shown = parts.shown()
    assert shown.reclaims == 1
    assert shown.last_reclaim_ms is not None
    assert shown.last_reclaim_ms >= 0


async def test_every_rule_is_explained_and_one_decided(parts: Parts) -> None:
    parts.runtime.think()
    told = publish.explanation(parts.runtime)
    assert told.state == "kept"
    assert [rule.name for rule in told.rules] == [verdict.name for verdict in parts.runtime.decision.verdicts]
    assert [rule.name for rule in told.rules if rule.decided] == [parts.runtime.decision.rule]
