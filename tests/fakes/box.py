"""A box without a sandbox: it comes up, answers and dies when the test says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from farmhand_agent.boxes.box import BoxGone


class FakeBox:
    """One box.

    Attributes:
        killed: how often it was told to end.
        inside: the far ends of the connections into it.
        frozen: whether it stands still.
        cpu, memory: what it says it has used and holds.
        deaf: whether it lets who connects wait for ever.
        fault: what connecting, counting and killing raise; None when they succeed.
    """

    priority = "as low as a fake can go"

    def __init__(self, dies_at_once: bool = True) -> None:
        """Come up; without `dies_at_once` a killed box lingers until `die` is called, as a busy kernel may let it."""
        self.killed = 0
        self.inside: list[socket.socket] = []
        self.cpu = 0.0
        self.memory = 0.0
        self.frozen = False
        self.deaf = False
        self.fault: OSError | None = None
        self._dies_at_once = dies_at_once
        self._dead = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether anything still runs in it."""
        return not self._dead.is_set()

    async def connect(self) -> socket.socket:
        """Return one end of a new connection; the other one is the last in `inside`.

        Raises:
            BoxGone: it has ended.
        """
        if self.killed or not self.alive:
            raise BoxGone("the fake box has ended")
        self._fail()
        if self.deaf:
            await asyncio.Event().wait()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.inside.append(theirs)
        return ours

    def freeze(self) -> None:
        """Stand still."""
        self.frozen = True

    def thaw(self) -> None:
        """Go on."""
        self.frozen = False

    def kill(self) -> None:
        """Begin to end."""
        self.killed += 1
        self._fail()
        if self._dies_at_once:
            self.die()

    def members(self) -> list[int]:
        """No process is in it."""
        return []

    def die(self) -> None:
        """End, whoever asked for it."""
        for one in self.inside:
            one.close()
        self._dead.set()

    async def gone(self) -> None:
        """Wait for the end."""
        await self._dead.wait()

    def cpu_seconds(self) -> float:
        """What `cpu` says; nothing when it has ended, as procfs would."""
        self._fail()
        return self.cpu if self.alive else 0.0

    def memory_mib(self) -> float:
        """What `memory` says; nothing when it has ended."""
        return self.memory if self.alive else 0.0

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


class BoxMaker:
    """Makes fake boxes, when the test lets it.

    Attributes:
        made: all boxes so far.
        starting: how many are just coming up.
        refuse: why no box can be made; "" when one can.
        make: makes one box.
        now: seconds on a clock for whoever wants it.
    """

    def __init__(self) -> None:
        self.made: list[FakeBox] = []
        self.starting = 0
        self.refuse = ""
        self.make: Callable[[], FakeBox] = FakeBox
        self.now = 0.0
        self._may = asyncio.Event()
        self._may.set()

    def hold(self) -> None:
        """From now on boxes keep coming up until `let_go`."""
        self._may.clear()

    def let_go(self) -> None:
        """Let boxes come up at once."""
        self._may.set()

    async def start(self) -> FakeBox:
        """Make one.

        Raises:
            BoxGone: `refuse` says why.
        """
        self.starting += 1
        try:
            await self._may.wait()
        finally:
            self.starting -= 1
        if self.refuse:
            raise BoxGone(self.refuse)
        self.made.append(self.make())
        return self.made[-1]
