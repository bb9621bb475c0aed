"""Sources that must be asked report only what changes."""

from __future__ import annotations

import asyncio

import pytest
from fakes.listener import Listener

from farmhand_agent.sensors.polling import poll


class Gone(Exception):
    """The source has no more answers."""


async def answers(*idle: float) -> list[dict[str, float | bool | None]]:
    """Poll a source that gives these answers, one for each second."""
    heard, seconds = Listener(), iter(enumerate(idle))
    now = 1000.0

    def ask() -> float:
        nonlocal now
        for number, answer in seconds:
            now = 1000.0 + number
            return answer
        raise Gone

    with pytest.raises(Gone):
        await poll(ask, 0.001, 5.0, heard.report, lambda: now)
    await asyncio.sleep(0)
    return heard.readings


async def test_stages_are_reported_once() -> None:
    assert await answers(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.2, 0.1) == [
        {"in_use": True, "idle_since": None},
        {"in_use": True, "idle_since": 1000.0},
        {"in_use": False, "idle_since": 1000.0},
        {"in_use": True, "idle_since": None},
    ]


async def test_a_new_rest_between_two_questions_is_reported() -> None:
    assert await answers(4.0, 3.0, 4.0) == [
        {"in_use": True, "idle_since": 996.0},
        {"in_use": True, "idle_since": 998.0},
    ]


async def test_input_between_two_questions_while_away_moves_the_rest() -> None:
    assert [one["idle_since"] for one in await answers(50.0, 51.5, 5.0)] == [950.0, 997.0]
