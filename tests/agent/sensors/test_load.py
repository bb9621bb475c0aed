"""Load and memory, read from a proc of our own and from the real one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes.listener import Listener, watching

from farmhand.lending.observation import Observation, Reading
from farmhand.lending.past import carry_on
from farmhand.lending.policy import decide
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.load import (
    FIRST_PERIOD,
    PERIOD,
    LoadSensor,
    Sample,
    busiest_disk,
    others_share,
    read_cpu,
    read_disks,
    read_free,
    read_pressure,
)

MACHINE = Machine("anna-desk", cores=2, memory_mib=16384)


class Proc:
    """A proc whose two cores work as told, while time passes only when the sensor waits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.free = 8000
        self.farm_cpu = 0.0
        self.busy = 0.0
        self.farm = 0.0
        self.pressure = self.disk = 0.0
        self.disk_work = 1.0
        self._disk_ms = 5000.0
        self.waits: list[float] = []
        self.now = 0.0
        self._total, self._busy = 1000.0, 300.0
        self._write()

    def _write(self) -> None:
        user, idle = round(self._busy * 100), round((self._total - self._busy) * 100)
        (self.root / "stat").write_text(f"cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\nintr 5\n")
        (self.root / "meminfo").write_text(f"MemTotal: 1 kB\nMemFree: 2 kB\nMemAvailable: {self.free * 1024} kB\n")
        for name, share in (("memory", self.pressure), ("io", self.disk)):
            waiting = self.root / "pressure" / name
            waiting.parent.mkdir(exist_ok=True)
            waiting.write_text(f"some avg10={share:.2f} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00\n")
        disks = (("loop0", 0), ("sda", round(self._disk_ms)), ("sda1", round(self._disk_ms / 2)))
        lines = (f"   8 0 {name} 1 2 3 4 5 6 7 8 0 {busy} 99999 0 0\n" for name, busy in disks)
        (self.root / "diskstats").write_text("".join(lines))

    async def pause(self, seconds: float) -> None:
        """Let time pass: `busy` of the two cores is used, `farm` of it by the farm; a disk has work for `disk_work`."""
        await asyncio.sleep(0)
        self.waits.append(seconds)
        self.now += seconds
        self._total += 2 * seconds
        self._busy += 2 * seconds * self.busy
        self.farm_cpu += 2 * seconds * self.farm
        self._disk_ms += 1000 * seconds * self.disk_work
        self._write()


class Script(Listener):
    """Acts after each wait of the sensor, and ends the watch."""

    def __init__(self, proc: Proc, *acts: dict[str, float]) -> None:
        super().__init__()
        self.proc = proc
        self._acts = list(acts)

    async def pause(self, seconds: float) -> None:
        if not self._acts:
            raise asyncio.CancelledError
        for name, value in self._acts.pop(0).items():
            setattr(self.proc, name, value)
        await self.proc.pause(seconds)


async def play(root: Path, *acts: dict[str, float], **settings: int) -> Script:
    script = Script(Proc(root), *acts)
    proc = script.proc
    sensor = LoadSensor(
        Settings(**settings), lambda: proc.farm_cpu, lambda: 100.0, root, script.pause, lambda: proc.now
    )
    assert sensor.unusable() is None
    with pytest.raises(asyncio.CancelledError):
        await sensor.watch(script.report)
    return script


async def test_memory_is_known_at_once_and_load_soon(tmp_path: Path) -> None:
    heard = await play(tmp_path, {"busy": 0.5}, {})
    at_once = {"free_memory_mib": 8100, "memory_pressure": 0.0, "disk_pressure": 0.0}
    assert heard.readings == [at_once, {"others_cpu": pytest.approx(0.5)}]
    assert heard.proc.waits == [FIRST_PERIOD, PERIOD]


async def test_the_farms_own_work_is_not_the_owners(tmp_path: Path) -> None:
    heard = await play(tmp_path, {"busy": 0.9, "farm": 0.8})
    assert heard.seen.others_cpu == pytest.approx(0.1)


async def test_a_farm_that_counts_too_much_leaves_nothing(tmp_path: Path) -> None:
    heard = await play(tmp_path, {"busy": 0.5, "farm": 0.8})
    assert heard.seen.others_cpu == 0.0


