"""How many jobs a lent machine offers: what the owner allows, what the others leave, what the memory holds.

A number that follows every twitch of the load would be renewed with the registry at each sample, so the number offered
stays until the room has clearly changed:

* by load: it stays while the room is within `LOAD_BAND` of it. A machine that is free again offers everything.
* by memory: it falls at once, since a job too many swaps; it rises only if `MEMORY_BAND` of a job would be left over.
* by memory pressure: time that programs spend waiting for memory takes its share of the slots, as load does. What waits
  may well be the farm's own jobs: then there are too many of them.

A machine with memory for one job offers at least one slot: whether the load forbids lending is the policy's question.
"""

from __future__ import annotations

from farmhand.machine import Machine
from farmhand.settings import Settings

LOAD_BAND = 0.75
"""Slots by which the room must differ from the offer; more than half a slot, or rounding alone would flap."""

LOAD_BAND_SHARE = 0.05
"""The same as a share of all slots: one sample of a big machine's load is off by more than a slot."""

MEMORY_BAND = 0.25
"""Jobs whose memory must be left over before another slot is offered."""

PRESSURE_FREE, PRESSURE_FULL = 0.05, 0.5
"""Shares of time spent waiting for memory: up to the first nothing is taken away, at the second all but one slot is."""


def slots_for(
    settings: Settings,
    machine: Machine,
    others_cpu: float | None,
    free_memory_mib: int | None,
    offered: int = 0,
    memory_pressure: float | None = None,
) -> int:
    """Return how many slots this machine has for the farm.

    Args:
        settings: `slots`, `memory_per_job` and `memory_limit` count.
        machine: `cores` count unless the owner has set `slots`, which may be more; memory unless there is a limit.
        others_cpu: share of all cores, 0..1, that programs other than the farm's use; None counts as nothing.
        free_memory_mib: MiB that farm jobs could hold, running ones included; None counts as nothing.
        offered: slots offered now; 0 when none are.
        memory_pressure: share of time, 0..1, in which some program waited for memory; None counts as nothing.
    """
    if free_memory_mib is None:
        return 0
    ceiling = settings.slots or machine.cores
    calm = 1 - ((memory_pressure or 0.0) - PRESSURE_FREE) / (PRESSURE_FULL - PRESSURE_FREE)
    room = ceiling * (1 - (others_cpu or 0.0)) * min(1.0, max(0.0, calm))
    by_load = _settle_load(room, ceiling, offered)
    memory = min(free_memory_mib, memory_for_jobs(settings, machine))
    return min(by_load, _settle_memory(memory / settings.memory_per_job, offered))


def memory_for_jobs(settings: Settings, machine: Machine) -> int:
    """Return how many MiB all farm jobs together may hold: what the owner says, else three quarters of all."""
    return settings.memory_limit or machine.memory_mib * 3 // 4


def _settle_load(room: float, ceiling: int, offered: int) -> int:
    """Round `room` to slots, but stay at `offered` while that is near enough."""
    target = min(ceiling, max(1, int(room + 0.5)))
    band = max(LOAD_BAND, LOAD_BAND_SHARE * ceiling)
    near = abs(room - offered) <= band
    return offered if 0 < offered <= ceiling and near and target != ceiling else target


def _settle_memory(room: float, offered: int) -> int:
    """Round `room` down to slots, and rise above `offered` only with something left over."""
    return max(int(room - MEMORY_BAND), min(offered, int(room)), 0)
