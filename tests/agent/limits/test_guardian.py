"""Boxes of a killed agent die at once. The end of the pipe is all that the guardian sees: dismissing it is the same."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.cgroups import fake_group, real_group, why_no_real_ones
from fakes.procfs import lives
from fakes.waiting import comes_true, until

from farmhand_agent.limits.guardian import Guardian
from farmhand_agent.traces.leftovers import Identity, identify


@pytest.fixture
def sleepers() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Three sessions that stay until somebody ends them."""
    made = [subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(3)]
    yield made
    for one in made:
        one.kill()
        one.wait()


def identities(sleepers: list[subprocess.Popen[bytes]]) -> list[Identity]:
    found = [identify(one.pid) for one in sleepers]
    assert all(found)
    return [one for one in found if one is not None]


def ended(sleeper: subprocess.Popen[bytes]) -> bool:
    """Whether somebody kills it."""
    return sleeper.wait(30) == -signal.SIGKILL


async def test_who_is_known_when_the_pipe_ends_is_killed(sleepers: list[subprocess.Popen[bytes]]) -> None:
    guardian = Guardian(None)
    guardian.add(identities(sleepers))
    await guardian.dismiss()
    assert all(map(ended, sleepers))


async def test_it_has_nothing_of_the_owners_session_but_where_programs_are() -> None:
    guardian = Guardian(None)
    variables = await comes_true(Path(f"/proc/{guardian.pid}/environ").read_bytes)
    await guardian.dismiss()
    assert [one.partition(b"=")[0] for one in variables.split(b"\0")[:-1]] == [b"PATH"]


async def test_who_is_forgotten_lives(sleepers: list[subprocess.Popen[bytes]]) -> None:
    first, second, third = identities(sleepers)
    guardian = Guardian(None)
    guardian.add([first, second])
    guardian.add([third])
    guardian.remove([second])
    await guardian.dismiss()
    assert all(map(ended, sleepers[::2]))
    assert sleepers[1].poll() is None


async def test_a_stranger_with_the_same_number_lives(sleepers: list[subprocess.Popen[bytes]]) -> None:
    (one, *_) = identities(sleepers)
    guardian = Guardian(None)
    guardian.add([msgspec.structs.replace(one, started=one.started - 1)])
    await guardian.dismiss()
    assert sleepers[0].poll() is None


async def test_who_has_ended_is_no_trouble(sleepers: list[subprocess.Popen[bytes]]) -> None:
    known = identities(sleepers)
    sleepers[0].kill()
    assert ended(sleepers[0])
    guardian = Guardian(None)
    guardian.add(known)
    await guardian.dismiss()
    assert ended(sleepers[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_a_terminal_or_systemd_says_first_does_not_end_it(
    sleepers: list[subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    guardian = Guardian(None)
    until(lambda: _is_past_its_first_line(guardian.pid))
    os.kill(guardian.pid, number)
    guardian.add(identities(sleepers[:1]))
    await guardian.dismiss()
    assert ended(sleepers[0])


def _is_past_its_first_line(pid: int) -> bool:
    """Whether it ignores SIGTERM by now."""
    ignored = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored.split()[1], 16) & 1 << signal.SIGTERM - 1)


async def test_a_guardian_that_was_killed_is_no_trouble(sleepers: list[subprocess.Popen[bytes]]) -> None:
    guardian = Guardian(None)
    os.kill(guardian.pid, signal.SIGKILL)
    await comes_true(lambda: not lives(guardian.pid))
    guardian.add(identities(sleepers))
    await guardian.dismiss()
    assert sleepers[0].poll() is None


async def test_the_group_is_lifted_and_killed(tmp_path: Path) -> None:
    top = fake_group(tmp_path / "top")
    ending = asyncio.create_task(Guardian(top.folder).dismiss())
    await comes_true(lambda: top.read("cgroup.kill").strip() == "1")
    assert [top.read(file).strip() for file in ("cpu.idle", "cpu.weight")] == ["0", "10000"]
    top.folder.rename(tmp_path / "gone")
    await ending


async def test_a_group_that_is_gone_already_is_no_trouble(tmp_path: Path) -> None:
    await Guardian(tmp_path / "top").dismiss()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(bool(why_no_real_ones()), reason=why_no_real_ones() or "-")
async def test_everything_in_the_group_ends_and_the_group_with_it(sleepers: list[subprocess.Popen[bytes]]) -> None:
    with real_group("farmhand-test") as top:
        for number, one in enumerate(sleepers):
            top.child("boxes").child(str(number)).enter(one.pid)
        await Guardian(top.folder).dismiss()
        assert all(map(ended, sleepers))
        assert not top.folder.exists()
