"""The agent on a whole machine with systemd: what the owner's systemd hands down, what the kernel then bounds and
weighs, and what is left when the agent ends, is killed, or the machine sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fakes.debian_tree import REPOSITORY, as_desktop
from fakes.machine import Machine
from fakes.waiting import until

pytestmark = [
    pytest.mark.skipif(Machine.why_not() is not None, reason=Machine.why_not() or ""),
    pytest.mark.timeout(600),  # the first boot on a machine is preceded by an installation
]

LIMIT_MIB = 192
SLOTS = 4
SETTINGS = f"""
lend = "always"
busy_above = 1
slots = {SLOTS}
memory_per_job = 16
memory_limit = {LIMIT_MIB}
scratch = 64
queue_wait = 60
grace = 4
"""
TOO_SHORT = "[Service]\nTimeoutStopSec=2\n"
"""Less than `grace`: systemd's patience with an agent that does not ask for more."""

UNITS = REPOSITORY / "installers/linux/systemd"
BOUNDED = f"{LIMIT_MIB} MiB of memory and {1024 + 32 * SLOTS} processes for all jobs together, by a control group"

TREE = "/sys/fs/cgroup"
ANNAS = f"{TREE}/user.slice/user-1000.slice/user@1000.service"

PIPED = ("--quiet", "--wait", "--pipe", "--collect")

WORK = 2
"""Seconds that an owner's program works beside jobs."""

SHARE = f"""
spent() {{ read -r _ spent <"$1/cpu.stat"; echo "$spent"; }}
before=$(spent "$1")
timeout {WORK} sh -c 'while :; do :; done'
echo $(($(spent "$1") - before))
"""
"""Works hard and says how many microseconds a control group has had meanwhile."""

PROGRAMS = """
for cell in "$1"/boxes/*/cgroup.procs; do
  [ ! -e "$cell" ] || while read -r pid; do read -r name <"/proc/$pid/comm" && echo "$name"; done <"$cell"
done
"""


class Agent:
    """An agent in the machine.

    Args:
        user: whose it is.
        runtime: its user's folder for sockets.
    """

    def __init__(self, machine: Machine, user: str = "anna", runtime: str = "/run/user/1000") -> None:
        self._machine = machine
        self._user = user
        self._runtime = runtime

    def shown(self) -> dict[str, Any]:
        """What it shows; empty while there is none."""
        return self._machine.hear(f"{self._runtime}/farmhand/agent.sock", self._user)

    def lends(self) -> bool:
        """Whether it lends now."""
        return self.shown().get("state") == "lent"

    def do(self, command: str) -> str:
        """Give its owner's command; return what it says."""
        return self._machine.run("farmhand", command, user=self._user)

    @property
    def pid(self) -> str:
        """Its process."""
        return self._machine.read(f"{self._runtime}/farmhand/agent.lock")

    @property
    def group(self) -> str:
        """The control group round its boxes."""
        (found,) = groups(self._machine)
        return found

    def told(self, file: str) -> str:
        """What the kernel says in a file of that group."""
        return self._machine.read(f"{self.group}/{file}")

    def cells(self) -> list[str]:
        """The groups of its boxes."""
        return self._machine.run("find", f"{self.group}/boxes", "-mindepth", "1", "-type", "d").split()

    def programs(self) -> list[str]:
        """The names of all that runs in its cells."""
        return self._machine.run("sh", "-c", f"{PROGRAMS} true", "sh", self.group).split()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A compiler that never ends, for the length of a block; it takes all of the processor that it gets."""
        with self._machine.running("client", *job("endless")):
            wait_until(lambda: "sh" in self.programs())
            yield

    def compiles(self, kind: str = "small") -> str:
        """Send it a job; return the compiler's status, or "cut"."""
        return self._machine.run(*job(kind))

    def takes_the_processor(self, *place: str) -> float:
        """The share of the processor that its jobs get beside a program that works hard, run as `place` says."""
        microseconds = self._machine.run(
            *place, "sh", "-c", SHARE, "sh", self.group, user="anna" if "--user" in place else "root"
        )
        return int(microseconds) / 1e6 / WORK


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something holds in the machine; looking without a pause would leave the rest no time."""
    until(condition, within=60, every=0.15)


def job(kind: str) -> tuple[str, ...]:
    """The command that sends a job; see `fakes.machine_job`."""
    return ("/usr/bin/env", "PYTHONPATH=/opt/farmhand", "python3", "/opt/farmhand/tests/fakes/machine_job.py", kind)


def groups(machine: Machine) -> list[str]:
    """The control groups of all agents."""
    return machine.run("find", TREE, "-name", "farmhand-boxes-*").split()


def farms_processes(machine: Machine) -> list[str]:
    """What runs of any agent's or box's."""
    names = machine.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true")
    return [one for one in ("farmhand_agent", "farmhand-", "bwrap", "distccd") if one in names]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as booted:
        booted.write("/home/anna/.config/farmhand/farmhand.toml", SETTINGS, "anna")
        yield booted


@pytest.fixture(scope="module")
def unit(machine: Machine) -> Agent:
    """Anna's agent as the unit that is installed, enabled and started; it goes on between tests."""
    text = (UNITS / "farmhand-agent.service").read_text()
    machine.write("/home/anna/.config/systemd/user/farmhand-agent.service", text, "anna")
    machine.write("/home/anna/.config/systemd/user/farmhand-agent.service.d/short.conf", TOO_SHORT, "anna")
    machine.run("systemctl", "--user", "enable", "--now", "farmhand-agent", user="anna")
    return Agent(machine)


