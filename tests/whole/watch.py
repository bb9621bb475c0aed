"""Who watches a soak: owners who know when their machine is theirs, builders who check what they get, the host list."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from farmhand.errors import PeerError
from farmhand.links.agent import AgentLink
from farmhand.links.registry import RegistryLink
from farmhand.machine import split_address
from farmhand.wire.local import Snapshot
from tests.fakes.waiting import TooLate, until
from tests.whole.network import Network
from tests.whole.project import Project
from tests.whole.stage import Stage, Workstation, end_build

AT_WORK = ("starting", "joining", "lent")
"""States in which a machine is the farm's, or about to be."""

TOLD_WITHIN = 1.0
"""Seconds within which the registry hears of a withdrawal when all is well."""

CALM_AFTER = 10.0
"""Seconds after trouble with the registry or the network in which its list may still be old."""

LONGEST_BUILD = 120.0
LONGEST_FINDING = 800


class Findings:
    """Everything that should not have happened."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def note(self, text: str) -> None:
        """Write one down, and say it."""
        self.all.append(text[:LONGEST_FINDING])
        print(f"  BROKEN: {self.all[-1]}", flush=True)

    def expect(self, probe: Callable[[], object], otherwise: str) -> None:
        """Note `otherwise` unless `probe` comes true soon."""
        with suppress(TooLate):
            until(lambda: bool(probe()), otherwise, 15, every=0.1)
            return
        self.note(otherwise)


class Owner:
    """The owner of a lender, and an eye on its stream of snapshots.

    Args:
        station: the lender.
        findings: for what breaks the owner's rights.

    Attributes:
        reclaims_ms: how long each reclaim took.
    """

    def __init__(self, station: Workstation, findings: Findings) -> None:
        self.station = station
        self.reclaims_ms: list[float] = []
        self._name = station.folder.name
        self._findings = findings
        self._own: list[list[float]] = []  # spans of Unix time in which the machine must be its owner's alone
        self._known = (0, 0)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def lend(self) -> None:
        """Let the farm have the machine."""
        if self._own and self._own[-1][1] == float("inf"):
            self._own[-1][1] = time.time()
        self.station.choose("lend")

    def return_and_stay(self) -> None:
        """Take the machine back; on return it is nobody else's."""
        self.station.choose("keep")
        self.station.wait("kept")
        self._own.append([time.time(), float("inf")])

    def leave_in_peace(self) -> None:
        """Stop lending, but let running jobs end."""
        self.station.choose("lend", time.time() + 0.2)
        until(lambda: self.station.status().get("state") == "kept", f"{self._name} has drained", 20, every=0.05)

    def has_it_since(self) -> float:
        """Unix time from which on the machine is its owner's now; infinity while it is not."""
        return self._own[-1][0] if self._own and self._own[-1][1] == float("inf") else float("inf")

    def close(self) -> None:
        """Watch no more."""
        self._ending.set()
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._ending.is_set():
            try:
                with AgentLink(self.station.folder / "run" / "farmhand" / "agent.sock") as link:
                    for shown in link.snapshots(1):
                        self._judge(shown)
                        if self._ending.is_set():
                            return
            except (PeerError, OSError):
                self._ending.wait(0.05)

    def _judge(self, shown: Snapshot) -> None:
        known = (self.station.pid, shown.reclaims)
        if shown.last_reclaim_ms is not None and known != self._known:
            self.reclaims_ms.append(shown.last_reclaim_ms)
        self._known = known
        begun = [(shown.since, f"is {shown.state}")] if shown.state in AT_WORK else []
        for at, what in [*begun, *((job.started_at, f"began {job.file}") for job in shown.jobs)]:
            if any(start < at < end for start, end in self._own):
                self._findings.note(f"{self._name} {what} after its owner had it back")


