"""Parts of a real desktop die and return under all senses together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import pytest
from fakes.compositors import Compositor, KWin, Mutter, Sway
from fakes.mock_service import WHY_NOT

from farmhand_agent.sensors.base import SILENCE
from tests.whole.sense_faults import WITHIN, Desk, again_and_again, endure, sensing, wayland, x11

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


def under(kind: type[Compositor]) -> object:
    reason = kind.why_not()
    return pytest.param(
        partial(wayland, kind), id=kind.__name__, marks=pytest.mark.skipif(bool(reason), reason=reason or "")
    )


@pytest.mark.parametrize("desk", [pytest.param(x11, id="X11"), *map(under, (KWin, Sway, Mutter))])
async def test_what_returns_is_heard_again(desk: Callable[[], AbstractContextManager[Desk]]) -> None:
    with desk() as there:
        async with sensing(there) as heard:
            for part in there.parts:
                noticed, back = await endure(part, heard)
                assert noticed < SILENCE / 2, f"{part.name}: by its end, not by its silence"
                assert back < 3 * WITHIN, part.name


async def test_thirty_ends_among_losses_leave_nothing() -> None:
    with x11() as desk:
        base, after = await again_and_again(desk, rounds=25, warm_up=5)
    assert after.grown(base) == ""
