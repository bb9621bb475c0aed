"""What all boxes together may hold, and by which means that is ensured here. Told in words, for the owner to see.

In order: a scope from the systemd that serves this user; without systemd, a group below our own if that is ours; else
none. Whatever of it is missing, a box keeps its rlimits, and the memory of its processes is bounded one by one.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from farmhand_agent.limits import cgroup, scope
from farmhand_agent.limits.cgroup import Cgroup
from farmhand_agent.limits.enclosure import AnyCell, Enclosure, NoCell
from farmhand_agent.limits.guardian import Guardian
from farmhand_agent.traces import processes
from farmhand_agent.traces.leftovers import Identity

NO_TREE = "this kernel has no control groups of version 2"
NO_MANAGER = "your systemd cannot be reached; log in on this machine, or say `loginctl enable-linger`"
OUTSIDE = "only beside what your systemd runs, and as an equal beside this session, which it does not"

_log = logging.getLogger("farmhand.agent")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much all boxes together may hold.

    Attributes:
        memory_mib: memory, files in memory included.
        processes: processes and threads.
    """

    memory_mib: int
    processes: int


class Remains(msgspec.Struct, frozen=True):
    """A control group, told apart from every other one.

    Attributes:
        folder: where.
        inode: the kernel's number for it, never used again.
    """

    folder: str
    inode: int


class _File(msgspec.Struct, frozen=True):
    groups: tuple[Remains, ...]