async def test_only_what_matters_is_reported(tmp_path: Path) -> None:
    heard = await play(
        tmp_path,
        {"busy": 0.10},
        {"busy": 0.11, "free": 7900},
        {"free": 7872},
        {"busy": 0.5},
    )
    assert [sorted(one) for one in heard.readings] == [
        ["disk_pressure", "free_memory_mib", "memory_pressure"],
        ["others_cpu"],
        ["free_memory_mib"],
        ["others_cpu"],
    ]
    assert heard.seen.free_memory_mib == 7972


async def test_a_small_job_makes_small_changes_matter(tmp_path: Path) -> None:
    heard = await play(tmp_path, {}, {"free": 7998}, memory_per_job=16)
    assert heard.seen.free_memory_mib == 8098


QUIET: list[dict[str, float]] = [{"busy": 0.0}] * 6


async def test_work_is_seen_in_half_the_time_that_its_end_takes(tmp_path: Path) -> None:
    heard = await play(tmp_path, *QUIET, *[{"busy": 0.6}] * 4, *QUIET)
    shares = [one["others_cpu"] for one in heard.readings if "others_cpu" in one]
    assert shares == pytest.approx([0.0, 0.3, 0.6, 0.45, 0.3, 0.15, 0.0])


async def test_a_page_that_loads_for_a_moment_is_no_work(tmp_path: Path) -> None:
    heard = await play(tmp_path, *QUIET, {"busy": 1.0}, *QUIET)
    assert max(one.get("others_cpu", 0.0) for one in heard.readings) <= 0.5


@pytest.mark.parametrize("share", [0.52, 0.6, 0.75, 0.9, 1.0])
async def test_busy_is_noticed_twice_as_fast_as_idle(tmp_path: Path, share: float) -> None:
    """By sense and policy together, with the settings as they come."""
    proc, work, free = Proc(tmp_path), 20 * PERIOD, 40 * PERIOD
    agent = LendingAgent()

    async def pause(seconds: float) -> None:
        proc.busy = share if work <= agent.now < free else 0.0
        await proc.pause(seconds)
        agent.pass_time(seconds)
        if agent.now > 80 * PERIOD:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await LoadSensor(Settings(), proc=tmp_path, pause=pause, clock=lambda: proc.now).watch(agent.report)
    (_, begun), (kept, ended), (lent, again) = agent.turns
    assert (begun, ended, again) == (True, False, True)
    assert 0 < 2 * (kept - work) <= lent - free, (kept - work, lent - free)


