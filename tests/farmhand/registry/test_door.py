"""The registry's door, as those meet it who say half a word and those who stand behind them: real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import select
import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest
from fakes.procfs import descriptors, resident_kib
from fakes.registry_program import RegistryProgram, a_beat, running_registry
from fakes.waiting import until

from farmhand.links.registry import RegistryLink
from farmhand.registry.door import MAX_HEAD, SAID_EVERY, Door
from farmhand.registry.visitors import WITHIN, Stage
from farmhand.wire.farm import FarmChanged

HALF_A_HEAD = b"PUT /api/v1/hosts/desk HTTP/1.1\r\nHost: hub\r\nX-Half: "
HALF_A_BODY = (
    b"PUT /api/v1/hosts/desk HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
)
ASK = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"
STREAM = b"GET /api/v1/changes HTTP/1.1\r\nHost: hub\r\n\r\n"
FEW_FILES = ("prlimit", "--nofile=256:256")


@contextlib.contextmanager
def visitors(program: RegistryProgram, count: int, says: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have said so much."""
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", program.port), timeout=30))
            with contextlib.suppress(ConnectionError):  # it may have had to go already
                one.sendall(says)
            sockets.append(one)
        yield sockets


def is_cut(one: socket.socket) -> bool:
    """Whether the registry has hung up on one who was told nothing."""
    if not select.select([one], [], [], 0)[0]:
        return False
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True


def hears(one: socket.socket, word: bytes) -> None:
    """Wait for a word of the registry."""
    told = b""
    while word not in told:
        part = one.recv(4096)
        assert part, f"cut after {told!r}"
        told += part


@pytest.fixture
def open_files() -> Iterator[None]:
    """As many descriptors for this process as these tests need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- time ---------------------------------------------------------------------
def test_who_says_half_a_word_is_cut_and_who_has_been_heard_is_not() -> None:
    with running_registry() as program, contextlib.ExitStack() as stack:
        (rests,) = stack.enter_context(visitors(program, 1, ASK))
        (listens,) = stack.enter_context(visitors(program, 1, STREAM))
        hears(rests, b"farmhand-registry")
        hears(listens, b"share")
        (again,) = stack.enter_context(visitors(program, 1, ASK))
        hears(again, b"farmhand-registry")
        begun = time.monotonic()
        again.sendall(HALF_A_HEAD)
        halves = [again]
        for says in (b"", b"G", HALF_A_HEAD, HALF_A_BODY):
            halves += stack.enter_context(visitors(program, 3, says))
        until(lambda: [one for one in halves if is_cut(one)] == halves, "all of them are cut")
        assert time.monotonic() - begun >= WITHIN[Stage.NEW], "they had their time"
        rests.sendall(ASK)
        hears(rests, b"farmhand-registry")
        with contextlib.closing(RegistryLink(program.url)) as link:
            link.beat("desk", a_beat())
        hears(listens, b'"desk"')
        assert program.complaints() == ""


# --- memory -------------------------------------------------------------------
def test_a_head_without_end_is_cut_before_it_is_long() -> None:
    with running_registry() as program, visitors(program, 1, HALF_A_HEAD) as (one,):
        before = resident_kib(program.process.pid)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100 << 20:
                sent += one.send(b"x" * (64 << 10))
        assert MAX_HEAD < sent < 20 << 20, "what fits into the kernel's buffers on both sides, and little more"
        assert resident_kib(program.process.pid) - before < 4096


# --- room ---------------------------------------------------------------------
def test_a_hundred_honest_hosts_behind_one_address_notice_nothing_of_a_flood(open_files: None) -> None:
    with running_registry() as program, contextlib.ExitStack() as stack:
        links = [stack.enter_context(contextlib.closing(RegistryLink(program.url))) for _ in range(100)]
        for number, link in enumerate(links):
            link.beat(f"h{number}", a_beat())
        news = links[0].changes()
        assert next(news) == FarmChanged("host")
        stack.enter_context(visitors(program, 2500, HALF_A_HEAD))
        for number, link in enumerate(links):
            link.beat(f"h{number}", a_beat(2, slots=5))
        until(lambda: next(news) == FarmChanged("host", "h99"))
        news.close()
        assert program.complaints() == ""


def test_few_descriptors_are_enough_for_those_who_speak(open_files: None) -> None:
    with running_registry(before=FEW_FILES) as program, visitors(program, 400, HALF_A_HEAD) as halves:
        for seq in range(1, 50):
            link = RegistryLink(program.url)
            assert link.beat("desk", a_beat(seq)).ttl > 0
            link.close()
        assert sum(map(is_cut, halves)) >= 400 - 256
        assert program.complaints() == ""


def test_few_descriptors_are_enough_beside_more_listeners_than_there_is_room_for(open_files: None) -> None:
    with running_registry(before=FEW_FILES) as program, visitors(program, 400, STREAM):
        link = RegistryLink(program.url)
        assert link.beat("desk", a_beat()).ttl > 0
        link.close()
        assert program.complaints() == ""


def test_out_of_descriptors_it_says_so_once_and_serves_on(open_files: None) -> None:
    with running_registry() as program:
        link = RegistryLink(program.url)
        link.beat("desk", a_beat())
        held = descriptors(program.process.pid)
        resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, (held + 8, held + 8))
        with visitors(program, 200, HALF_A_HEAD):
            for seq in range(2, 30):
                other = RegistryLink(program.url)
                assert other.beat("desk", a_beat(seq)).ttl > 0
                other.close()
        link.close()
        told = program.complaints()
        assert told.count("no more connections fit (Too many open files)") == 1, f"not more than every {SAID_EVERY} s"
        assert told.count("\n") == 1, told


def test_a_crowd_that_comes_and_goes_leaves_nothing(open_files: None) -> None:
    with running_registry() as program:
        link = RegistryLink(program.url)
        link.beat("desk", a_beat())
        held = descriptors(program.process.pid)

        def come_and_go(says: bytes) -> None:
            with visitors(program, 200, says):
                pass

        threads = [Thread(target=come_and_go, args=(says,)) for says in (b"", HALF_A_HEAD, HALF_A_BODY, ASK, STREAM)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: descriptors(program.process.pid) <= held, "all is closed")
        link.close()
        assert program.complaints() == ""


async def test_a_listener_at_which_nobody_can_arrive_keeps_nobody_else_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        listener.shutdown(socket.SHUT_RDWR)
        door = Door(listener, lambda: None, most=4)
        async with asyncio.timeout(10):
            await asyncio.sleep(0.01)
        await door.close()