class HostList(threading.Thread):
    """Polls the registry: who has withdrawn must not be listed, and nobody under another's name.

    Args:
        network: it looks from the hub.
        registry: URL.
        owners: by host name.
        findings: for what is wrong.
    """

    def __init__(self, network: Network, registry: str, owners: Mapping[str, Owner], findings: Findings) -> None:
        super().__init__(daemon=True)
        self._network = network
        self._registry = registry
        self._owners = owners
        self._findings = findings
        self._ending = threading.Event()
        self._troubles = 0
        self._calm_at = 0.0

    @contextmanager
    def in_trouble(self) -> Generator[None]:
        """While the registry or a network is broken, and a while after, its list may be old."""
        self._troubles += 1
        try:
            yield
        finally:
            self._calm_at = time.time() + CALM_AFTER
            self._troubles -= 1

    def finish(self) -> None:
        """Look no more."""
        self._ending.set()
        self.join(10)

    def run(self) -> None:
        """Look until told to finish."""
        self._network.enter("hub")
        link = RegistryLink(self._registry)
        while not self._ending.wait(0.25):
            asked = time.time()
            with suppress(PeerError):
                hosts = link.hosts()
                if not self._troubles and asked > self._calm_at:
                    for host in hosts:
                        self._judge(host.name, host.address, host.port, asked)
        link.close()

    def _judge(self, name: str, address: str, port: int, asked: float) -> None:
        owner = self._owners[name]
        if owner.has_it_since() + TOLD_WITHIN < asked and port == self._port(name):
            self._findings.note(f"{name} is listed although it was withdrawn")
        if address != self._network.address(name):
            self._findings.note(f"{name} is listed at {address}")

    def _port(self, name: str) -> int:
        return split_address(self._owners[name].station.environ["FARMHAND_GATE"])[1]


class Builder(threading.Thread):
    """Builds without end and checks every object.

    Args:
        stage: with a registry.
        project: what to build.
        title: the machine's name.
        before: words that put a command on that machine.
        findings: for builds that fail.

    Attributes:
        builds, failed, killed: how many; a build that was interrupted on purpose has not failed.
        total, remote, moved: compiles.
    """

    def __init__(self, stage: Stage, project: Project, title: str, before: Sequence[str], findings: Findings) -> None:
        super().__init__(daemon=True)
        self.builds = self.failed = self.killed = self.total = self.remote = self.moved = 0
        self._stage = stage
        self._project = project
        self._title = title
        self._before = before
        self._findings = findings
        self._now: subprocess.Popen[str] | None = None
        self._disturbed = False
        self._ending = threading.Event()

    def run(self) -> None:
        """Build until told to finish."""
        while not self._ending.is_set():
            self.build()

    def finish(self) -> None:
        """Let the last build end."""
        self._ending.set()
        self.join(LONGEST_BUILD + 30)

    def build(self) -> None:
        """Build once."""
        folder = self._project.lay_out(self._stage.folder / f"{self._title}-{self.builds}")
        summary = folder / "summary.json"
        self._disturbed = False
        self._now = self._stage.build(folder, "make", "-j6", summary=summary, before=self._before)
        self.builds += 1
        try:
            output, _ = self._now.communicate(timeout=LONGEST_BUILD)
        except subprocess.TimeoutExpired:
            output = f"nothing for {LONGEST_BUILD:g} s"
        if not self._disturbed:
            self._judge(output, self._project.wrong(folder))
        end_build(self._now)
        if summary.exists():
            told: dict[str, Any] = json.loads(summary.read_text())
            self.total, self.remote, self.moved = (
                self.total + told["total"],
                self.remote + told["remote"],
                self.moved + told["moved"],
            )
        shutil.rmtree(folder)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._disturb(signal.SIGINT)

    def kill(self) -> None:
        """Kill the whole session."""
        self.killed += 1
        self._disturb(signal.SIGKILL)

    def _disturb(self, number: int) -> None:
        self._disturbed = True
        if self._now is not None and self._now.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._now.pid, number)

    def _judge(self, output: str, wrong: list[str]) -> None:
        assert self._now is not None
        if self._now.returncode != 0 or wrong:
            self.failed += 1
            last = output[-1500:]
            self._findings.note(f"{self._title}: status {self._now.returncode}, wrong objects {wrong}: {last}")
