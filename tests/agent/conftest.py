"""A gate for whoever wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fakes.gate_place import (
    KEY,
    LOOPBACK,
    QUICK,
    Open,
    Place,
)

from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Patience


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens gates and sees them gone."""
    async with AsyncExitStack() as stack:

        async def open_one(
            slots: int = 2,
            patience: Patience = QUICK,
            admission: Admission | None = None,
            host: str = "127.0.0.1",
        ) -> Place:
            place = Place(admission or Admission.of("desk", KEY, LOOPBACK), patience)
            stack.push_async_callback(place.reclaim)
            await place.gate.open(host, 0, slots)
            return place

        yield open_one


@pytest.fixture
async def place(opened: Open) -> Place:
    """A gate with two slots."""
    return await opened()
