"""A gate that opens, fails and ends when the test says so; what effects and runtime see of the real one."""

from __future__ import annotations

import asyncio

from farmhand_agent.gate.admission import Admission


class FakeAgentGate:
    """Opens without a port.

    Attributes:
        admission, address, slots, jobs, priority: see `Gate`.
        told: what it was told, in order: "open 2", "resize 1", "trim 1", "freeze", "thaw", "shut".
        refuse: the error with which opening and trimming fail; None when they work.
    """

    def __init__(self) -> None:
        self.admission = Admission("desk", bytes(32))
        self.address: tuple[str, int] | None = None
        self.slots = 0
        self.jobs: list[object] = []
        self.priority = ""
        self.told: list[str] = []
        self.refuse: Exception | None = None
        self._may_open = asyncio.Event()
        self._may_open.set()
        self._may_end = asyncio.Event()
        self._may_end.set()
        self._shut = False

    @property
    def occupied(self) -> bool:
        """Whether a job runs."""
        return bool(self.jobs)

    def hold_opening(self) -> None:
        """Keep coming up until `shut` or `let_open`."""
        self._may_open.clear()

    def let_open(self) -> None:
        """Come up at once."""
        self._may_open.set()

    def hold_ending(self) -> None:
        """Keep dying until `let_end`."""
        self._may_end.clear()

    def let_end(self) -> None:
        """Be gone at once."""
        self._may_end.set()

    async def open(self, host: str, port: int, slots: int) -> None:
        """Listen; raises what `refuse` says, and is cancelled by a `shut` as the real one is."""
        self.told.append(f"open {slots}")
        self._shut = False
        await self._may_open.wait()
        if self._shut:
            raise asyncio.CancelledError
        if self.refuse is not None:
            raise self.refuse
        self.address = (host, port or 40000)
        self.slots = slots

    def resize(self, slots: int) -> None:
        """Take note."""
        self.told.append(f"resize {slots}")
        self.slots = slots

    def trim(self, slots: int) -> int:
        """Cut the youngest jobs; raises what `refuse` says."""
        self.told.append(f"trim {slots}")
        if self.refuse is not None:
            raise self.refuse
        self.slots = slots
        cut = max(0, len(self.jobs) - slots)
        del self.jobs[slots:]
        return cut

    async def trimmed(self) -> None:
        """Wait until `let_end`."""
        await self._may_end.wait()

    def freeze(self) -> None:
        """Take note."""
        self.told.append("freeze")

    def thaw(self) -> None:
        """Take note."""
        self.told.append("thaw")

    def shut(self) -> None:
        """End everything."""
        self.told.append("shut")
        self.jobs.clear()
        self.address = None
        self._shut = True
        self._may_open.set()

    async def gone(self) -> None:
        """Wait until `let_end`."""
        await self._may_end.wait()
