"""What a rogue host and a rogue build can make a real registry remember."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec
import pytest
from fakes.procfs import resident_kib
from fakes.registry_program import RegistryProgram, a_beat, running_registry

from farmhand.distcc.toolchain import MAX_ANNOUNCED
from farmhand.links.registry import RefusedByRegistry, RegistryLink
from farmhand.scheduling.grants import MAX_GRANTS_EACH
from farmhand.scheduling.leases import MAX_NAMES_EACH, MAX_TOLD_EACH
from farmhand.wire.farm import GrantAsk, HostLeave, Order

KEY = "ab" * 32
GROWTH_KIB = 24 << 10


@pytest.fixture
def registry() -> Iterator[tuple[RegistryProgram, RegistryLink]]:
    with running_registry() as program, contextlib.closing(RegistryLink(program.url)) as link:
        link.beat("honest", a_beat())
        yield program, link


def lend_under_many_names(link: RegistryLink) -> None:
    for number in range(MAX_NAMES_EACH):
        tools = tuple(f"{'x' * 90}{kind:03}={'y' * 80}{number:06}" for kind in range(MAX_ANNOUNCED))
        link.beat(f"rogue{number}", msgspec.structs.replace(a_beat(), toolchains=tools))


def test_names_and_toolchains_of_one_source_are_bounded(registry: tuple[RegistryProgram, RegistryLink]) -> None:
    program, link = registry
    before = resident_kib(program.process.pid)
    with pytest.raises(RefusedByRegistry, match=r"\(429\): too many hosts are known"):
        lend_under_many_names(link)
    assert 50 < len(link.hosts()) < MAX_TOLD_EACH // 20_000
    for number in range(MAX_NAMES_EACH):
        with contextlib.suppress(RefusedByRegistry):
            link.leave(f"unknown{number}", HostLeave(Order(1, 1, 1), KEY))
    with pytest.raises(RefusedByRegistry, match="too many hosts are known"):
        link.leave("one-more", HostLeave(Order(1, 1, 1), KEY))
    assert resident_kib(program.process.pid) - before < GROWTH_KIB
    assert link.beat("honest", a_beat(2)).ttl > 0


def test_grants_of_one_source_are_bounded(registry: tuple[RegistryProgram, RegistryLink]) -> None:
    program, link = registry
    before = resident_kib(program.process.pid)
    tools = tuple(f"{'x' * 90}{kind:03}={'y' * 80}" for kind in range(MAX_ANNOUNCED))
    ask = GrantAsk("u" * 100, "p" * 100, "h" * 200, want=512, toolchains=tools)
    for _ in range(MAX_GRANTS_EACH):
        link.ask(ask)
    with pytest.raises(RefusedByRegistry, match="too many builds"):
        link.ask(ask)
    assert resident_kib(program.process.pid) - before < GROWTH_KIB


def test_builds_that_come_and_go_leave_nothing(registry: tuple[RegistryProgram, RegistryLink]) -> None:
    program, link = registry

    def come_and_go(times: int) -> int:
        for _ in range(times):
            link.release(link.ask(GrantAsk("ann", "kernel", "laptop", want=4)).grant)
        return resident_kib(program.process.pid)

    settled = come_and_go(300)
    assert come_and_go(1000) - settled < 2048