class Limits:
    """The control group round all boxes while the agent runs, if there can be one, and the guardian.

    Args:
        bounds: the owner's.
        record: a file that names the groups that are not gone yet for the next life of this agent.
        environ: of the session.
        proc, run: where procfs and /run are.
        root: whether to ask the machine's own systemd.
        life: names the group; None: by a number that no other agent has, as it may have our pid in another namespace.
    """

    def __init__(
        self,
        bounds: Bounds,
        record: Path,
        environ: Mapping[str, str] = os.environ,
        proc: Path = Path("/proc"),
        run: Path = Path("/run"),
        root: bool | None = None,
        life: str | None = None,
    ) -> None:
        self._bounds = bounds
        self._record = record
        self._environ = environ
        self._proc = proc
        self._run = run
        self._root = os.geteuid() == 0 if root is None else root
        self._life = life or f"{os.getpid()}-{secrets.token_hex(4)}"
        self._remains: tuple[Remains, ...] = ()  # of earlier lives, and could not be removed
        self._enclosure: Enclosure | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self._boxes: set[Identity] = set()
        self._why_none = ""

    async def establish(self) -> None:
        """Remove what an earlier life left, get the group, start the guardian. May be repeated."""
        await self._clear_remains()
        if self._guardian is not None:
            self._guardian.remove(self._boxes)  # else it would end them
        await self._end_helpers()
        try:
            self._enclosure = await self._enclose()
        except (scope.NoScope, OSError) as wrong:
            self._enclosure, self._why_none = None, str(wrong)
            await self._end_helpers()
        else:
            self._why_none = ""
            self._keep_record(*self._remains, _remains_of(self._enclosure.top))
            self._bound()
        self._guardian = Guardian(self._enclosure.top.folder if self._enclosure else None)
        self._guardian.add(self._boxes)
        _log.info("limits of jobs: %s", self.told)

    def adopt(self, bounds: Bounds) -> None:
        """Go by other bounds from now on; running processes keep what only rlimits gave them."""
        self._bounds = bounds
        self._bound()

    @property
    def counted(self) -> bool:
        """Whether the kernel holds all boxes together to their memory."""
        return self._enclosure is not None and "memory" not in self._enclosure.missing

    def process_mib(self, cell: AnyCell) -> int:
        """Memory in MiB to which one process in a cell is to be held; 0 where the kernel holds all together to it."""
        return 0 if self.counted and not isinstance(cell, NoCell) else self._bounds.memory_mib

    @property
    def memory_mib(self) -> int:
        """Memory in MiB that all boxes together may hold."""
        return self._bounds.memory_mib

    @property
    def told(self) -> str:
        """In words, what is bounded by what, and what would be better."""
        memory, enclosure = f"{self._bounds.memory_mib} MiB of memory", self._enclosure
        if enclosure is None:
            return f"{memory} for each process only: {self._why_none}"
        if not self.counted:
            missing = ", ".join(enclosure.missing)
            return f"{memory} for each process only: the control group has no controllers for {missing}"
        held = memory if "pids" in enclosure.missing else f"{memory} and {self._bounds.processes} processes"
        return f"{held} for all jobs together, by a control group"

    async def cell(self) -> AnyCell:
        """Make a cell for one box, in a new group if somebody has removed ours."""
        if self._enclosure is not None and not self._enclosure.there:
            _log.warning("the control group of the boxes has been removed; asking for another")
            await self.establish()
        if self._enclosure is not None:
            try:
                return self._enclosure.cell()
            except OSError as wrong:
                _log.warning("a box gets no control group: %s", wrong)
        return NoCell()

    def guard(self, boxes: Iterable[Identity]) -> None:
        """Let these processes end with the agent, whatever ends it."""
        self._boxes |= set(boxes)
        if self._guardian is not None:
            self._guardian.add(boxes)

    def forget(self, boxes: Iterable[Identity]) -> None:
        """Forget processes that have ended."""
        self._boxes -= set(boxes)
        if self._guardian is not None:
            self._guardian.remove(boxes)

    async def close(self) -> None:
        """Remove the group; to be called when nothing is left in it but its keeper."""
        if self._enclosure is not None:
            self._enclosure.top.hasten()
        await self._end_helpers()
        if self._enclosure is not None:
            if await self._enclosure.top.gone():
                self._keep_record(*self._remains)
            self._enclosure = None

    async def _enclose(self) -> Enclosure:
        """Get a group of our own.

        Raises:
            NoScope: systemd gives none.
            OSError: none can be made; the message says why, for the owner.
        """
        tree, own = cgroup.tree(self._proc), cgroup.path_of("self", self._proc)
        if tree is None or own is None:
            raise OSError(NO_TREE)
        if not scope.runs_systemd(self._run):
            place = Cgroup(tree / own.lstrip("/"))
            try:
                return Enclosure(place.child(f"farmhand-{self._life}"))
            except OSError as wrong:
                raise OSError(f"the control group {own} is not this user's ({wrong.strerror})") from None
        address, name = scope.manager_bus(self._environ, self._root), f"farmhand-boxes-{self._life}.scope"
        if not address:
            raise OSError(NO_MANAGER)
        self._keeper = _start_keeper()
        await scope.open_scope(address, name, self._keeper.pid)
        top = Cgroup(tree / (cgroup.path_of(self._keeper.pid, self._proc) or "/").lstrip("/"))
        if top.folder.name != name:
            raise OSError(f"systemd has put its scope into another place than {name}")
        top.child("keeper").enter(self._keeper.pid)
        outside = not self._root and "/session-" in own
        return Enclosure(top, functools.partial(scope.attach, address, name), OUTSIDE if outside else "")

    def _bound(self) -> None:
        if self._enclosure is not None:
            self._enclosure.bound(self._bounds.memory_mib, self._bounds.processes)

    async def _end_helpers(self) -> None:
        if self._guardian is not None:
            await self._guardian.dismiss()
            self._guardian = None
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            await processes.ended(self._keeper)
            self._keeper = None

    def _keep_record(self, *groups: Remains) -> None:
        if not groups:
            self._record.unlink(missing_ok=True)
            return
        fresh = self._record.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(_File(groups)))
        fresh.replace(self._record)

    async def _clear_remains(self) -> None:
        """End and remove the groups of earlier lives that still are those very ones; remember what stays all the same.

        The guardian removes them as a rule; but what ends a whole container or pid namespace ends it, too.
        """
        left: tuple[Remains, ...] = ()
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):  # a damaged file names nothing for certain
            left = msgspec.json.decode(self._record.read_bytes(), type=_File).groups
        self._remains = tuple([one for one in left if not await _end(one)])
        self._keep_record(*self._remains)


def _remains_of(top: Cgroup) -> Remains:
    return Remains(str(top.folder), top.folder.stat().st_ino)


async def _end(left: Remains) -> bool:
    """End and remove a group if it still is that very one; returns whether it is gone."""
    group = Cgroup(Path(left.folder))
    try:
        if group.folder.stat().st_ino != left.inode:
            return True
    except FileNotFoundError:
        return True
    _log.warning("an earlier life of this agent had left the control group %s; it is removed", left.folder)
    group.hasten()
    group.kill()
    return await group.gone()


def _start_keeper() -> subprocess.Popen[bytes]:
    """Start a process that does nothing until this one has ended: a scope needs one."""
    nothing = subprocess.DEVNULL
    words = ["sh", "-c", "trap '' HUP INT; read -r _", "farmhand-keeper"]
    return subprocess.Popen[bytes](
        words,
        stdin=subprocess.PIPE,
        stdout=nothing,
        stderr=nothing,
        start_new_session=True,
        env=processes.bare_environment(),
        cwd="/",
    )
