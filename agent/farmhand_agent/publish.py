"""What the faces of the agent may show, drawn from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from farmhand import __version__
from farmhand.lending.lender import State
from farmhand.lending.observation import Return
from farmhand.machine import join_address
from farmhand.wire.local import Explanation, RuleView, SenseView, Snapshot
from farmhand_agent.effects import Effects
from farmhand_agent.farm import Farm
from farmhand_agent.gate.gate import Gate
from farmhand_agent.runtime import Runtime

_TAKING_JOBS = (State.JOINING, State.LENT)


def snapshot(
    runtime: Runtime,
    gate: Gate,
    effects: Effects,
    farm: Farm,
    limits: str,
    senses: Mapping[str, SenseView],
    clock_gap: float,
    slept: float,
) -> Snapshot:
    """Gather everything that a tray or a status line shows.

    Args:
        runtime, gate, effects, farm: the agent's parts.
        limits: in words, what all jobs together may hold.
        senses: which source answers which question.
        clock_gap: Unix time less monotonic time, in seconds.
        slept: seconds for which the machine has slept since it started.
    """
    decision, choice, state = runtime.decision, runtime.seen.choice, runtime.lender.state
    return Snapshot(
        version=__version__,
        name=runtime.machine.name,
        state=state.value,
        since=runtime.state_since,
        rule=decision.rule,
        reason=decision.reason,
        wish=choice.wish.value,
        wish_until=_unix(choice.ends_at(clock_gap, slept), clock_gap),
        until_back=choice.back is not Return.NOT_AWAITED,
        lends_at=_unix(decision.lends_at, clock_gap),
        slots=gate.slots if state in _TAKING_JOBS else 0,
        jobs=tuple(job.view() for job in gate.jobs),
        last_reclaim_ms=effects.last_reclaim_ms,
        reclaims=effects.reclaims,
        registry=runtime.settings.registry,
        registry_trouble=farm.trouble if state in _TAKING_JOBS else "",
        trouble=effects.trouble or runtime.seen.sandbox or "",
        gate="" if gate.address is None else join_address(*gate.address),
        senses=tuple(senses[question] for question in sorted(senses)),
        priority=gate.priority,
        limits=limits,
        blocked=tuple(sorted(gate.admission.blocked)),
        reclaim_p50_ms=effects.reclaim_p50_ms,
        reclaim_p99_ms=effects.reclaim_p99_ms,
    )


def _unix(at: float | None, clock_gap: float) -> float | None:
    """Unix seconds, as of the clock now; rounded, for else they would differ a little with each look."""
    return None if at is None else round(at + clock_gap, 1)


def explanation(runtime: Runtime) -> Explanation:
    """Every rule as it stood at the latest decision."""
    rules = tuple(RuleView(**asdict(verdict)) for verdict in runtime.decision.verdicts)
    return Explanation(state=runtime.lender.state.value, rules=rules)
