"""A desk at one moment, its owner away, there, resting or behind a lock; and what the policy says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from farmhand.lending.events import Urge, Want
from farmhand.lending.observation import Choice, Observation, Wish
from farmhand.lending.policy import Decision, decide
from farmhand.machine import Machine
from farmhand.settings import Settings

NOW, WALL = 10_000.0, 1_800_000_000.0
OTHER_HOURS = "18:00-06:00"
"""Of `WALL`, friday the 15th of january 2027, 08:00 in Greenwich."""
MACHINE = Machine("anna-desk", cores=8, memory_mib=16384)
AWAY = Observation(
    in_use=False, idle_since=NOW - 600, screensaver=False, others_cpu=0.02, free_memory_mib=12000, sandbox=""
)
THERE = replace(AWAY, in_use=True, idle_since=None)
RESTING = replace(AWAY, in_use=True, idle_since=NOW - 100)
LOCKED = replace(RESTING, idle_since=NOW - 5, screensaver=True, screensaver_since=NOW - 5)


def judge(seen: Observation, *, lending: bool = False, offered: int = 0, now: float = NOW, **settings: Any) -> Decision:
    return decide(seen, Settings(**settings), MACHINE, now, WALL + now - NOW, lending, offered)


def choosing(seen: Observation, wish: Wish, until: float | None = None) -> Observation:
    return replace(seen, choice=Choice(wish, until))


KEEP, KEEP_NOW, LEND = Want(Urge.KEEP), Want(Urge.KEEP_NOW), Want(Urge.LEND, 8)
MINE = {"calendar": ("/home/ann/mine.ics",)}
