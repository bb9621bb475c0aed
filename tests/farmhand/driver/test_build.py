"""Whole builds in a process of their own: real make, real compilers, hosts that come and go, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fakes.built_project import Project, ended
from fakes.fake_gate import FakeGate, Manner
from fakes.registry_program import KEY, a_beat, running_registry
from fakes.waiting import comes_true
from msgspec.structs import replace

from farmhand.driver.build import check_command, run
from farmhand.driver.job import WORD_IN_TEXT
from farmhand.errors import OwnerError
from farmhand.links.registry import RegistryLink
from farmhand.wire.ticket import verify

FARMS = [pytest.param("", id="no registry"), pytest.param(None, id="registry")]
UNSEEN = "  is not seen: configure the build tree inside `farmhand build`, or give the compiler by name"


async def test_without_a_registry_the_command_runs_untouched_and_it_is_said(project: Project) -> None:
    built = await project.build("make", farm="")
    assert (built.status, built.output) == (0, "")
    assert built.lines == ["farmhand: no registry is set: building on this machine only"]
    assert project.counts()["jobs"] == len(os.sched_getaffinity(0))
    seen = await project.build("env", "--null", farm="")
    assert dict(line.split("=", 1) for line in seen.output.split("\0")[:-1]) == project.environ()
    assert project.left_behind() == []


async def test_a_build_uses_the_farm(project: Project, distccd: int) -> None:
    expected = project.alone()
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        built = await project.build("make")
        counts = project.counts()
    assert (built.status, built.output, len(built.lines)) == (0, "", 1)
    assert built.errors.startswith("farmhand: 3 files: ")
    assert (counts["total"], counts["local"] + counts["remote"], counts["failed_over"]) == (3, 3, 0)
    assert counts["remote"] >= 1
    assert set(gate.tickets) == {"ticket"}
    assert project.objects() == expected
    assert project.left_behind() == []


async def test_a_real_registry_gives_hosts_and_tickets_that_their_gates_accept(project: Project, distccd: int) -> None:
    with running_registry() as registry:
        async with FakeGate(distccd).open() as gate:
            link = RegistryLink(registry.url)
            link.beat("desk", replace(a_beat(), port=gate.host().port))
            built = await project.build("make", farm=registry.url)
            link.close()
    assert (built.status, len(built.lines)) == (0, 1)
    assert project.counts()["hosts"]["desk"] >= 1
    claims = verify(gate.tickets[0], bytes.fromhex(KEY))
    assert (claims.host, claims.project) == ("desk", "project")


async def test_a_registry_that_does_not_answer_costs_one_line(project: Project) -> None:
    with running_registry() as registry:
        url = registry.url
    built = await project.build("make", farm=url)
    assert built.status == 0
    assert built.errors.startswith(f"farmhand: building on this machine until the registry {url} answers: ")
    assert len(built.lines) == 2


async def test_without_hosts_for_now_it_says_so(project: Project) -> None:
    built = await project.build("make")
    assert built.status == 0
    assert built.lines[0].startswith("farmhand: no host with this machine's compilers has a free slot now: building on")
    assert built.lines[1].startswith("farmhand: 3 files: 3 here, ")


async def test_hosts_that_come_go_and_break_change_nothing_but_the_speed(tmp_path: Path, distccd: int) -> None:
    project = Project(tmp_path, files=24)
    expected = project.alone()
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
        built = await ended(process)
    assert (built.status, built.output, len(built.lines)) == (0, "", 1)
    assert project.objects() == expected
    assert project.counts()["total"] == 24
    assert project.left_behind() == []


@pytest.mark.parametrize("farm", FARMS)
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
async def test_the_exit_status_is_the_commands(
    project: Project, command: list[str], status: int, farm: str | None
) -> None:
    assert (await project.build(*command, farm=farm)).status == status
    assert project.left_behind() == []


@pytest.mark.parametrize("name", ["./build", "build"])
@pytest.mark.parametrize("farm", FARMS)
async def test_a_script_without_a_first_line_is_run_by_the_shell(project: Project, name: str, farm: str | None) -> None:
    (project.folder / "build").write_text('gcc -c f0.c && echo "built $*"; exit 7\n')
    (project.folder / "build").chmod(0o755)
    path = {"PATH": f"{project.folder}:{os.environ['PATH']}"}
    built = await project.build(name, "a", "b c", farm=farm, variables=path)
    assert (built.status, built.output) == (7, "built a b c\n")
    assert project.counts()["total"] == (farm is None)


@pytest.mark.parametrize("farm", FARMS)
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", ""], ids=["closed", "full", "no reader"])
@pytest.mark.parametrize(("command", "status"), [("touch built; exit 7", 7), ("touch built", 0)])
async def test_a_closed_standard_error_changes_nothing(
    project: Project, closed: str, command: str, status: int, farm: str | None
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'exec "$@" {closed}', "sh",
        *(word for word in project.words("sh", "-c", command, farm=farm) if word not in ("-X", "dev")),
        cwd=project.folder, env=project.environ(), stdout=subprocess.PIPE, stderr=writer,
    )  # fmt: skip
    os.close(writer)
    built = await ended(process)
    assert (built.status, built.output) == (status, "")
    assert (project.folder / "built").exists()
    assert project.counts()["total"] == 0


async def test_a_summary_that_cannot_be_written_costs_one_line(project: Project) -> None:
    project.summary.mkdir()
    for farm in ("", None):
        built = await project.build("sh", "-c", "exit 7", farm=farm)
        assert built.status == 7
        assert built.lines[-1] == f"farmhand: cannot write the summary to {project.summary}: Is a directory"


async def test_a_user_without_a_name_builds_under_a_number(project: Project, tmp_path: Path) -> None:
    state = tmp_path / "registry"
    state.mkdir()
    names = {"LOGNAME", "USER", "LNAME", "USERNAME"}
    with running_registry(state) as registry:
        process = await asyncio.create_subprocess_exec(
            "unshare", "--user", "--map-user=54321",
            *project.words("sh", "-c", "exit 7", farm=registry.url),
            cwd=project.folder,
            env={name: value for name, value in project.environ().items() if name not in names},
            stderr=subprocess.PIPE,
        )  # fmt: skip
        built = await ended(process)
    assert built.status == 7, built.errors
    written = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"54321 built project on " in written


async def test_an_error_in_the_source_fails_the_build_with_the_compilers_words(project: Project, distccd: int) -> None:
    (project.folder / "f1.c").write_text("int f( { return; }\n")
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        built = await project.build("make", "-k")
    assert built.status == 2
    assert built.errors.count("error: ") == 1


async def test_a_build_that_calls_no_compiler_by_name_is_told_how(project: Project) -> None:
    built = await project.build("/usr/bin/gcc", "-c", "f0.c")
    assert built.status == 0
    assert built.lines[1].startswith("farmhand: no compiler was called through Farmhand in ")
    assert built.lines[2] == f"farmhand: {UNSEEN}"


async def test_what_could_not_leave_or_was_done_twice_is_told(project: Project, distccd: int) -> None:
    (project.folder / "f1.c").write_text('#warning "look"\nint x;\n')
    (project.folder / "f2.c").write_text("const char *when = __DATE__;\n")
    async with FakeGate(distccd, Manner.DECORATE).open() as gate:
        project.offer(gate)
        built = await project.build("sh", "-c", "gcc -c f0.c; gcc -march=native -c f1.c 2>/dev/null; gcc -c f2.c")
    assert built.status == 0
    assert built.lines[0].startswith("farmhand: 3 files: 3 here, ")
    assert built.lines[1].startswith("farmhand: 2 files could not leave this machine: -march=native (1), text that")
    assert built.lines[2:] == ["farmhand: 1 file compiled again here, for the compiler had something to say"]
    assert project.counts()["kept"] == {"-march=native": 1, WORD_IN_TEXT: 1}


async def test_standard_input_is_the_commands(project: Project) -> None:
    for farm in ("", None):
        process = await project.start("cat", stdin=subprocess.PIPE, farm=farm)
        output, _ = await process.communicate(b"hello")
        assert output == b"hello"


def test_nothing_to_build_is_the_users_mistake() -> None:
    with pytest.raises(OwnerError, match="nothing to build: give a command"):
        check_command([])
    with pytest.raises(OwnerError, match="nothing to build"):
        run([], "", None, quiet=True)
