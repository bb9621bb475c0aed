"""The agent's word with the farm: with a real registry, with none, and with what is none."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from contracts.farm import OFFER, FarmContract
from fakes.farm import FakeFarm
from fakes.ports import closed_port, free_port
from fakes.registry_program import RegistryProgram, Stranger, running_registry
from fakes.waiting import comes_true

from farmhand.lending.events import Joined, TurnedAway
from farmhand.links.registry import READ_TIMEOUT, RegistryLink
from farmhand.wire.farm import HostView
from farmhand_agent.farm import Farm, NoFarm, RegistryFarm, source_of_beats

KEY = "ab" * 32


@pytest.fixture(scope="module")
def program() -> Iterator[RegistryProgram]:
    with running_registry() as running:
        yield running


class Heard:
    """What the farm told the gate."""

    def __init__(self) -> None:
        self.all: list[tuple[float, tuple[str, ...], float]] = []

    def __call__(self, told: float, granted: tuple[str, ...], now: float) -> None:
        self.all.append((told, granted, now))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def real(program: RegistryProgram, heard: Heard, request: pytest.FixtureRequest) -> AsyncIterator[RegistryFarm]:
    """A host of its own in the registry."""
    name = "host-" + request.node.name.replace("_", "-")[:60]
    farm = RegistryFarm(program.url, name, KEY, 1, heard)
    yield farm
    farm.withdraw()
    await farm.close()


class TestRegistryFarm(FarmContract):
    @pytest.fixture
    def farm(self, real: RegistryFarm) -> Farm:
        return real


class TestNoFarm(FarmContract):
    @pytest.fixture
    def farm(self) -> Farm:
        return NoFarm()


class TestFakeFarm(FarmContract):
    @pytest.fixture
    async def farm(self) -> Farm:
        return FakeFarm()


def listed(program: RegistryProgram, farm: RegistryFarm) -> HostView | None:
    link = RegistryLink(program.url)
    try:
        return next((host for host in link.hosts() if host.name == farm._name), None)
    finally:
        link.close()


async def test_without_a_registry_there_is_nothing_to_renew() -> None:
    farm = NoFarm()
    assert await farm.beat(OFFER) == Joined("alone", float("inf"))
    await farm.close()


async def test_the_registry_lists_what_is_offered(program: RegistryProgram, real: RegistryFarm, heard: Heard) -> None:
    await real.beat(OFFER)
    host = await asyncio.to_thread(listed, program, real)
    assert host is not None
    assert (host.address, host.port, host.slots, host.cores, host.others_cpu) == ("127.0.0.1", 3632, 2, 4, 0.1)
    assert len(heard.all) == 1, "the gate learns the registry's clock and who holds a grant"


async def test_a_withdrawal_is_heard_and_lending_again_too(program: RegistryProgram, real: RegistryFarm) -> None:
    for _ in range(2):
        assert isinstance(await real.beat(OFFER), Joined)
        assert await asyncio.to_thread(listed, program, real)
        real.withdraw()
        await comes_true(lambda: not listed(program, real))


async def test_a_beat_that_was_under_way_never_undoes_a_withdrawal(
    program: RegistryProgram, real: RegistryFarm
) -> None:
    await real.beat(OFFER)
    beats = [asyncio.create_task(real.beat(OFFER)) for _ in range(10)]
    await asyncio.sleep(0)
    real.withdraw()
    await asyncio.gather(*beats)
    await comes_true(lambda: not listed(program, real))


async def test_a_restarted_agent_takes_its_place_at_once(program: RegistryProgram, real: RegistryFarm) -> None:
    await real.beat(OFFER)
    again = RegistryFarm(program.url, real._name, KEY, 2, Heard())
    assert isinstance(await again.beat(OFFER), Joined)
    again.withdraw()
    await again.close()


async def test_a_name_that_another_agent_holds_is_told(program: RegistryProgram, real: RegistryFarm) -> None:
    await real.beat(OFFER)
    other = RegistryFarm(program.url, real._name, "cd" * 32, 9, Heard())
    assert isinstance(await other.beat(OFFER), TurnedAway)
    assert "refused" in other.trouble
    await other.close()


async def test_more_jobs_than_slots_are_told_as_full(program: RegistryProgram, real: RegistryFarm) -> None:
    """Slots may have just become fewer than the jobs that still run."""
    busy = OFFER.__class__("127.0.0.1", 3632, slots=1, used=3, cores=4, others_cpu=0.0)
    assert isinstance(await real.beat(busy), Joined)
    host = await asyncio.to_thread(listed, program, real)
    assert host is not None
    assert (host.slots, host.used) == (1, 1)


async def test_a_registry_that_is_away_is_told_and_asked_again_soon(heard: Heard) -> None:
    with closed_port() as port:
        farm = RegistryFarm(f"http://127.0.0.1:{port}", "desk", KEY, 1, heard)
        assert await farm.beat(OFFER) == TurnedAway(2.0)
        assert "no registry answers" in farm.trouble
        farm.withdraw()
        await farm.close()
    assert heard.all == []


async def test_nobody_waits_for_a_silent_registry_to_hear_of_a_withdrawal(heard: Heard) -> None:
    with running_registry() as silent:
        farm = RegistryFarm(silent.url, "desk", KEY, 1, heard)
        await farm.beat(OFFER)
        silent.process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            farm.withdraw()
            assert time.monotonic() - began < READ_TIMEOUT / 2
        finally:
            silent.process.send_signal(signal.SIGCONT)
        await farm.close()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>Welcome to nginx</html>"),
        (200, "application/json", b"{}"),
        (200, "application/json", b"\xff" * 100),
        (404, "text/html", b"not here"),
        (500, "application/json", b'{"detail": "no"}'),
    ],
)
async def test_what_is_no_registry_is_told(heard: Heard, status: int, kind: str, body: bytes) -> None:
    with Stranger(status, kind, body) as stranger:
        farm = RegistryFarm(stranger.url, "desk", KEY, 1, heard)
        assert isinstance(await farm.beat(OFFER), TurnedAway)
        assert stranger.url in farm.trouble
        await farm.close()
    assert heard.all == []


async def test_trouble_ends_when_the_registry_comes_back(heard: Heard) -> None:
    port = free_port()
    farm = RegistryFarm(f"http://127.0.0.1:{port}", "desk", KEY, 1, heard)
    await farm.beat(OFFER)
    back = await asyncio.to_thread(RegistryProgram, f"127.0.0.1:{port}")
    try:
        assert isinstance(await farm.beat(OFFER), Joined)
        assert farm.trouble == ""
    finally:
        farm.withdraw()
        await farm.close()
        await asyncio.to_thread(back.stop)


async def test_a_withdrawal_is_said_before_the_agent_ends(program: RegistryProgram, heard: Heard) -> None:
    farm = RegistryFarm(program.url, "leaving", KEY, 1, heard)
    await farm.beat(OFFER)
    farm.withdraw()
    await farm.close()
    assert await asyncio.to_thread(listed, program, farm) is None


async def test_the_registry_learns_which_compilers_there_are_whenever_the_machine_is_lent_anew(
    program: RegistryProgram, heard: Heard
) -> None:
    there, looks = {"gcc": "gcc-12-x-1", "cc": "gcc-12-x-1"}, list[str]()

    def compilers() -> dict[str, str]:
        looks.append(threading.current_thread().name)
        return dict(there)

    farm = RegistryFarm(program.url, "tools", KEY, 1, heard, compilers)
    for upgraded in ("gcc-12-x-1", "gcc-13-x-2"):
        there["gcc"] = upgraded
        there["cc"] = upgraded
        for _ in range(3):
            assert isinstance(await farm.beat(OFFER), Joined)
        host = await asyncio.to_thread(listed, program, farm)
        assert host is not None
        assert host.toolchains == (upgraded,)
        farm.withdraw()
        await comes_true(lambda: not listed(program, farm))
    await farm.close()
    assert len(looks) == 3, "at the start, and once each time that the machine is lent"
    assert all(name.startswith("registry-beat") for name in looks), "never on the event loop"


async def test_compilers_that_come_while_the_machine_is_lent_are_told_when_asked_for(
    program: RegistryProgram, heard: Heard
) -> None:
    there = {"gcc": "gcc-12-x-1"}
    farm = RegistryFarm(program.url, "more", KEY, 1, heard, lambda: dict(there))
    assert isinstance(await farm.beat(OFFER), Joined)
    there["gcc"] = "gcc-13-x-2"
    farm.look_again()
    assert isinstance(await farm.beat(OFFER), Joined)
    host = await asyncio.to_thread(listed, program, farm)
    assert host is not None
    assert host.toolchains == ("gcc-13-x-2",)
    farm.withdraw()
    await farm.close()


# --- by which address the registry is called -----------------------------------
@pytest.mark.parametrize(
    ("gate", "url", "source"),
    [
        ("::", "http://hub:3680", None),
        ("0.0.0.0", "http://hub:3680", "0.0.0.0"),
        ("10.1.0.3", "http://hub:3680", "10.1.0.3"),
        ("fd98::2", "http://hub:3680", "fd98::2"),
        ("127.0.0.1", "http://hub:3680", "127.0.0.1"),
        ("127.0.0.1", "http://localhost:3680", None),
        ("127.0.0.1", "http://[::1]:3680", None),
        ("::1", "http://127.0.0.1:3680", None),
    ],
)
def test_the_registry_is_called_from_where_the_gate_listens(gate: str, url: str, source: str | None) -> None:
    assert source_of_beats(gate, url) == source


@pytest.fixture
def of_both() -> Iterator[RegistryProgram]:
    """A registry that is reached by IPv4 and IPv6."""
    running = RegistryProgram("[::]:0")
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("gate", "registry", "listed_at"),
    [
        ("::", "[::1]", "::1"),
        ("::", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "[::1]", "127.0.0.1"),
        ("::1", "127.0.0.1", "::1"),
        ("0.0.0.0", "[::1]", None),
    ],
)
async def test_a_host_is_listed_where_its_gate_listens_or_not_at_all(
    of_both: RegistryProgram, heard: Heard, gate: str, registry: str, listed_at: str | None
) -> None:
    farm = RegistryFarm(f"http://{registry}:{of_both.port}", "desk", KEY, 1, heard)
    try:
        await farm.beat(dataclasses.replace(OFFER, address=gate))
        host = await asyncio.to_thread(listed, of_both, farm)
        assert (host and host.address) == listed_at
        assert bool(farm.trouble) == (listed_at is None)
    finally:
        farm.withdraw()
        await farm.close()
