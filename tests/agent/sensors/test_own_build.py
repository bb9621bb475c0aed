"""Builds of this machine's own, by real tools: copies and links under names that no other build here has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from fakes.listener import Listener, watching
from fakes.own_builds import Workplace

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.own_build import COMPILER_PAUSE, FIRST_PAUSE, LOOKS, TOOL_PAUSE, OwnBuild
from farmhand_agent.sensors.process_names import PROC

MAKE, NINJA, COMPILER = (f"t{os.getpid()}-{name}" for name in ("make", "ninja", "gcc"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    with Workplace(tmp_path) as workplace:
        yield workplace


def sensor(place: Workplace, *, linger: float = 0.1, long: float = 600.0, proc: Path = PROC) -> OwnBuild:
    return OwnBuild(
        Settings(build_tools=(NINJA,)),
        {"PATH": str(place.bin)},
        proc,
        linger,
        long,
        tools=(MAKE,),
        compilers=(COMPILER,),
    )


def listening(place: Workplace, *, linger: float = 0.1, long: float = 600.0) -> AbstractAsyncContextManager[Listener]:
    return watching(sensor(place, linger=linger, long=long))


def told(heard: Listener) -> list[str]:
    return [reading["own_build"] for reading in heard.readings]


async def test_a_build_starts_and_ends(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    async with listening(place) as heard:
        for _ in range(2):
            await heard.until_seen(own_build="")
            build = place.start(make, "wait")
            await heard.until_seen(own_build=MAKE)
            place.end(build)
            await heard.until_seen(own_build="")
    assert told(heard) == ["", MAKE, "", MAKE, ""]


async def test_a_tool_of_the_owners_choice(place: Workplace) -> None:
    ninja = place.install(NINJA, "ninja")
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        place.start(ninja)
        await heard.until_seen(own_build=NINJA)


async def test_a_compiler_started_by_hand(place: Workplace) -> None:
    gcc = place.bin / COMPILER
    gcc.symlink_to("/usr/bin/gcc")
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        place.start(gcc, "-c", "fifo.c")  # waits for somebody to write its source
        await heard.until_seen(own_build=COMPILER, within=COMPILER_PAUSE + 10)


async def test_a_build_that_ran_before_the_agent_did(place: Workplace) -> None:
    build = place.start(place.install(MAKE, "make"), "wait")
    async with listening(place) as heard:
        await heard.until_seen(own_build=MAKE)
        place.end(build)
        await heard.until_seen(own_build="")
    assert told(heard)[-2:] == [MAKE, ""]


async def test_one_build_after_the_other_is_one(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    async with listening(place, linger=0.5) as heard:
        await heard.until_seen(own_build="")
        first = place.start(make, "wait")
        await heard.until_seen(own_build=MAKE)
        second = place.start(make, "wait")
        place.end(first)
        await heard.until(lambda: len(heard.readings) > 2)
        place.end(second)
        await heard.until_seen(own_build="")
    assert told(heard) == ["", MAKE, MAKE, ""]


async def test_the_tool_is_replaced_by_an_upgrade(place: Workplace) -> None:
    place.install(MAKE, "make")
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        newer = place.install(MAKE, "make")
        place.start(newer, "wait")
        await heard.until_seen(own_build=MAKE)


async def test_the_tool_is_installed_later_in_a_folder_that_comes_later(place: Workplace) -> None:
    place.bin.rmdir()
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        place.bin.mkdir()
        await asyncio.sleep(FIRST_PAUSE)
        make = place.install(MAKE, "make")
        place.start(make, "wait")
        await heard.until_seen(own_build=MAKE)


async def test_what_has_run_for_long_is_no_build(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    async with listening(place, long=1.0) as heard:
        await heard.until_seen(own_build="")
        place.start(make, "wait")
        await heard.until_seen(own_build=MAKE)
        await heard.until_seen(own_build="")
        newer = place.start(make, "wait")
        await heard.until_seen(own_build=MAKE)
        place.end(newer)
        await heard.until_seen(own_build="")


async def test_what_only_reads_the_file_is_no_build(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        make.read_bytes()
        await asyncio.sleep(sum(pause for pause, _ in LOOKS))
        place.start(make, "wait")
        await heard.until_seen(own_build=MAKE, within=TOOL_PAUSE + 10)
    assert told(heard) == ["", MAKE]


async def test_what_the_agent_starts_and_what_started_it_is_no_build(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    child = await asyncio.create_subprocess_exec(str(make), "wait", cwd=place.bin.parent, start_new_session=True)
    try:
        async with listening(place) as heard:
            await heard.until(lambda: told(heard) == [""])
            place.start(make, "quick")  # heard, and its end too: so all have been looked at
            other = place.start(make, "wait")
            await heard.until_seen(own_build=MAKE)
            place.end(other)
            await heard.until_seen(own_build="")
    finally:
        place.end(child.pid)
        await child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a pid namespace without a user namespace")
async def test_compiles_in_boxes_are_no_builds_and_do_not_hide_one(place: Workplace) -> None:
    make = place.install(MAKE, "make")
    place.start("sh", "-c", f"'while :; do {make} quick; done'", before="unshare --pid --fork --kill-child")
    async with listening(place) as heard:
        await heard.until_seen(own_build="")
        await asyncio.sleep(0.5)
        assert told(heard) == [""]
        place.start(make, "wait")
        await heard.until_seen(own_build=MAKE, within=TOOL_PAUSE + 10)


async def test_where_it_cannot_be_known(place: Workplace, tmp_path: Path) -> None:
    assert OwnBuild(Settings(own_build="ignore")).unusable() == "the setting own_build is ignore"
    assert sensor(place).unusable() is None
    nothing = sensor(place, proc=tmp_path / "gone")
    assert nothing.unusable() == f"{tmp_path / 'gone'} is no proc"
    with pytest.raises(SenseLost, match="No such file"):
        await nothing.watch(lambda _: None)
