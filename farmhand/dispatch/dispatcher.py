"""The build driver's brain: every compile gets the best slot that is free at that moment.

Jobs are served in the order in which they came. A job that cannot leave this machine waits for a slot here. One that
can is preprocessed while it waits, if a host could take it; until that is done it may start here, but not elsewhere.
It does so when older jobs will take all slots elsewhere. A job that lost its host keeps its place, so it is the next to
be placed; after two lost hosts, or when a compiler elsewhere had something to say, the compiler itself runs here. So it
is while no host has the job's toolchain: it waits for none. The way of a job is the table in `jobs`.

A job that takes long races: a second copy runs elsewhere, the first good answer counts, and the other copy is stopped.
`racing` holds when. A job that has lost a host races on this machine only, and there the slots of what no host can do
are open to a late job, too.

A job on which two hosts hang up says nothing about them: no host takes such a request.

A host may be dead although its connections live: stopped, hung, behind a proxy. So a job whose host the registry has
not listed for `UNLISTED` seconds counts as lost. A host that only wants no new jobs leaves the list, too; there that
time is what a job has left to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from farmhand.dispatch.jobs import (
    IDLE,
    ON_EVENT,
    ON_HERE,
    ON_HOST,
    ON_RACE,
    ON_RACE_HERE,
    RACING,
    Cancel,
    CopyHere,
    Effect,
    Event,
    Here,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobEvent,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    JobReady,
    JobState,
    JobStays,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.placement import (
    Fault,
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
from farmhand.dispatch.racing import Usual
from farmhand.dispatch.record import Copy, DispatchedJob
from farmhand.dispatch.tally import Tally

UNLISTED = 10.0
"""Seconds after which a job is taken from a host that is not listed any more."""


@dataclass
class Dispatcher:
    """Decides; never does. Feed it events, carry out the effects it returns.

    Attributes:
        here: the machine that builds.
        tally: what became of the jobs so far.
        usual: how long they took.
        wake_at: when it wants to be woken; None: only another event can change anything.
    """

    here: Here
    tally: Tally = field(default_factory=Tally)
    usual: Usual = field(default_factory=Usual)
    wake_at: float | None = None
    _jobs: dict[int, DispatchedJob] = field(default_factory=dict[int, DispatchedJob])
    _hosts: dict[str, Standing] = field(default_factory=dict[str, Standing])

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in at time `now` (seconds, any origin); return what to do about it, in order."""
        effects: list[Effect] = []
        if isinstance(event, JobArrived):
            state = JobState.PREPARING if event.leaves else JobState.QUEUED_HERE
            is_file = event.leaves or bool(event.kept)
            self._jobs[event.job] = DispatchedJob(event.job, event.needs, state, event.kept, is_file)
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

    @property
    def demand(self) -> int:
        """Those of them that may leave, before or after this one: how many slots the build could use."""
        return sum(job.is_file and not job.kept for job in self._jobs.values())

    def unprepared(self, now: float) -> list[int]:
        """The jobs that some host could take once they are preprocessed; without such a host that would be for nothing.

        Args:
            now: the time in seconds, of the clock that `handle` is told.
        """
        waiting = [job for job in self._jobs.values() if job.state is JobState.PREPARING]
        usable = {needs: any_usable(self._fitting(needs), now) for needs in {job.needs for job in waiting}}
        return [job.number for job in waiting if usable[job.needs]]

    def _fitting(self, needs: str) -> list[Standing]:
        """The hosts that have a toolchain."""
        return [one for one in self._hosts.values() if fits(one.host, needs)]

    def _move(self, event: JobEvent, now: float) -> list[Effect]:
        """Take a job on its way; what is said of a copy that does not run changes nothing."""
        job = self._jobs.get(event.job)
        target = ON_EVENT.get((job.state, type(event))) if job else None
        if job is None or target is None:
            return []
        if isinstance(event, JobStays):
            job.kept = event.kept
        if isinstance(event, JobReady | JobStays | JobGone):
            return self._enter(job, target)
        if event.host not in job.copies:
            return []
        match event:
            case JobDone():
                self._finish(job, event, now)
            case JobFailed():
                self._take_failure(job, event, now)
            case JobLost():
                self._lose(job, event, now)
            case JobNotHere():
                job.copies_here = False
            case _:
                assert_never(event)
        del job.copies[event.host]
        return self._enter(job, target)

    def _take_failure(self, job: DispatchedJob, event: JobFailed, now: float) -> None:
        """Doubt the host that made no object; what was only talkative did its work."""
        if event.refused:
            job.refused_by = event.host
        else:
            job.has_messages = bool(event.host)
            self._credit(job, event.host, now)

    def _lose(self, job: DispatchedJob, event: JobLost, now: float) -> None:
        """Count a lost copy; judge its host, unless the job is one on which hosts hang up."""
        job.losses += 1
        self.tally.losses += 1
        if event.hung_up and job.hung_up_by:
            self._judge(job.hung_up_by, succeed)
            return
        job.hung_up_by = event.host if event.hung_up else ""
        self._judge(event.host, lambda host: lose(host, now))

    def _enter(self, job: DispatchedJob, state: JobState) -> list[Effect]:
        """Bring a job to a state; return what stops the copies that it has there no more."""
        job.state = state
        if state is JobState.ENDED:
            del self._jobs[job.number]
        if state not in IDLE:
            return []
        left, job.copies = job.copies, {}
        return [Cancel(job.number, host) for host in left]

    def _finish(self, job: DispatchedJob, event: JobDone, now: float) -> None:
        """Count a compiled file, and judge the hosts that did it or were wrong about it."""
        if job.is_file:
            self.tally.count(event.host, job.losses, job.lacked, job.kept)
        self.tally.won += event.host != next(iter(job.copies))
        self.tally.repeated += job.has_messages
        if event.good:
            self._credit(job, event.host, now)
            self._judge(job.refused_by, lambda host: lose(host, now))

    def _credit(self, job: DispatchedJob, name: str, now: float) -> None:
        """Trust the host that made an object, learn from it what is usual, and shun those that hung meanwhile."""
        copy = job.copies[name]
        for host, other in job.copies.items():
            if other.since < copy.since and now - other.since >= self.usual.late_after(other.speed):
                self._judge(host, lambda one: lose(one, now, Fault.HUNG))
        self.usual.note(now - copy.since, copy.speed)
        self._judge(name, succeed)

    def _set_deadlines(self, now: float) -> None:
        """Give what runs on hosts that are not listed any more a time by which it must have ended."""
        for job in self._jobs.values():
            for host, copy in job.copies.items():
                if not host or host in self._hosts:
                    copy.overdue_at = None
                elif copy.overdue_at is None:
                    copy.overdue_at = now + UNLISTED

    def _take_overdue(self, now: float) -> list[Effect]:
        """Take jobs from hosts that have not been listed for too long."""
        effects: list[Effect] = []
        overdue = [
            (job.number, host)
            for job in self._jobs.values()
            for host, copy in job.copies.items()
            if copy.overdue_at is not None and now >= copy.overdue_at
        ]
        for number, host in overdue:
            effects.append(Cancel(number, host))
            effects += self._move(JobLost(number, host), now)
        return effects

    def _next_time(self, now: float) -> float | None:
        """When something changes without an event: a copy is overdue, slow or late, a shunned host has its chance."""
        copies = [copy for job in self._jobs.values() for copy in job.copies.values()]
        times = [copy.overdue_at for copy in copies if copy.overdue_at is not None]
        racing = [job.latest for job in self._jobs.values() if job.state in ON_RACE_HERE]
        fastest = max([self.here.speed, *(one.host.speed for one in self._hosts.values())])
        for copy in racing:
            waits = self.usual.slow_after(max(copy.speed, fastest)), self.usual.late_after(copy.speed)
            times += [copy.since + wait for wait in waits if copy.since + wait > now]
        if self._jobs and (chance := next_chance(self._hosts.values(), now)) is not None:
            times.append(chance)
        return min(times, default=None)

    def _lacked(self, job: DispatchedJob) -> str:
        return job.needs if lacking(self._hosts.values(), job.needs) else ""

    def _judge(self, name: str, verdict: Callable[[Standing], Standing]) -> None:
        """Think anew of a host, if it is still there."""
        if name in self._hosts:
            self._hosts[name] = verdict(self._hosts[name])

    def _place(self, now: float) -> list[Effect]:
        """Give every waiting job, and every job that takes too long, the best slot that is left for it."""
        effects: list[Effect] = []
        used = Counter(host for job in self._jobs.values() for host in job.copies)
        fitting: dict[str, list[Standing]] = {}
        for job in list(self._jobs.values()):
            if job.needs not in fitting:
                fitting[job.needs] = self._fitting(job.needs)
            if job.state in ON_HERE:
                effects += self._place_one(job, fitting[job.needs], used, now)
            elif self._is_late(job, now) and not self._one_races(now):
                effects += self._race(job, fitting[job.needs], used, now)
        effects += self._begin_early(fitting, used, now)
        if not any(job.state in ON_HERE for job in self._jobs.values()):
            for job in [job for job in self._jobs.values() if job.state in ON_RACE_HERE]:
                effects += self._race(job, fitting[job.needs], used, now)
        return effects

    def _is_late(self, job: DispatchedJob, now: float) -> bool:
        return job.state in ON_RACE_HERE and now - job.latest.since >= self.usual.late_after(job.latest.speed)

    def _one_races(self, now: float) -> bool:
        """Tell whether the last copy of some race may still decide it."""
        return any(job.state in RACING and not self._is_late(job, now) for job in self._jobs.values())

    def _place_one(self, job: DispatchedJob, hosts: Sequence[Standing], used: Counter[str], now: float) -> list[Effect]:
        """Place one job if a slot is free.

        Args:
            job: it waits.
            hosts: those with its toolchain.
            used: slots taken by host name, "" for this machine.
            now: the time.
        """
        only_here = job.state is JobState.QUEUED_HERE or not any_usable(hosts, now)
        other = None if only_here else choose(hosts, used, now)
        slots = max(self.here.slots, self.here.reserve) if only_here else self.here.slots
        if used[""] < slots and better_here(self.here, other):
            job.lacked = self._lacked(job)
            return [self._start_here(job, used, now)]
        if other is not None and job.state in ON_HOST:
            return [self._start_there(job, ON_HOST[job.state], other.host, used, now)]
        return []

    def _begin_early(self, fitting: Mapping[str, Sequence[Standing]], used: Counter[str], now: float) -> list[Effect]:
        """Start here what is not preprocessed yet and will find no slot elsewhere, for those before it take them."""
        effects: list[Effect] = []
        expected = Counter(used)
        for job in [job for job in self._jobs.values() if job.state is JobState.PREPARING]:
            if other := choose(fitting[job.needs], expected, now):
                expected[other.host.name] += 1
            elif used[""] < self.here.slots:
                effects.append(self._start_here(job, used, now))
        return effects

    def _race(self, job: DispatchedJob, hosts: Sequence[Standing], used: Counter[str], now: float) -> list[Effect]:
        """Start one more copy of a job if a slot is free that is worth it; the arguments are those of `_place_one`."""
        copy, is_late = job.latest, self._is_late(job, now)
        trusted = [one for one in hosts if one.host.name not in job.copies and one.shunned_until is None]
        other = choose(trusted, used, now) if job.state in ON_RACE else None
        slots = max(self.here.slots, self.here.reserve) if is_late else self.here.slots
        here = job.copies_here and used[""] < slots and better_here(self.here, other)
        slot = self.here if here else other.host if other else None
        if slot is None or not (is_late or now - copy.since >= self.usual.slow_after(max(copy.speed, slot.speed))):
            return []
        self.tally.raced += 1
        if isinstance(slot, Here):
            return [self._start_copy_here(job, ON_RACE_HERE[job.state], used, now)]
        return [self._start_there(job, ON_RACE[job.state], slot, used, now)]

    def _start_here(self, job: DispatchedJob, used: Counter[str], now: float) -> Effect:
        self._start_copy_here(job, ON_HERE[job.state], used, now)
        return PlaceHere(job.number, report=bool(job.refused_by))

    def _start_copy_here(self, job: DispatchedJob, state: JobState, used: Counter[str], now: float) -> Effect:
        job.state, job.copies[""] = state, Copy(now, self.here.speed)
        used[""] += 1
        return CopyHere(job.number)

    def _start_there(self, job: DispatchedJob, state: JobState, host: Host, used: Counter[str], now: float) -> Effect:
        job.state, job.copies[host.name] = state, Copy(now, host.speed)
        used[host.name] += 1
        return Place(job.number, host)
