"""Who has which box: one box for each client identity, until it has been without jobs for a while.

Somebody without jobs has fallen idle. Somebody with neither jobs nor a box is forgotten: names cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from farmhand_agent.boxes.any_box import AnyBox


@dataclass(slots=True, eq=False)
class Tenant:
    """What one identity has here.

    Attributes:
        jobs: running or waiting for their box.
        box: where its next job goes; None while it has none.
        lock: held while a box is being found.
        nap: ends the box after a time without jobs.
    """

    jobs: int = 0
    box: AnyBox | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    nap: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Let the box stay, or let it be ended by somebody else."""
        if self.nap is not None:
            self.nap.cancel()
            self.nap = None


class Tenants:
    """All who have a box or wait for one.

    Args:
        idle_after: seconds without a job after which a box ends.
        end: ends a box.
    """

    def __init__(self, idle_after: float, end: Callable[[AnyBox], None]) -> None:
        self._idle_after = idle_after
        self._end = end
        self._open = True
        self._by_name: dict[str, Tenant] = {}  # of those who are idle the longest so comes first

    def __len__(self) -> int:
        return len(self._by_name)

    def enter(self, identity: str) -> Tenant:
        """Note one more job."""
        tenant = self._by_name.setdefault(identity, Tenant())
        tenant.jobs += 1
        tenant.wake()
        return tenant

    def leave(self, identity: str, tenant: Tenant) -> None:
        """Note that a job is over: without another one the box ends in a while."""
        tenant.jobs -= 1
        if tenant.jobs or not self._open:
            return
        del self._by_name[identity]
        if tenant.box is not None:
            self._by_name[identity] = tenant  # behind all who were idle before
            tenant.nap = asyncio.get_running_loop().call_later(self._idle_after, self.dismiss, identity)

    def idle(self) -> Sequence[str]:
        """Who has a box without a job, the longest idle first."""
        return [name for name, one in self._by_name.items() if one.box is not None and not one.jobs]

    def dismiss(self, identity: str) -> None:
        """End the box of somebody who is idle."""
        tenant = self._by_name.pop(identity)
        tenant.wake()
        if tenant.box is not None:
            self._end(tenant.box)

    def evict(self, box: AnyBox) -> None:
        """Send no more jobs to a box."""
        for tenant in self._by_name.values():
            if tenant.box is box:
                tenant.box = None

    def close(self) -> None:
        """Forget everybody; boxes are somebody else's to end."""
        self._open = False
        for tenant in self._by_name.values():
            tenant.wake()
        self._by_name.clear()
