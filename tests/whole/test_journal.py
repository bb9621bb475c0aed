"""What the owner can look back on and whom the owner can keep out, with real builds; a crash leaves nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from farmhand.links.agent import AgentLink
from farmhand.wire.local import Block
from farmhand_agent.traces.leftovers import identify
from tests.fakes import procfs
from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation, boxed

ENDLESS = """
template <int N, int M> struct T { enum { v = T<N - 1, M>::v + T<N - 1, M + 1>::v }; };
template <int M> struct T<0, M> { enum { v = M }; };
int x = T<600, 0>::v;
"""
"""Keeps a compiler busy for much longer than any of these tests."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as made:
        yield made


def lending(stage: Stage, **settings: object) -> Workstation:
    station = stage.workstation("orchard", lend="always", **settings)
    station.wait("lent")
    return station


def history(station: Workstation, *words: str) -> dict[str, Any]:
    return dict(json.loads(station.say("history", "--json", *words).stdout))


def distcc(stage: Stage, station: Workstation, source: str) -> subprocess.Popen[bytes]:
    """Compile by plain distcc on the station and nowhere else, by a distcc that knows of no earlier failure."""
    environ = {
        **stage.environ,
        "DISTCC_HOSTS": station.environ["FARMHAND_GATE"],
        "DISTCC_DIR": tempfile.mkdtemp(dir=stage.folder),
        "DISTCC_FALLBACK": "0",
        "DISTCC_SKIP_LOCAL_RETRY": "1",
    }
    command = ["distcc", "g++", "-ftemplate-depth=2000", "-c", source, "-o", "out.o"]
    return subprocess.Popen(command, cwd=stage.folder, env=environ, stderr=subprocess.DEVNULL)


@contextmanager
def endless_job(stage: Stage, station: Workstation) -> Iterator[subprocess.Popen[bytes]]:
    """A compile that runs on the station, as long as it is let."""
    (stage.folder / "endless.cc").write_text(ENDLESS)
    client = distcc(stage, station, "endless.cc")
    try:
        until(lambda: station.status()["jobs"] and compilers(), "the compiler runs on the station", every=0.02)
        yield client
    finally:
        client.kill()
        client.wait()


def compilers() -> set[int]:
    """Compilers that run in boxes."""
    return {pid for pid in boxed() if procfs.name(pid) == "cc1plus"}


def test_a_build_shows_up_in_the_history(stage: Stage) -> None:
    stage.open_registry()
    station = lending(stage)
    folder = stage.folder / "hello"
    folder.mkdir()
    (folder / "greet.c").write_text("int greet(void) { return 42; }\n")
    (folder / "wrong.c").write_text("int wrong(void) { return nothing; }\n")
    (folder / "Makefile").write_text("all: greet.o wrong.o\n%.o: %.c\n\t$(CC) -c $< -o $@\n")
    build = stage.build(folder, "make", "-k", "CC=gcc")
    output, _ = build.communicate(timeout=60)
    assert build.returncode != 0, f"wrong.c must not compile: {output}"

    told = history(station)
    jobs = {job["file"]: job for job in told["jobs"]}
    assert jobs, f"nothing was compiled on the farm: {output}"
    for file, status in (("greet.c", 0), ("wrong.c", 1)):
        if file in jobs:
            job = jobs[file]
            assert (job["status"], job["end"]) == (status, "served")
            assert job["compiler"].endswith("gcc")
            assert job["bytes_in"] > 50
            assert job["bytes_out"] > 10
            assert job["ran"] > 0
            assert job["user"]
            assert job["grant"]
    assert told["summary"]["jobs"] == len(told["jobs"])
    user = told["jobs"][0]["user"]
    assert history(station, "--user", user)["summary"]["jobs"] == len(told["jobs"])
    assert history(station, "--user", "nobody-else")["jobs"] == []
    table = station.say("history").stdout
    assert next(iter(jobs)) in table
    assert "for 1 person" in table


