"""How many hosts one registry carries: `python -m benchmarks.registry` (about 15 seconds).

Starts the real program, lets 1,000 hosts beat over 20 kept connections as fast as it answers, then reads the list of
1,000 hosts while they go on, then divides the slots of such a farm among many builds. The clients need processor time
too: what counts against the registry is its own, so the share of one core that it used is printed with each rate.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import psutil

from farmhand.scheduling.share import Claim, Room, divide
from farmhand.wire import codec
from farmhand.wire.farm import HostBeat, Order
from tests.fakes.registry_program import KEY, RegistryProgram, running_registry

HOSTS = 1000
CONNECTIONS = 20
SECONDS = 5.0


class Caller:
    """One kept connection that speaks just enough HTTP, so that the clients cost little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, program: RegistryProgram) -> Caller:
        return cls(*await asyncio.open_connection("127.0.0.1", program.port))

    async def call(self, method: str, path: str, body: bytes = b"") -> float:
        """Make one call; returns how many seconds it took."""
        begun = time.perf_counter()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        self._writer.write(head.encode() + b"\r\n" + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return time.perf_counter() - begun

    def close(self) -> None:
        self._writer.close()


async def beats(program: RegistryProgram, number: int, until: float, seq: int) -> list[float]:
    """Let every CONNECTIONS-th host beat, round and round."""
    caller, took = await Caller.to(program), list[float]()
    while time.perf_counter() < until:
        seq += 1
        for host in range(number, HOSTS, CONNECTIONS):
            beat = HostBeat(Order(1, 1, seq), KEY, port=3632, slots=8, used=seq % 8, cores=8)
            took.append(await caller.call("PUT", f"/api/v1/hosts/h{host}", codec.encode(beat)))
    caller.close()
    return took


async def lists(program: RegistryProgram, until: float) -> list[float]:
    """Read the list of hosts some thirty times a second."""
    caller, took = await Caller.to(program), list[float]()
    while time.perf_counter() < until:
        took.append(await caller.call("GET", "/api/v1/hosts"))
        await asyncio.sleep(0.03)
    caller.close()
    return took


async def paced_beats(program: RegistryProgram, until: float) -> list[float]:
    """Let 500 hosts a second beat, which is what 1,000 do that lend."""
    caller, took, seq = await Caller.to(program), list[float](), 1_000_000
    begun = time.perf_counter()
    while time.perf_counter() < until:
        for number in range(50):
            beat = HostBeat(Order(1, 1, seq), KEY, port=3632, slots=8, used=seq % 8, cores=8)
            took.append(await caller.call("PUT", f"/api/v1/hosts/h{(seq + number) % HOSTS}", codec.encode(beat)))
        seq += 50
        await asyncio.sleep(max(0.0, begun + len(took) / 500 - time.perf_counter()))
    caller.close()
    return took


def told(what: str, took: list[float]) -> None:
    worst = statistics.quantiles(took, n=100)[-1]
    print(f"  {what}: median {statistics.median(took) * 1e3:.1f} ms, p99 {worst * 1e3:.1f} ms of {len(took)}")


async def measure(program: RegistryProgram) -> None:
    process = psutil.Process(program.process.pid)

    def used() -> float:
        times = process.cpu_times()
        return times.user + times.system

    before, begun = used(), time.perf_counter()
    rounds = await asyncio.gather(*(beats(program, number, begun + SECONDS, 0) for number in range(CONNECTIONS)))
    took, busy, passed = [one for some in rounds for one in some], used() - before, time.perf_counter() - begun
    print(f"{len(took) / passed:,.0f} beats/s as fast as it goes, at {busy / passed:.0%} of one core:")
    print(f"  so one core alone carries {len(took) / busy:,.0f} beats/s")
    told("beat with 20 waiting", took)

    before, begun = used(), time.perf_counter()
    listed, paced = await asyncio.gather(lists(program, begun + SECONDS), paced_beats(program, begun + SECONDS))
    busy, passed = used() - before, time.perf_counter() - begun
    rates = f"{len(paced) / passed:,.0f} beats/s and {len(listed) / passed:.0f} lists/s"
    print(f"{rates}, at {busy / passed:.0%} of one core:")
    told(f"list of {HOSTS}", listed)
    told("beat", paced)
    print(f"memory of the registry: {process.memory_info().rss >> 20} MiB")


def division() -> None:
    """How long dividing all slots of the farm takes."""
    rooms = [Room(f"h{number}", 8, 1.25 ** (number % 7 - 3)) for number in range(HOSTS)]
    for builds in (1, 20, 256):
        claims = [Claim(f"b{number}", want=400, own=f"h{number}") for number in range(builds)]
        begun = time.perf_counter()
        divide(rooms, claims, {})
        print(f"8,000 slots divided among {builds} builds: {(time.perf_counter() - begun) * 1e3:.0f} ms")


def main() -> None:
    with running_registry() as program:
        asyncio.run(measure(program))
    division()


if __name__ == "__main__":
    main()
