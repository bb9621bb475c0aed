"""The build driver's brain: every compile gets the best slot that is free at that moment.

Jobs are served in the order in which they came. A job that lost its host keeps its place, so it is the next to be
placed; after two lost hosts, or when a host's compiler refused it, only this machine may compile it. So it is while no
host has its toolchain: it waits for none. The way of a job is the table in `jobs`.

A host may be dead although its connections live: stopped, hung, behind a proxy. So a job whose host the registry has
not listed for `UNLISTED` seconds counts as lost. A host that only wants no new jobs leaves the list, too; there that
time is what a job has left to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from farmhand.dispatch.jobs import (
    AWAY,
    ON_EVENT,
    ON_HERE,
    ON_HOST,
    Cancel,
    Effect,
    Event,
    GiveUp,
    Here,
    HostsChanged,
    JobArrived,
    JobDone,
    JobEvent,
    JobFailed,
    JobGone,
    JobLost,
    JobState,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.placement import (
    Standing,
    any_usable,
    better_here,
    choose,
    fits,
    lacking,
    lose,
    next_chance,
    renew,
    succeed,
    without_own,
)
from farmhand.dispatch.tally import Tally

UNLISTED = 10.0
"""Seconds after which a job is taken from a host that is not listed any more."""


@dataclass(slots=True)
class _Job:
    """One compile; `host` is where it is or was last, "" for this machine or nowhere yet.

    `overdue_at` is the time at which it is taken from a host that is not listed; None while it is.
    """

    number: int
    runs_here: bool
    needs: str = ""
    state: JobState = JobState.QUEUED
    host: str = ""
    refused_by: str = ""
    losses: int = 0
    lacked: str = ""
    overdue_at: float | None = None


@dataclass
class Dispatcher:
    """Decides; never does. Feed it events, carry out the effects it returns.

    Attributes:
        here: the machine that builds.
        tally: what became of the jobs so far.
        wake_at: when it wants to be woken; None: only another event can change anything.
    """

    here: Here
    tally: Tally = field(default_factory=Tally)
    wake_at: float | None = None
    _jobs: dict[int, _Job] = field(default_factory=dict[int, _Job])
    _hosts: dict[str, Standing] = field(default_factory=dict[str, Standing])

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in at time `now` (seconds, any origin); return what to do about it, in order."""
        effects: list[Effect] = []
        if isinstance(event, JobArrived):
            self._jobs[event.job] = _Job(event.job, event.runs_here, event.needs)
        elif isinstance(event, HostsChanged):
            others, self.here = without_own(event.hosts, self.here)
            known = self._hosts
            self._hosts = {host.name: renew(known.get(host.name, Standing(host)), host, now) for host in others}
            self._set_deadlines(now)
        elif not isinstance(event, Woke):
            effects += self._move(event, now)
        effects += self._take_overdue(now)
        effects += self._place(now)
        self.wake_at = self._next_time(now)
        return effects

    @property
    def jobs(self) -> int:
        """Compiles that wait or run."""
        return len(self._jobs)

    def _move(self, event: JobEvent, now: float) -> list[Effect]:
        job = self._jobs.get(event.job)
        target = ON_EVENT.get((job.state, type(event))) if job else None
        if job is None or target is None:
            return []
        source, job.state, job.overdue_at = job.state, target, None
        if isinstance(event, JobDone):
            self._finish(job, event, now)
        elif isinstance(event, JobFailed):
            job.refused_by = job.host
        elif isinstance(event, JobLost) and source in AWAY:
            job.losses += 1
            self.tally.losses += 1
            self._judge(job.host, lambda host: lose(host, now))
        if target is not JobState.ENDED:
            return []
        del self._jobs[job.number]
        if isinstance(event, JobLost):
            return [self._give_up(job)]
        return [Cancel(job.number)] if isinstance(event, JobGone) and source not in ON_HERE else []

    def _set_deadlines(self, now: float) -> None:
        """Give the jobs of hosts that are not listed any more a time by which they must have ended."""
        for job in self._jobs.values():
            if job.state not in AWAY or job.host in self._hosts:
                job.overdue_at = None
            elif job.overdue_at is None:
                job.overdue_at = now + UNLISTED

    def _take_overdue(self, now: float) -> list[Effect]:
        """Take jobs from hosts that have not been listed for too long."""
        effects: list[Effect] = []
        for job in self._jobs.values():
            if job.overdue_at is not None and now >= job.overdue_at:
                effects.append(Cancel(job.number))
                self._move(JobLost(job.number), now)
        return effects

    def _next_time(self, now: float) -> float | None:
        times = [job.overdue_at for job in self._jobs.values() if job.overdue_at is not None]
        if self._jobs and (chance := next_chance(self._hosts.values(), now)) is not None:
            times.append(chance)
        return min(times, default=None)

    def _finish(self, job: _Job, event: JobDone, now: float) -> None:
        """Count a compiled file, and judge the host that did it or that was wrong about it."""
        self.tally.count(job.host, job.losses, job.lacked)
        if event.good:
            self._judge(job.host, succeed)
            self._judge(job.refused_by, lambda host: lose(host, now))

    def _give_up(self, job: _Job) -> GiveUp:
        self.tally.count("", job.losses, job.lacked)
        return GiveUp(job.number)

    def _lacked(self, job: _Job) -> str:
        return job.needs if lacking(self._hosts.values(), job.needs) else ""

    def _judge(self, name: str, verdict: Callable[[Standing], Standing]) -> None:
        """Think anew of a host, if it is still there."""
        if name in self._hosts:
            self._hosts[name] = verdict(self._hosts[name])

    def _place(self, now: float) -> list[Effect]:
        """Give every waiting job the best slot that is left for it."""
        effects: list[Effect] = []
        used = Counter(job.host for job in self._jobs.values() if job.state not in ON_HERE)
        fitting: dict[str, list[Standing]] = {}
        for job in [job for job in self._jobs.values() if job.state in ON_HERE]:
            if job.needs not in fitting:
                fitting[job.needs] = [one for one in self._hosts.values() if fits(one.host, job.needs)]
            effects += self._place_one(job, fitting[job.needs], used, now)
        return effects

    def _place_one(self, job: _Job, hosts: Sequence[Standing], used: Counter[str], now: float) -> list[Effect]:
        """Place one job if a slot is free.

        Args:
            job: it waits.
            hosts: those with its toolchain.
            used: slots taken by host name, "" for this machine.
            now: the time.
        """
        only_here = job.state not in ON_HOST or not any_usable(hosts, now)
        other = None if only_here else choose(hosts, used, now)
        slots = max(self.here.slots, self.here.reserve) if only_here else self.here.slots
        if only_here and not job.runs_here:
            del self._jobs[job.number]
            job.lacked = self._lacked(job)
            return [self._give_up(job)]
        if job.runs_here and used[""] < slots and better_here(self.here, other):
            job.state, job.host, job.lacked = ON_HERE[job.state], "", self._lacked(job)
            used[""] += 1
            return [PlaceHere(job.number)]
        if other is not None:
            job.state, job.host = ON_HOST[job.state], other.host.name
            used[other.host.name] += 1
            return [Place(job.number, other.host)]
        return []
