"""Grants: which build may claim slots, until when.

A grant is renewed by the driver of its build and ends by itself when the driver falls silent. Whoever knows its id may
renew or release it; the id is drawn at random and told to nobody but the driver and the gates it was sent to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from farmhand.scheduling.addresses import source_of
from farmhand.scheduling.deadlines import Deadlines

TTL = 15.0
"""Seconds a grant lives without being renewed."""

RENEW_IN = 2.0
"""Seconds between two renewals."""

MAX_GRANTS = 256
"""Grants that may live at once: so many share 8,000 slots in about 50 ms."""

MAX_GRANTS_EACH = 64
"""Grants that may live at once for one source: a machine that asks and asks leaves room for the others."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One build's claim.

    Attributes:
        id: unique and not to be guessed.
        user, project: who builds what.
        host: name of the machine that builds.
        address: where it asked from.
        want: slots it could use now.
        toolchains: fingerprints it needs; empty: any host will do.
        ends: seconds, when the grant ends unless it is renewed.
    """

    id: str
    user: str
    project: str
    host: str
    address: str
    want: int
    toolchains: frozenset[str]
    ends: float


class Grants:
    """All living grants, the oldest first."""

    def __init__(self) -> None:
        self.living: dict[str, Grant] = {}
        self._ends = Deadlines()

    def has_room_for(self, address: str) -> bool:
        """Tell whether one more grant for `address` would be within the limits."""
        source = source_of(address)
        held = sum(1 for grant in self.living.values() if source_of(grant.address) == source)
        return held < MAX_GRANTS_EACH and len(self.living) < MAX_GRANTS

    @property
    def wake_at(self) -> float | None:
        """When a grant may end, in seconds; None: there is none."""
        return self._ends.wake_at

    def open(self, grant: Grant) -> None:
        """Let a new grant live until its end."""
        self.living[grant.id] = grant
        self._ends.put(grant.id, grant.ends)

    def renew(self, id: str, want: int, now: float) -> Grant | None:
        """Let a grant live on and want `want` slots; None when it has ended."""
        held = self.living.get(id)
        if held is None:
            return None
        renewed = replace(held, want=want, ends=now + TTL)
        self.open(renewed)
        return renewed

    def release(self, id: str) -> Grant | None:
        """End a grant; None when it had ended already."""
        self._ends.drop(id)
        return self.living.pop(id, None)

    def expire(self, now: float) -> list[Grant]:
        """Take out and return what nobody renewed in time."""
        return [self.living.pop(id) for id in self._ends.due(now)]
