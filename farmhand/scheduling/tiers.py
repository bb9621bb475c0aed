"""How fast one slot of a host is, and which hosts are about equally fast.

Effective speed = power index x share of the machine that its owner leaves free. Measured shares flicker; a host changes
its tier only when it has left it clearly, so that flicker moves no slot from one build to another.
"""

from __future__ import annotations

import math

STEP = 1.25
"""A tier is this many times as fast as the one below."""

SLACK = 0.75
"""A host keeps its tier until it is this many tiers away from the tier's middle; 0.5 would be none to spare."""

LEAST_SPEED = 0.05
"""A host that lends is never worth nothing, or its slots could not be weighed against others."""


def effective_speed(power_index: float, others_cpu: float) -> float:
    """How fast one slot is now.

    Args:
        power_index: how fast the host compiles when nobody else uses it; 1.0 until measured.
        others_cpu: share of all its cores, 0..1, that the owner's programs use.
    """
    return max(power_index * (1.0 - others_cpu), LEAST_SPEED)


def tier(speed: float, last: int | None = None) -> int:
    """The tier of a host, higher for a faster one; 0 is the tier of speed 1.0.

    Args:
        speed: its effective speed, above 0.
        last: the tier it was in before; None: a new host.
    """
    position = math.log(speed, STEP)
    if last is not None and abs(position - last) <= SLACK:
        return last
    return round(position)


def tier_speed(tier: int) -> float:
    """The speed that stands for all hosts of a tier."""
    return STEP**tier
