"""`make soak`: a farm under fire. Three lenders and two builders on a network of their own, a random fault every few
seconds, builds without end, and a watch on what must never happen.

Exits 1 if any invariant broke. The same seed draws the same faults in the same order, though not at the same moment of
a build.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable

import psutil

from tests.fakes.procfs import lives
from tests.fakes.waiting import until
from tests.whole.network import Network
from tests.whole.project import make_project
from tests.whole.scene import SPARE_FILES, compilers, inits, kill_all, listens, named
from tests.whole.stage import Stage, Workstation, below, boxed
from tests.whole.watch import Builder, Findings, HostList, Owner

LENDERS = ("lender1", "lender2", "lender3")
BUILDERS = ("builder1", "builder2")
GAP = (2.0, 10.0)
"""Between two faults, in seconds."""

LIFETIME = 6
"""Seconds that a compile may take."""

OF_THE_KILLED = ("farmhand-build-", "distcc_", "cc")
"""How temporary files are named that a driver, distcc or a compiler leaves when nothing but SIGKILL ends it."""

GROWTH = 1.1
"""How much more memory than at the start a program may hold at the end."""


class Soak:
    """The farm, its watchers and whoever does harm.

    Args:
        network: with all machines plugged in.
        stage: where it plays.
        seed: for the faults.
    """

    def __init__(self, network: Network, stage: Stage, seed: int) -> None:
        self.findings = Findings()
        self.faults = 0
        self._network = network
        self._stage = stage
        self._chance = random.Random(seed)
        self._began = time.monotonic()
        self._acts: list[threading.Thread] = []
        self._busy: set[str] = set()
        stage.before = network.inside("hub")
        stage.open_registry(network.address("hub"))
        self.owners = {name: Owner(self._lender(name), self.findings) for name in LENDERS}
        project = make_project(stage.folder / "project", 24, seed)
        self.builders = [Builder(stage, project, name, network.inside(name), self.findings) for name in BUILDERS]
        self.list = HostList(network, stage.registry, self.owners, self.findings)

    def run(self, minutes: float) -> None:
        """Do harm for so long, then let everything calm down."""
        for owner in self.owners.values():
            owner.lend()
        self._warm_up()
        base = self._holdings()
        for owner in self.owners.values():
            owner.lend()
        watched: tuple[Builder | HostList, ...] = (*self.builders, self.list)
        for one in watched:
            one.start()
        ends = time.monotonic() + 60 * minutes
        while time.monotonic() < ends:
            self._strike()
            time.sleep(self._chance.uniform(*GAP))
        for act in self._acts:
            act.join(60)
        for one in watched:
            one.finish()
        self._look_what_is_left(base)

    def say(self, text: str) -> None:
        """Print a line with the time."""
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    def _lender(self, name: str) -> Workstation:
        return self._stage.workstation(
            name,
            before=self._network.inside(name),
            gate=f"{self._network.address(name)}:3632",
            lend="never",
            job_lifetime=LIFETIME,
        )

    def _warm_up(self) -> None:
        """Let every program do once what it will do, so that what it holds then is what it needs."""
        for builder in self.builders:
            builder.build()
        for owner in self.owners.values():
            owner.return_and_stay()

    def _holdings(self) -> dict[str, tuple[int, int]]:
        """Descriptors and bytes of memory of each program, while nothing is lent."""
        assert self._stage.registry_process is not None
        pids = {name: owner.station.pid for name, owner in self.owners.items()}
        pids["registry"] = self._stage.registry_process.pid
        return {
            name: (len(os.listdir(f"/proc/{pid}/fd")), psutil.Process(pid).memory_info().rss)
            for name, pid in pids.items()
        }

    # --- faults ---------------------------------------------------------------
    def _strike(self) -> None:
        """Begin one fault; whatever is in the middle of another one is spared."""
        name, victims, act = self._chance.choice(self._repertoire())
        victim = self._chance.choice(victims)
        seconds = self._chance.uniform(0.5, 9)
        if victim in self._busy:
            return
        self._busy.add(victim)
        self.faults += 1
        self.say(f"{victim}: {name.format(seconds)}")
        thread = threading.Thread(target=self._act, args=(name, victim, seconds, act))
        self._acts.append(thread)
        thread.start()

    def _act(self, name: str, victim: str, seconds: float, act: Callable[[str, float], None]) -> None:
        try:
            act(victim, seconds)
        except Exception as wrong:
            self.findings.note(f"{victim}: {name}: {wrong!r}")
        finally:
            self._busy.discard(victim)

    def _repertoire(self) -> list[tuple[str, tuple[str, ...], Callable[[str, float], None]]]:
        hub = ("registry",)
        return [
            ("the owner returns for {:.1f} s", LENDERS, self._owner_returns),
            ("the owner returns for {:.1f} s", LENDERS, self._owner_returns),
            ("the owner comes and goes three times", LENDERS, self._owner_is_restless),
            ("lending ends without hurry", LENDERS, self._drains),
            ("agent killed, away for {:.1f} s", LENDERS, self._agent_killed),
            ("agent ended at once, away for {:.1f} s", LENDERS, self._agent_ended),
            ("agent ended for an upgrade, away for {:.1f} s", LENDERS, self._agent_upgraded),
            ("agent stopped for {:.1f} s", LENDERS, self._agent_stopped),
            ("a second agent of that name for {:.1f} s", LENDERS, self._twin),
            ("boxes killed", LENDERS, lambda name, _: kill_all(inits(self._at(name)))),
            ("distccd killed", LENDERS, lambda name, _: kill_all(named("distccd", boxed(self._at(name).pid)))),
            ("compilers killed", LENDERS, lambda name, _: kill_all(compilers(self._at(name)))),
            ("compilers stopped", LENDERS, lambda name, _: kill_all(compilers(self._at(name)), signal.SIGSTOP)),
            ("unplugged for {:.1f} s", LENDERS, self._unplugged),
            ("killed, away for {:.1f} s", hub, self._registry_killed),
            ("stopped for {:.1f} s", hub, self._registry_stopped),
            ("build interrupted", BUILDERS, lambda name, _: self._builder(name).interrupt()),
            ("build killed", BUILDERS, lambda name, _: self._builder(name).kill()),
        ]

    def _at(self, name: str) -> Workstation:
        return self.owners[name].station

    def _builder(self, name: str) -> Builder:
        return self.builders[BUILDERS.index(name)]

    def _owner_returns(self, name: str, seconds: float) -> None:
        self.owners[name].return_and_stay()
        time.sleep(seconds)
        self.owners[name].lend()

    def _owner_is_restless(self, name: str, _: float) -> None:
        for _ in range(3):
            self._owner_returns(name, 0.3)
            time.sleep(1.2)

    def _drains(self, name: str, _: float) -> None:
        self.owners[name].leave_in_peace()
        self.owners[name].lend()

    def _agent_killed(self, name: str, seconds: float) -> None:
        foreign = boxed(self._at(name).pid)
        self._at(name).stop(signal.SIGKILL)
        until(lambda: not foreign & boxed(), "no box outlives its agent", 2)
        time.sleep(seconds)
        self._at(name).start()

    def _agent_ended(self, name: str, seconds: float) -> None:
        self._ends(name, seconds, signal.SIGINT)

    def _agent_upgraded(self, name: str, seconds: float) -> None:
        self._ends(name, seconds, signal.SIGTERM)

    def _ends(self, name: str, seconds: float, number: int) -> None:
        status = self._at(name).stop(number)
        assert status == 0, f"it ended with {status}"
        time.sleep(seconds)
        self._at(name).start()

    def _agent_stopped(self, name: str, seconds: float) -> None:
        os.kill(self._at(name).pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self._at(name).pid, signal.SIGCONT)
        time.sleep(1)

    def _twin(self, name: str, seconds: float) -> None:
        """Its port is another one, so the list shows whose offer is believed."""
        folder = self._stage.folder / f"twin-{secrets.token_hex(2)}"
        settings = {"registry": self._stage.registry, "gate": f"{self._network.address(name)}:3633", "lend": "always"}
        twin = Workstation(folder, self._stage.environ, self._network.inside(name), name=name, slots=1, **settings)
        self._stage.stations.append(twin)
        twin.start()
        time.sleep(seconds)
        status = twin.stop()
        self._stage.stations.remove(twin)
        assert status == 0, f"the twin ended with {status}"

    def _unplugged(self, name: str, seconds: float) -> None:
        with self.list.in_trouble():
            self._network.unplug(name)
            time.sleep(seconds)
            self._network.plug_in(name)

    def _registry_killed(self, _: str, seconds: float) -> None:
        with self.list.in_trouble():
            assert self._stage.registry_process is not None
            self._stage.registry_process.kill()
            self._stage.registry_process.wait()
            time.sleep(seconds / 2)
            self._stage.open_registry()

    def _registry_stopped(self, _: str, seconds: float) -> None:
        with self.list.in_trouble():
            assert self._stage.registry_process is not None
            self._stage.registry_process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._stage.registry_process.send_signal(signal.SIGCONT)

    # --- the end --------------------------------------------------------------
    def _look_what_is_left(self, base: dict[str, tuple[int, int]]) -> None:
        for owner in self.owners.values():
            owner.return_and_stay()
            if listens(owner.station):
                self.findings.note(f"{owner.station.folder.name}: the gate listens on")
        self.findings.expect(lambda: not boxed(), "processes are left in boxes")
        self.findings.expect(lambda: not self._stage.hosts(), "the registry lists hosts that do not lend")
        left = list(self._stage.scratch.iterdir())
        killed = sum(builder.killed for builder in self.builders)
        if (left and not killed) or not all(one.name.startswith(OF_THE_KILLED) for one in left):
            self.findings.note(f"files are left: {[one.name for one in left]}, and {killed} builds were killed")
        self.findings.expect(lambda: self._has_let_go(base), f"descriptors: {base} at first, now {self._holdings()}")
        for name, (_, memory) in self._holdings().items():
            self.say(f"{name} holds {memory >> 10} KiB, at first {base[name][1] >> 10}")
            if memory > GROWTH * base[name][1]:
                self.findings.note(f"{name} has grown from {base[name][1] >> 10} to {memory >> 10} KiB")
        for owner in self.owners.values():
            owner.close()
            log = owner.station.log.read_text()
            if "Traceback" in log:
                self.findings.note(f"{owner.station.folder.name} says: {log[log.index('Traceback') :]}")

    def _has_let_go(self, base: dict[str, tuple[int, int]]) -> bool:
        return all(files <= base[name][0] + SPARE_FILES for name, (files, _) in self._holdings().items())


def main() -> int:
    """Play; return 0 if every invariant held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    options = parser.parse_args()
    print(f"soak for {options.minutes:g} minutes with --seed {options.seed}", flush=True)
    with Network("hub", *LENDERS, *BUILDERS) as network, Stage(display=False) as stage:
        soak = Soak(network, stage, options.seed)
        soak.run(options.minutes)
        folder = stage.folder
    alive = [pid for pid in below(os.getpid()) if lives(pid)]
    if alive or folder.exists():
        soak.findings.note(f"left: processes {alive}, folder {folder.exists()}")
    return _report(soak)


def _report(soak: Soak) -> int:
    builders, reclaims = soak.builders, sorted(ms for owner in soak.owners.values() for ms in owner.reclaims_ms)
    total, remote, moved = (sum(getattr(one, name) for one in builders) for name in ("total", "remote", "moved"))
    cuts = statistics.quantiles(reclaims, n=100, method="inclusive") if len(reclaims) > 1 else [0.0] * 99
    print(f"builds {sum(one.builds for one in builders)}, failed {sum(one.failed for one in builders)}")
    print(f"compiles {total}, on the farm {remote} ({remote / max(1, total):.0%}), moved {moved}")
    print(f"faults {soak.faults}")
    most = max(reclaims, default=0)
    print(f"reclaims {len(reclaims)}: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, most {most:.0f} ms")
    for finding in soak.findings.all:
        print(f"BROKEN: {finding}")
    return 1 if soak.findings.all else 0


if __name__ == "__main__":
    sys.exit(main())
