"""What several places say about the owner's hands, made into one answer. Pure.

1. Hands at one place are enough; away is who is away from all of them.
2. A place that cannot tell may hide hands: without hands elsewhere nothing is known.
3. A touch is in doubt only while it is the only sign of the owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from farmhand.lending.observation import Reading

NEVER = 0.0
"""The last input, in monotonic seconds, where there never was any."""

NOBODY = Reading({"in_use": False, "idle_since": NEVER})
"""A place without hands."""


def any_hands(says: Sequence[Mapping[str, Any]]) -> Reading:
    """Merge what places say, each by the fields of an observation `in_use`, `idle_since` and `touched_once_at`."""
    there = [one for one in says if one["in_use"]]
    rests = [one["idle_since"] for one in says]
    doubts = [one["touched_once_at"] for one in there if one.get("touched_once_at") is not None]
    return Reading(
        {
            "in_use": True if there else None if any(one["in_use"] is None for one in says) else False,
            "idle_since": None if None in rests else max(rests, default=NEVER),
            "touched_once_at": min(doubts) if doubts and len(doubts) == len(there) else None,
        }
    )
