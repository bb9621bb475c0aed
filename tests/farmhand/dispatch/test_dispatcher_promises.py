"""What holds in whatever order events come: a model of build, connector and hosts plays what hypothesis draws."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakes.dispatch_talk import host
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import (
    Cancel,
    CopyHere,
    Effect,
    Event,
    Here,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    JobReady,
    JobStays,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.placement import fits


@dataclass
class Known:
    """A job that has come and not ended.

    Attributes:
        needs: the toolchain that a host must have.
        is_file: whether it is counted.
        may_leave: whether a host may still get it.
        is_ready: it is preprocessed.
        is_final: the compiler itself runs here.
        losses: hosts that it has lost.
        at: where copies of it run; "" for this machine.
    """

    needs: str
    is_file: bool
    may_leave: bool
    is_ready: bool = False
    is_final: bool = False
    losses: int = 0
    at: list[str] = field(default_factory=list[str])


class Model:
    """Says what is true, or a lie, and finds fault with each effect that nobody could carry out."""

    def __init__(self, slots: int, reserve: int) -> None:
        self.farm = Dispatcher(Here(slots, reserve))
        self.slots, self.limit = slots, max(slots, reserve)
        self.hosts: tuple[Host, ...] = ()
        self.jobs: dict[int, Known] = {}
        self.now = 0.0
        self.compiled = 0

    def play(self, step: Event | int) -> None:
        """Let one thing happen: an event if it is possible, a number if it is the fate of some copy that runs."""
        match step:
            case int():
                self._end_one(step)
            case HostsChanged(hosts):
                self.hosts = hosts
                self._hear(step)
            case JobArrived(job) if job not in self.jobs:
                self.jobs[job] = Known(step.needs, step.leaves or bool(step.kept), step.leaves)
                self._hear(step)
            case JobReady(job) | JobStays(job) if self._is_prepared_now(job):
                self.jobs[job].is_ready = isinstance(step, JobReady)
                self.jobs[job].may_leave = isinstance(step, JobReady)
                self._hear(step)
            case JobGone(job) if job in self.jobs:
                self._end(step, ())
            case JobDone() | JobFailed() | JobLost() | JobNotHere() if self._may_be_true(step):
                pass  # that is the matter of `_end_one`
            case _:
                self._hear(step if not isinstance(step, JobArrived) else Woke())

    def end_all(self) -> None:
        """Let everything be preprocessed, and end well, until nothing is left."""
        for job in list(self.jobs):
            self.play(JobReady(job))
        while self.jobs:
            self.now += 20.0
            self._hear(Woke())
            job, name = next((job, known.at[0]) for job, known in self.jobs.items() if known.at)
            self._end(JobDone(job, name), (name,))
        assert self.farm.wake_at is None

    def _end_one(self, choice: int) -> None:
        """Some copy ends: well, with messages or a refusal, by a loss, or because it cannot be made."""
        running = [(job, name) for job, known in self.jobs.items() for name in known.at]
        if not running:
            self._hear(Woke())
            return
        job, name = running[choice % len(running)]
        known, kind, detail = self.jobs[job], choice // 10 % 4, choice % 2 > 0
        if known.is_final or kind == 0:
            self._end(JobDone(job, name, detail or not known.is_final), (name,))
            return
        known.at.remove(name)
        if kind == 1:
            known.may_leave = False
            self._hear(JobFailed(job, name, detail and bool(name)))
        elif name:
            known.losses += 1
            known.may_leave = known.losses < 2
            self._hear(JobLost(job, name, detail))
        else:
            self._hear(JobNotHere(job))

    def _end(self, said: JobDone | JobGone, ended: tuple[str, ...]) -> None:
        """A job ends: all its other copies are stopped, first of all."""
        known = self.jobs.pop(said.job)
        self.compiled += known.is_file and isinstance(said, JobDone)
        stops = [Cancel(said.job, name) for name in known.at if name not in ended]
        self._hear(said, stops)

    def _hear(self, said: Event, stops: list[Cancel] | None = None) -> None:
        effects = self.farm.handle(said, self.now)
        first = stops or []
        assert effects[: len(first)] == first
        for effect in effects[len(first) :]:
            self._carry_out(effect)
        self._check()

    def _carry_out(self, effect: Effect) -> None:
        known = self.jobs[effect.job]
        assert not known.is_final, "there is no way back"
        match effect:
            case Place(_, there):
                assert there in self.hosts
                assert fits(there, known.needs)
                assert known.is_ready
                assert known.may_leave
                known.at.append(there.name)
                assert sum(there.name in one.at for one in self.jobs.values()) <= there.slots
            case PlaceHere():
                assert not known.at
                known.is_final = True
                known.at.append("")
            case CopyHere():
                assert known.is_ready
                assert known.at
                known.at.append("")
            case Cancel(_, name):
                known.at.remove(name)

    def _check(self) -> None:
        """No slot is taken twice, no job is forgotten or counted twice, no job waits for what cannot come."""
        names = [name for known in self.jobs.values() for name in known.at]
        waiting = [known for known in self.jobs.values() if not known.at]
        assert names.count("") <= self.limit
        assert all(len(set(known.at)) == len(known.at) for known in self.jobs.values())
        assert self.farm.jobs == len(self.jobs)
        tally = self.farm.tally
        assert tally.total == self.compiled >= max(tally.moved, tally.repeated, tally.kept.total(), tally.won)
        if names.count("") < self.limit:
            assert all(known.may_leave and self._fitting(known) for known in waiting)
        if names.count("") < self.slots:
            free = sum(max(0, one.slots - names.count(one.name)) for one in self.hosts)
            assert len(waiting) <= free, "a slot here has nothing to do"

    def _fitting(self, known: Known) -> bool:
        return any(one.slots and fits(one, known.needs) for one in self.hosts)

    def _may_be_true(self, said: JobDone | JobFailed | JobLost | JobNotHere) -> bool:
        known = self.jobs.get(said.job)
        return known is not None and said.host in known.at and (isinstance(said, JobDone) or not known.is_final)

    def _is_prepared_now(self, job: int) -> bool:
        known = self.jobs.get(job)
        return known is not None and known.may_leave and not known.is_ready and not known.at


JOBS = st.integers(1, 6)
NAMES = st.sampled_from(["", "h0", "h1", "h2", "h3", "stranger"])
HOSTS = st.lists(
    st.tuples(st.sampled_from([1, 2, 0]), st.integers(1, 3), st.sampled_from([(), (), ("gcc=1",), ("gcc=2",)])),
    max_size=4,
).map(
    lambda facts: HostsChanged(
        tuple(host(f"h{at}", slots, speed, *tools) for at, (slots, speed, tools) in enumerate(facts))
    )
)
ARRIVALS = st.builds(JobArrived, JOBS, st.sampled_from(["", "", "gcc=1", "gcc=2"]))
STEPS: dict[str, tuple[int, st.SearchStrategy[Event | int]]] = {
    "a call that may leave": (6, ARRIVALS),
    "a call that may not": (1, st.builds(JobArrived, JOBS, leaves=st.just(False), kept=st.sampled_from(["", "-S"]))),
    "preprocessed": (6, st.builds(JobReady, JOBS)),
    "may not leave": (1, st.builds(JobStays, JOBS, st.sampled_from(["", "__DATE__"]))),
    "the fate of a copy": (8, st.integers(0, 399)),
    "nobody waits": (2, st.builds(JobGone, JOBS)),
    "other hosts": (1, HOSTS),
    "time passes": (4, st.just(Woke())),
    "perhaps a lie": (
        2,
        st.builds(JobDone, JOBS, NAMES, st.booleans())
        | st.builds(JobFailed, JOBS, NAMES, st.booleans())
        | st.builds(JobLost, JOBS, NAMES, st.booleans())
        | st.builds(JobNotHere, JOBS),
    ),
}
"""What may happen, and how often."""

STORIES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 1.0, 12.0]),
        st.sampled_from([name for name, (weight, _) in STEPS.items() for _ in range(weight)]).flatmap(
            lambda name: STEPS[name][1]
        ),
    ),
    min_size=30,
    max_size=90,
)


@settings(phases=[Phase.reuse, Phase.generate])  # to make a long story short takes minutes
@given(st.sampled_from([(1, 1), (0, 1), (1, 2), (2, 2)]), HOSTS, STORIES)
def test_no_slot_is_taken_twice_and_each_job_ends_once(
    room: tuple[int, int], hosts: HostsChanged, story: list[tuple[float, Event | int]]
) -> None:
    model = Model(*room)
    model.play(hosts)
    for seconds, step in story:
        model.now += seconds
        model.play(step)
    model.end_all()
