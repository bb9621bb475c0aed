"""What races are worth: whole builds on a simulated farm, by the real dispatcher on a clock of its own.

Each line is one kind of farm, with the mean over the seeds of the build's time divided by its lower bound (all slots
busy to the end, or the longest file alone on the fastest slot), without races and with them. The bound knows nothing of
preprocessing, which takes time here and no slot. `worst` is the largest of the ratios with races, `copies` what they
cost: second copies for 100 files.

    python -m benchmarks.makespan [--seeds 10]
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import (
    Cancel,
    CopyHere,
    Event,
    Here,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobLost,
    JobReady,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import Usual
from farmhand.distcc.commandline import Room, job_count

FILES = 300
HERE = Here(2, 2, speed=1.5, name="here")
HOSTS = tuple(Host(f"h{number}", "127.0.0.1", 1, 4, 1.0 + number % 3 * 0.5) for number in range(6))

PREPROCESSING = 0.05
"""How much of a file's work is its preprocessing, which this machine does before a host gets the file."""

PREPROCESSORS = 4
"""Preprocessors at once; see `farmhand.driver.job.Texts`."""

GIVEN_UP = 600.0
"""Seconds after which the driver gives a job up; see `farmhand.driver.gate_client.Patience`."""


@dataclass(frozen=True)
class Farm:
    """A kind of farm and of build.

    Attributes:
        name: as it is printed.
        truth: how fast hosts are, as a part of what the registry says; 0: their jobs hang. The others are as they say.
        hosts: as the registry lists them.
        stages: parts of the build of which each needs all of the one before.
        work: seconds of a file on a slot of speed 1.
    """

    name: str
    truth: Mapping[str, float] = field(default_factory=dict[str, float])
    hosts: tuple[Host, ...] = HOSTS
    stages: int = 1
    work: Callable[[random.Random], float] = lambda dice: dice.lognormvariate(0.7, 0.9)


def _two_kinds(dice: random.Random) -> float:
    return dice.uniform(20, 40) if dice.random() < 0.15 else dice.uniform(0.2, 1.5)


SLOW_LISTED = tuple(
    Host(one.name, one.address, one.port, one.slots, 0.25) if one.name == "h1" else one for one in HOSTS
)

FARMS = (
    Farm("all well"),
    Farm("all well, 5 stages", stages=5),
    Farm("all well, two kinds of files", work=_two_kinds),
    Farm("one host hangs", {"h2": 0.0}),
    Farm("one host hangs, 5 stages", {"h2": 0.0}, stages=5),
    Farm("one host hangs, two kinds of files", {"h2": 0.0}, work=_two_kinds),
    Farm("two hosts hang", {"h2": 0.0, "h5": 0.0}),
    Farm("one host is 4 x slower than listed", {"h2": 0.25}),
    Farm("the same, 5 stages", {"h2": 0.25}, stages=5),
    Farm("one host is 4 x slower, and listed so", hosts=SLOW_LISTED),
)


class Never(Usual):
    """Finds nothing slow or late."""

    def slow_after(self, speed: float) -> float:
        """Never."""
        return inf

    late_after = slow_after


