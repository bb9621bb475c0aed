"""Whole builds in a process of their own: real make, real distcc, real compilers, hosts that come and go."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fakes import run_build
from fakes.fake_gate import FakeGate, Manner
from fakes.registry_program import KEY, a_beat, running_registry
from fakes.waiting import comes_true
from msgspec.structs import replace

from farmhand.driver.build import check_command, run
from farmhand.errors import OwnerError
from farmhand.links.registry import RegistryLink
from farmhand.wire.ticket import verify

MAKEFILE = "OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))\nall: $(OBJECTS)\n%.o: %.c\n\t@gcc -O2 -c -o $@ $<\n"
ROOT = Path(run_build.__file__).parents[2]


class Project:
    """A folder with C files and a Makefile, and the builds run in it."""

    def __init__(self, folder: Path, files: int = 3) -> None:
        self.folder = folder / "project"
        self.temporary = folder / "tmp"
        self.hosts = folder / "hosts"
        self.summary = folder / "summary.json"
        for made in (self.folder, self.temporary):
            made.mkdir()
        self.hosts.touch()
        (self.folder / "Makefile").write_text(MAKEFILE)
        body = "".join(f"int g{line}(int x) {{ return x % {line + 3}; }}\n" for line in range(120))
        for number in range(files):
            (self.folder / f"f{number}.c").write_text(f"int f{number}(int x) {{ return x * {number}; }}\n{body}")

    async def start(
        self, *command: str, hosts: bool = True, registry: str = "", **options: Any
    ) -> asyncio.subprocess.Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISTCC", "MAKE", "CC"))}
        farm = registry or (str(self.hosts) if hosts else "")
        return await asyncio.create_subprocess_exec(
            sys.executable, "-X", "dev", run_build.__file__, self.summary, farm, *command,
            cwd=self.folder,
            env=kept | {"TMPDIR": str(self.temporary), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )  # fmt: skip

    async def build(self, *command: str, hosts: bool = True, registry: str = "") -> tuple[int, str, str]:
        process = await self.start(*command, hosts=hosts, registry=registry)
        output, errors = await asyncio.wait_for(process.communicate(), 100)
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    def counts(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.summary.read_text())
        return result

    def objects(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.glob("*.o")}

    def clean(self) -> None:
        for path in self.folder.glob("*.o"):
            path.unlink()

    def offer(self, *gates: FakeGate) -> None:
        fresh = self.hosts.with_suffix(".new")
        fresh.write_text("".join(f"{gate.host().port}\n" for gate in gates))
        fresh.rename(self.hosts)

    def left_behind(self) -> list[Path]:
        return list(self.temporary.iterdir())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


async def test_without_a_registry_a_build_runs_here_and_says_so(project: Project) -> None:
    status, output, errors = await project.build("make", hosts=False)
    lines = errors.splitlines()
    assert (status, output) == (0, "")
    assert lines[0] == "farmhand: no registry is set: building on this machine only"
    assert lines[1].startswith("farmhand: 3 files: 3 here, ")
    assert len(lines) == 2
    assert project.counts()["jobs"] == len(os.sched_getaffinity(0))
    assert project.left_behind() == []


async def test_a_build_uses_the_farm(project: Project, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        status, output, errors = await project.build("make")
        counts = project.counts()
    assert (status, output) == (0, "")
    assert errors.startswith("farmhand: 3 files: ")
    assert (counts["total"], counts["local"] + counts["remote"], counts["failed_over"]) == (3, 3, 0)
    assert counts["remote"] >= 1
    assert set(gate.tickets) == {"ticket"}


async def test_a_real_registry_gives_hosts_and_tickets_that_their_gates_accept(project: Project, distccd: int) -> None:
    with running_registry() as registry:
        async with FakeGate(distccd).open() as gate:
            link = RegistryLink(registry.url)
            link.beat("desk", replace(a_beat(), port=gate.host().port))
            status, _, errors = await project.build("make", registry=registry.url)
            link.close()
    assert (status, len(errors.splitlines())) == (0, 1)
    assert project.counts()["hosts"]["desk"] >= 1
    claims = verify(gate.tickets[0], bytes.fromhex(KEY))
    assert (claims.host, claims.project) == ("desk", "project")


async def test_a_registry_that_does_not_answer_costs_one_line(project: Project) -> None:
    with running_registry() as registry:
        url = registry.url
    status, _, errors = await project.build("make", registry=url)
    assert status == 0
    assert errors.startswith(f"farmhand: building on this machine until the registry {url} answers: ")
    assert len(errors.splitlines()) == 2


async def test_without_hosts_for_now_it_says_so(project: Project) -> None:
    status, _, errors = await project.build("make")
    assert status == 0
    assert errors.startswith("farmhand: no host with this machine's compilers has a free slot now: building on this")


async def test_hosts_that_come_go_and_break_change_nothing_but_the_speed(tmp_path: Path, distccd: int) -> None:
    project = Project(tmp_path, files=24)
    assert (await project.build("make", hosts=False))[0] == 0
    expected = project.objects()
    project.clean()
    gates = [FakeGate(distccd) for _ in range(3)]
    async with AsyncExitStack() as stack:
        for gate in gates:
            await stack.enter_async_context(gate.open())
        project.offer(gates[0])
        process = await project.start("make", "-j8")
        manners = (Manner.RELAY, Manner.CUT_REPLY, Manner.RELAY, Manner.CUT_BEFORE_REPLY, Manner.BUSY)
        turn = 0
        while len(project.objects()) < 20 and process.returncode is None:
            seen = len(project.objects())
            gates[turn % 3].cut()
            gates[turn % 3].manner = manners[turn % 5]
            project.offer(gates[turn % 3], gates[(turn + 1) % 3])
            turn += 1
            await comes_true(
                lambda seen=seen: len(project.objects()) > seen or process.returncode is not None, within=60
            )
        output, errors = await process.communicate()
    assert (process.returncode, output) == (0, b"")
    assert len(errors.splitlines()) == 1
    assert project.objects() == expected
    assert project.counts()["total"] == 24
    assert project.left_behind() == []


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["no-such-program"], 127),
        (["./Makefile"], 126),
    ],
    ids=str,
)
async def test_the_exit_status_is_the_commands(project: Project, command: list[str], status: int) -> None:
    assert (await project.build(*command))[0] == status
    assert project.left_behind() == []


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ""])
@pytest.mark.parametrize(("command", "status"), [("touch built; exit 7", 7), ("touch built", 0)])
async def test_a_closed_standard_error_changes_nothing(
    project: Project, closed: str, command: str, status: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = (sys.executable, run_build.__file__, str(project.summary), "", "sh", "-c", command)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {closed}', "sh", *words,
        cwd=project.folder,
        env={**os.environ, "TMPDIR": str(project.temporary), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE, stderr=writer,
    )  # fmt: skip
    os.close(writer)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output) == (status, b"")
    assert (project.folder / "built").exists()
    assert project.counts()["total"] == 0


async def test_a_summary_that_cannot_be_written_costs_one_line(project: Project) -> None:
    project.summary.mkdir()
    status, _, errors = await project.build("sh", "-c", "exit 7", hosts=False)
    assert status == 7
    assert errors.splitlines()[2:] == [f"farmhand: cannot write the summary to {project.summary}: Is a directory"]


async def test_a_user_without_a_name_builds_under_a_number(project: Project, tmp_path: Path) -> None:
    state = tmp_path / "registry"
    state.mkdir()
    names = {"LOGNAME", "USER", "LNAME", "USERNAME"}
    with running_registry(state) as registry:
        process = await asyncio.create_subprocess_exec(
            "unshare", "--user", "--map-user=54321",
            sys.executable, run_build.__file__, project.summary, registry.url, "sh", "-c", "exit 7",
            cwd=project.folder,
            env={name: value for name, value in os.environ.items() if name not in names}
            | {"TMPDIR": str(project.temporary), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stderr=subprocess.PIPE,
        )  # fmt: skip
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 7, errors
    written = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"54321 built project on " in written


async def test_an_error_in_the_source_fails_the_build_with_the_compilers_words(project: Project, distccd: int) -> None:
    (project.folder / "f1.c").write_text("int f( { return; }\n")
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        status, _, errors = await project.build("make", "-k")
    assert status == 2
    assert errors.count("error: ") == 1


async def test_standard_input_is_the_commands(project: Project) -> None:
    process = await project.start("cat", stdin=subprocess.PIPE, hosts=False)
    output, _ = await process.communicate(b"hello")
    assert output == b"hello"


async def test_ctrl_c_in_a_terminal_ends_everything(project: Project) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        "setsid", "--ctty", sys.executable, run_build.__file__, project.summary, "",
        "sh", "-c", "touch up & exec sleep 60",
        cwd=project.folder,
        env={**os.environ, "TMPDIR": str(project.temporary), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    await comes_true((project.folder / "up").exists)
    os.write(ours, b"\x03")
    status = await asyncio.wait_for(process.wait(), 30)
    os.close(ours)
    assert status == 130
    assert project.left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_driver_alone_is_passed_on(project: Project, number: signal.Signals) -> None:
    process = await project.start("sh", "-c", "touch up; exec sleep 60", hosts=False, start_new_session=True)
    await comes_true((project.folder / "up").exists)
    process.send_signal(number)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 128 + number
    assert project.left_behind() == []


def test_nothing_to_build_is_the_users_mistake() -> None:
    with pytest.raises(OwnerError, match="nothing to build: give a command"):
        check_command([])
    with pytest.raises(OwnerError, match="nothing to build"):
        run([], "", None, quiet=True)
