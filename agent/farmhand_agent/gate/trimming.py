"""Which boxes stay when the owner comes back to a machine of which the farm may keep a few slots. Pure.

A job cannot be ended for sure without its box, and with the box go all jobs of its client. So jobs stay by boxes: from
the oldest job on, each box that fits whole into the slots that are left. Every other box is to be killed, idle ones
too, for nobody knows what jobs have left in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

Box = TypeVar("Box")


def who_stays(jobs: Sequence[Box | None], slots: int) -> frozenset[Box]:
    """Return the boxes that stay.

    Args:
        jobs: the box of each running job, oldest first; None for one whose box is still coming up: it does not stay.
        slots: how many jobs may run on.
    """
    stay: set[Box] = set()
    for box, held in Counter(jobs).items():  # in the order of their oldest jobs
        if box is not None and held <= slots:
            stay.add(box)
            slots -= held
    return frozenset(stay)