@pytest.fixture
def agent(unit: Agent) -> Agent:
    """The same, lending."""
    wait_until(unit.lends)
    return unit


# --- as a user's service --------------------------------------------------------
def test_annas_systemd_gives_it_a_group_with_all_controllers(agent: Agent) -> None:
    assert agent.shown()["limits"] == BOUNDED
    assert agent.shown()["priority"] == "idle control group"
    doctor = agent.do("doctor")
    assert f"limits of jobs: {BOUNDED}" in " ".join(doctor.split())
    assert "priority of jobs: idle control group" in doctor


def test_jobs_are_bounded_below_the_top_of_annas_systemd(machine: Machine, agent: Agent) -> None:
    assert agent.compiles() == "0"
    assert agent.group.rpartition("/")[0] == ANNAS
    bounds = {
        file: agent.told(file) for file in ("boxes/memory.max", "boxes/memory.swap.max", "boxes/pids.max", "cpu.idle")
    }
    assert list(bounds.values()) == [str(LIMIT_MIB << 20), "0", str(1024 + 32 * SLOTS), "1"]
    scores = machine.run(
        "sh", "-c", f"for one in $(cat {agent.group}/boxes/*/cgroup.procs); do cat /proc/$one/oom_score_adj; done"
    )
    assert set(scores.split()) == {"1000"}, "all of a box is ended before anything of Anna's"


def test_a_compiler_that_takes_too_much_memory_ends_and_its_box_goes_on(agent: Agent) -> None:
    assert agent.compiles() == "0"
    before = agent.cells(), agent.pid
    assert agent.compiles("greedy") not in ("0", "cut"), "so it is compiled elsewhere"
    assert "oom_kill 0" not in agent.told("boxes/memory.events"), "by the kernel"
    assert int(agent.told("boxes/memory.peak")) <= LIMIT_MIB << 20
    assert agent.compiles() == "0"
    assert (agent.cells(), agent.pid) == before