def test_plain_distcc_shows_up_by_its_address_and_a_reclaim_by_its_rule(stage: Stage) -> None:
    station = lending(stage)
    (stage.folder / "small.cc").write_text("int small() { return 1; }\n")
    assert distcc(stage, station, "small.cc").wait(60) == 0
    with endless_job(stage, station):
        station.say("reclaim")
    told = history(station)
    ends = {job["file"]: (job["user"], job["status"], job["end"]) for job in told["jobs"]}
    assert ends["small.cc"] == ("127.0.0.1", 0, "served")
    assert ends["endless.cc"] == ("127.0.0.1", None, "the owner took the machine back")
    (reclaim,) = told["reclaims"]
    assert reclaim["jobs"] == 1
    assert reclaim["slots"] >= 1
    assert "keep" in reclaim["rule"] or "choice" in reclaim["rule"], reclaim
    assert reclaim["milliseconds"] > 0
    assert station.status()["reclaim_p50_ms"] == reclaim["milliseconds"]


def test_a_block_cuts_at_once_is_remembered_and_can_be_lifted(stage: Stage) -> None:
    station = lending(stage)
    with endless_job(stage, station) as client:
        with AgentLink(station.folder / "run" / "farmhand" / "agent.sock") as link:
            link.ask(Block("127.0.0.1"))
            until(lambda: not compilers(), "the compiler is gone, though its work is not done")
        assert client.wait(60) != 0
    assert station.say("block").stdout == "127.0.0.1\n"
    (stage.folder / "small.cc").write_text("int small() { return 1; }\n")
    assert distcc(stage, station, "small.cc").wait(60) != 0
    station.stop()
    station.start()
    station.wait("lent")
    assert station.status()["blocked"] == ["127.0.0.1"]
    assert distcc(stage, station, "small.cc").wait(60) != 0
    assert history(station)["summary"]["turned_away"] == [["not admitted", 2]]
    station.say("unblock", "127.0.0.1")
    assert distcc(stage, station, "small.cc").wait(60) == 0
    assert station.say("unblock", "127.0.0.1", check=False).returncode == 1


def test_a_journal_that_is_switched_off_keeps_nothing(stage: Stage) -> None:
    station = lending(stage, journal="false")
    (stage.folder / "small.cc").write_text("int small() { return 1; }\n")
    assert distcc(stage, station, "small.cc").wait(60) == 0
    told = history(station)
    assert told["jobs"] == []
    assert "journal" in told["trouble"]
    assert not list((station.folder / "state").rglob("journal*"))


def test_a_killed_agent_leaves_no_box_behind(stage: Stage) -> None:
    station = lending(stage)
    with endless_job(stage, station):
        inside = boxed()
        assert inside
        station.stop(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: not boxed() & inside, "the boxes are gone", every=0.001)
        took = (time.monotonic() - killed) * 1e3
    print(f"boxes gone {took:.0f} ms after their agent was killed")


def test_what_a_crash_left_is_ended_at_the_next_start_and_strangers_are_not(stage: Stage) -> None:
    station = lending(stage)
    left = subprocess.Popen(["sleep", "600"])
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        station.stop(signal.SIGKILL)
        record = station.folder / "run" / "farmhand" / "boxes.json"
        assert json.loads(record.read_text()), "boxes were on record when the agent died"
        mine, other = identify(left.pid), identify(stranger.pid)
        assert mine is not None
        assert other is not None
        named = [mine, msgspec.structs.replace(other, started=other.started + 1)]
        record.write_bytes(msgspec.json.encode({"processes": named}))
        station.start()
        assert left.wait(60) == -signal.SIGKILL
        assert stranger.poll() is None
        assert "an earlier life" in station.log.read_text()
        station.wait("lent")
        station.stop()
        assert json.loads(record.read_text()) == {"processes": [], "traces": []}
    finally:
        for one in (left, stranger):
            one.kill()
            one.wait()