class LendingAgent:
    """Policy and past on a clock of the test's own, for an owner who is away.

    Attributes:
        now: seconds.
        turns: when lending began or ended, and which it was.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.turns: list[tuple[float, bool]] = []
        self._seen = Observation(in_use=False, sandbox="")

    def report(self, reading: Reading) -> None:
        self._seen = self._seen.with_(reading)
        self._think()

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self._think()

    def _think(self) -> None:
        lent = bool(self.turns) and self.turns[-1][1]
        self._seen = carry_on(self._seen, Settings(), self.now, self.now)
        lends = decide(self._seen, Settings(), MACHINE, self.now, self.now, lent).want.lend
        if lends is not lent:
            self.turns.append((self.now, lends))


async def test_waiting_for_memory(tmp_path: Path) -> None:
    heard = await play(tmp_path, {"pressure": 2.0}, {"pressure": 6.9}, {"pressure": 7.0}, {})
    told = [one["memory_pressure"] for one in heard.readings if "memory_pressure" in one]
    assert told == [0.0, 0.069]


async def test_waiting_for_disks(tmp_path: Path) -> None:
    heard = await play(tmp_path, {"disk": 2.0}, {"disk": 6.9, "pressure": 50.0}, {"disk": 90.0}, {})
    told = [one["disk_pressure"] for one in heard.readings if "disk_pressure" in one]
    assert told == [0.0, 0.069, 0.9]
    assert heard.seen.memory_pressure == 0.5


async def test_who_waits_for_packets_by_io_uring_waits_for_no_disk(tmp_path: Path) -> None:
    waiting: dict[str, float] = {"disk": 99.0, "disk_work": 0.0}
    heard = await play(tmp_path, waiting, {}, {}, {"disk_work": 0.8}, {}, {"disk_work": 2.0}, {}, {"disk": 10.0})
    told = [one["disk_pressure"] for one in heard.readings if "disk_pressure" in one]
    assert told == pytest.approx([0.0, 0.4, 0.8, 0.99, 0.1])


@pytest.mark.parametrize("missing", ["pressure/memory", "pressure/io", "diskstats"])
async def test_a_kernel_that_keeps_no_such_account(tmp_path: Path, missing: str) -> None:
    proc = Proc(tmp_path)
    proc.pressure = proc.disk = 50.0
    await proc.pause(0.0)
    (tmp_path / missing).unlink()
    heard, rounds = Listener(), iter(range(3))

    async def pause(_: float) -> None:
        if next(rounds, None) is None:
            raise asyncio.CancelledError
        proc.now += PERIOD

    with pytest.raises(asyncio.CancelledError):
        await LoadSensor(Settings(), proc=tmp_path, pause=pause, clock=lambda: proc.now).watch(heard.report)
    assert (heard.seen.memory_pressure is None) is (missing == "pressure/memory")
    assert heard.seen.disk_pressure == {"pressure/io": None, "diskstats": 0.5, "pressure/memory": 0.0}[missing]


def test_disks_that_come_and_go() -> None:
    assert busiest_disk({"sda": 5000}, {"sda": 6000, "sdb": 90000}, 10.0) == 0.1, "what sdb did before is not known"
    assert busiest_disk({"sda": 5000}, {}, 10.0) == 0.0
    assert busiest_disk({"sda": 5000}, {"sda": 3000}, 10.0) == 0.0
    assert busiest_disk({"sda": 0}, {"sda": 11000}, 10.0) == 1.0
    assert read_disks("8 0 sda 1\n") == {}


@pytest.mark.parametrize("pressure", ["", "full avg10=1.00", "some", "some total=7", "some avg10=many"])
def test_a_strange_pressure_is_refused(pressure: str) -> None:
    with pytest.raises(ValueError, match=r"pressure file|could not convert"):
        read_pressure(pressure)


async def test_a_proc_that_goes_away(tmp_path: Path) -> None:
    proc = Proc(tmp_path)

    async def vanish(_: float) -> None:
        (tmp_path / "stat").write_text("")

    sensor = LoadSensor(Settings(), proc=tmp_path, pause=vanish)
    with pytest.raises(SenseLost, match="does not begin"):
        await sensor.watch(lambda _: None)
    assert proc.free == 8000


def test_no_proc(tmp_path: Path) -> None:
    assert "No such file" in (LoadSensor(Settings(), proc=tmp_path).unusable() or "")


@pytest.mark.parametrize("stat", ["", "\n", "intr 1 2 3 4 5\n", "cpu 1 2 3\n", "cpu a b c d e f g h\n"])
def test_a_strange_stat_is_refused(stat: str) -> None:
    with pytest.raises(ValueError, match=r"/proc/stat|invalid literal"):
        read_cpu(stat, 0.0)


def test_waiting_for_disks_is_not_work() -> None:
    assert read_cpu("cpu 100 200 300 1000 500 10 20 30 99 99\ncpu0", 7.0) == Sample(21.6, 6.6, 7.0)


def test_a_strange_meminfo_is_refused() -> None:
    with pytest.raises(ValueError, match="MemAvailable"):
        read_free("MemTotal: 5 kB\n")


def test_no_time_no_share() -> None:
    assert others_share(Sample(10, 5, 0), Sample(10, 5, 0)) is None
    assert others_share(Sample(10, 5, 3), Sample(20, 10, 1)) == 0.5, "a farm's count that fell is no work of the owner"


async def test_this_machine() -> None:
    async with watching(LoadSensor(Settings())) as heard:
        await heard.until(lambda: heard.seen.others_cpu is not None)
        assert heard.seen.others_cpu is not None
        assert 0 <= heard.seen.others_cpu <= 1
        assert (heard.seen.free_memory_mib or 0) > 0