def test_jobs_get_nothing_beside_what_annas_systemd_runs(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        assert agent.takes_the_processor("systemd-run", "--user", *PIPED) < 0.2
        beside = agent.takes_the_processor("systemd-run", *PIPED, *as_desktop("anna"))
        assert 0.2 < beside < 0.8, "what her systemd does not run shares as an equal"


def test_no_cell_is_left_after_a_reclaim(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        agent.do("reclaim")
        wait_until(lambda: agent.shown()["state"] == "kept")
        assert agent.cells() == []
    agent.do("lend")
    wait_until(agent.lends)
    assert agent.told("cpu.idle") == "1", "idle again after the kill"


def test_boxes_of_a_killed_agent_end_and_systemd_starts_another(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        killed, group = agent.pid, agent.group
        machine.run("sh", "-c", f"kill -9 {killed}")
        wait_until(lambda: not machine.exists(group))
        assert "distccd" not in farms_processes(machine)
    wait_until(lambda: agent.lends() and agent.pid != killed)
    assert agent.shown()["limits"] == BOUNDED
    assert groups(machine) == [agent.group]


def test_the_machine_is_given_back_before_it_sleeps_and_lent_when_it_has_woken(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        reclaims = agent.shown()["reclaims"]
        machine.run("systemctl", "suspend")
        wait_until(lambda: machine.wake() or "PM: suspend exit" in machine.run("dmesg"))
        log = machine.run("journalctl", "--no-pager", "-o", "cat")
        assert log.index("kept: this machine is going to sleep") < log.index("PM: suspend entry")
        wait_until(agent.lends)
        assert agent.shown()["reclaims"] == reclaims + 1


def test_a_restart_gives_jobs_their_grace_and_leaves_nothing_behind(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        before, group, began = agent.pid, agent.group, time.monotonic()
        machine.run("systemctl", "--user", "restart", "farmhand-agent", user="anna")
        assert time.monotonic() - began > 4, "the job had its time"
        assert not machine.exists(group)
        assert "distccd" not in farms_processes(machine)
    wait_until(lambda: agent.lends() and agent.pid != before)
    assert agent.shown()["limits"] == BOUNDED


def test_nothing_is_left_of_it_when_it_is_stopped(machine: Machine, agent: Agent) -> None:
    with agent.busy():
        began = time.monotonic()
        machine.run("systemctl", "--user", "stop", "farmhand-agent", user="anna")
        assert time.monotonic() - began < 4, "nobody waits for jobs at a logout"
        assert groups(machine) == []
        assert farms_processes(machine) == []
    assert machine.run("systemctl", "--user", "show", "-P", "Result", "farmhand-agent", user="anna") == "success"
    assert not machine.exists("/run/user/1000/farmhand/agent.sock")


# --- otherwise -----------------------------------------------------------------
def test_in_a_session_that_systemd_does_not_run_it_says_beside_whom_it_is_an_equal(machine: Machine) -> None:
    agent = Agent(machine)
    with machine.running("desktop", *as_desktop("anna"), "--setenv=XDG_RUNTIME_DIR=/run/user/1000", "farmhand-agent"):
        wait_until(agent.lends)
        assert agent.shown()["limits"] == BOUNDED
        assert "but only beside what your systemd runs" in agent.shown()["priority"]
        assert agent.compiles() == "0", "systemd has moved its box"
        assert agent.group.rpartition("/")[0] == ANNAS
        assert agent.told("boxes/memory.max") == str(LIMIT_MIB << 20)
        assert "distccd" in agent.programs()
        machine.run("systemctl", "stop", "desktop")
        wait_until(lambda: not groups(machine))
    assert farms_processes(machine) == []


def test_roots_agent_yields_to_the_whole_machine(machine: Machine) -> None:
    machine.write("/root/.config/farmhand/farmhand.toml", SETTINGS)
    machine.run("mkdir", "-p", "-m", "700", "/run/user/0")
    agent = Agent(machine, "root", "/run/user/0")
    with machine.running("agent", "--setenv=HOME=/root", "--setenv=XDG_RUNTIME_DIR=/run/user/0", "farmhand-agent"):
        wait_until(agent.lends)
        assert agent.group.rpartition("/")[0] == TREE
        with agent.busy():
            assert agent.takes_the_processor("systemd-run", *PIPED, *as_desktop("anna")) < 0.2
    assert groups(machine) == []
    assert farms_processes(machine) == []


def test_the_registry_runs_as_the_unit_that_is_installed(machine: Machine) -> None:
    machine.write("/etc/systemd/system/farmhand-registry.service", (UNITS / "farmhand-registry.service").read_text())
    machine.run("systemctl", "enable", "--now", "farmhand-registry")
    ask = ("farmhand", "hosts", "--registry", "http://127.0.0.1:3680")
    wait_until(lambda: machine.outcome(*ask, user="anna")[0] == 0)
    pid = machine.run("systemctl", "show", "-P", "MainPID", "farmhand-registry")
    user = int(machine.run("stat", "-c", "%u", f"/proc/{pid}"))
    assert 61184 <= user <= 65519, "a user of its own, see systemd.exec(5)"
    assert machine.exists("/var/lib/private/farmhand")