class Build:
    """One build on one farm.

    Attributes:
        dispatcher: the real one.
        now: the virtual clock, in seconds.
    """

    def __init__(self, farm: Farm, works: Sequence[float], usual: Usual) -> None:
        self.dispatcher = Dispatcher(HERE, usual=usual)
        self.now = 0.0
        self._farm = farm
        self._works = works
        self._order = count()
        self._due: list[tuple[float, int, Event]] = []
        self._stopped: set[int] = set()
        self._running: dict[tuple[int, str], int] = {}
        self._unprepared: deque[int] = deque()
        self._preparing: dict[int, int] = {}

    def run(self) -> float:
        """Build everything and return how long it took."""
        self._hear(HostsChanged(self._farm.hosts))
        jobs = job_count(Room(sum(host.slots for host in self._farm.hosts), HERE.slots, 2))
        size = -(-len(self._works) // self._farm.stages)
        for start in range(0, len(self._works), size):
            self._stage(list(range(start, min(start + size, len(self._works)))), jobs)
        return self.now

    def _stage(self, waiting: list[int], jobs: int) -> None:
        while waiting or self.dispatcher.jobs:
            while waiting and self.dispatcher.jobs < jobs:
                job = waiting.pop(0)
                self._unprepared.append(job)
                self._hear(JobArrived(job))
            self._step()

    def _step(self) -> None:
        """Let the next thing happen."""
        wake = self.dispatcher.wake_at
        if wake is not None and (not self._due or wake < self._due[0][0]):
            self.now = max(self.now, wake)
            self._hear(Woke())
            return
        at, number, event = heapq.heappop(self._due)
        if number not in self._stopped:
            self.now = at
            if isinstance(event, JobReady):
                del self._preparing[event.job]
            self._hear(event)

    def _hear(self, event: Event) -> None:
        for effect in self.dispatcher.handle(event, self.now):
            match effect:
                case Place(job, host):
                    speed = host.speed * self._farm.truth.get(host.name, 1.0)
                    if speed:
                        self._start(job, host.name, self._works[job] / speed, JobDone(job, host.name))
                    else:
                        self._start(job, host.name, GIVEN_UP, JobLost(job, host.name))
                case PlaceHere(job):
                    self._leave_unprepared(job)
                    self._start(job, "", self._works[job] / HERE.speed, JobDone(job, good=False))
                case CopyHere(job):
                    self._start(job, "", self._works[job] / HERE.speed, JobDone(job))
                case Cancel(job, name):
                    self._stopped.add(self._running[job, name])
        self._prepare()

    def _prepare(self) -> None:
        """Let as many preprocessors run as may."""
        while self._unprepared and len(self._preparing) < PREPROCESSORS:
            job = self._unprepared.popleft()
            self._preparing[job] = self._later(self._works[job] * PREPROCESSING / HERE.speed, JobReady(job))

    def _leave_unprepared(self, job: int) -> None:
        """The compiler itself runs here: the job's text is not wanted."""
        if job in self._unprepared:
            self._unprepared.remove(job)
        elif job in self._preparing:
            self._stopped.add(self._preparing.pop(job))

    def _start(self, job: int, host: str, seconds: float, event: Event) -> None:
        self._running[job, host] = self._later(seconds, event)

    def _later(self, seconds: float, event: Event) -> int:
        """Let an event come after so long; return the number by which it can be stopped."""
        number = next(self._order)
        heapq.heappush(self._due, (self.now + seconds, number, event))
        return number


def bound(farm: Farm, works: Sequence[float]) -> float:
    """The least time in seconds that any dispatcher needs."""
    slots = [host.speed * farm.truth.get(host.name, 1.0) for host in farm.hosts for _ in range(host.slots)]
    slots += [HERE.speed] * HERE.slots
    size = -(-len(works) // farm.stages)
    parts = [works[start : start + size] for start in range(0, len(works), size)]
    return sum(max(sum(part) / sum(slots), max(part) / max(slots)) for part in parts)


def main() -> int:
    """Simulate and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="builds of each kind (default: 10)")
    seeds: int = parser.parse_args().seeds
    print(f"{'':38}{'seconds':>16}{'times the bound':>18}")
    print(f"{'':38}{'alone':>8}{'races':>8}{'alone':>9}{'races':>9}{'worst':>8}{'copies':>8}{'won':>6}")
    for farm in FARMS:
        print(_row(farm, seeds), flush=True)
    return 0


def _row(farm: Farm, seeds: int) -> str:
    alone: list[tuple[float, float]] = []
    raced: list[tuple[float, float]] = []
    copies = won = 0
    for seed in range(seeds):
        dice = random.Random(seed)
        works = [farm.work(dice) for _ in range(FILES)]
        least = bound(farm, works)
        for usual, results in ((Never(), alone), (Usual(), raced)):
            build = Build(farm, works, usual)
            took = build.run()
            results.append((took, took / least))
            copies += build.dispatcher.tally.raced
            won += build.dispatcher.tally.won
    each = 100 / FILES / seeds
    seconds = "".join(f"{statistics.mean(took for took, _ in results):8.1f}" for results in (alone, raced))
    ratios = "".join(f"{statistics.mean(ratio for _, ratio in results):9.2f}" for results in (alone, raced))
    worst = max(ratio for _, ratio in raced)
    return f"{farm.name:38}{seconds}{ratios}{worst:8.2f}{copies * each:8.1f}{won * each:6.1f}"


if __name__ == "__main__":
    sys.exit(main())
