"""A build's claim is kept alive, follows the farm and outlives the registry."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fakes.fake_farm_link import FakeFarmLink
from fakes.waiting import until
from msgspec.structs import replace

from farmhand.dispatch.claim import GAP
from farmhand.dispatch.jobs import Host
from farmhand.driver.grants import Grants, hosts_of
from farmhand.wire.farm import GrantAnswer, GrantAsk, Share

HUB = Share("hub", "127.0.0.1", 3632, 4, 2.0, "t1")
DESK = Share("desk", "127.0.0.2", 3632, 2, 1.0, "t2")
ASK = GrantAsk("ann", "redis", "me", 512)


class Heard:
    """What the build was told."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []

    def __call__(self, hosts: tuple[Host, ...]) -> None:
        self.lists.append([host.name for host in hosts])


@contextmanager
def claim(link: FakeFarmLink, heard: Heard) -> Iterator[Grants]:
    grants = Grants(link, ASK, heard)
    yield grants
    grants.end()


def test_the_first_answer_is_there_at_once_and_the_grant_is_given_back() -> None:
    link = FakeFarmLink(HUB, DESK)
    with claim(link, Heard()) as grants:
        hosts, trouble = grants.begin()
        assert hosts == (Host("hub", "127.0.0.1", 3632, 4, 2.0, "t1"), Host("desk", "127.0.0.2", 3632, 2, 1.0, "t2"))
        assert trouble == ""
    assert link.calls[0] == "ask"
    assert link.calls[-1] == "release g1"


def test_a_change_of_the_farm_is_followed_at_once() -> None:
    link, heard = FakeFarmLink(HUB, renew_in=60), Heard()
    with claim(link, heard) as grants:
        grants.begin()
        link.change(HUB, DESK)
        until(lambda: ["hub", "desk"] in heard.lists)
        link.change()
        until(lambda: [] in heard.lists)


def test_many_changes_at_once_are_one_renewal() -> None:
    link, heard = FakeFarmLink(HUB, renew_in=60), Heard()
    with claim(link, heard) as grants:
        grants.begin()
        until(lambda: len(link.calls) == 3)
        began = time.monotonic()
        for _ in range(50):
            link.change(DESK)
        until(lambda: heard.lists[-1:] == [["desk"]])
        assert len(link.calls) - 3 <= 2 + (time.monotonic() - began) / GAP


def test_it_renews_in_the_registrys_pace() -> None:
    link, heard = FakeFarmLink(HUB, renew_in=0.2), Heard()
    with claim(link, heard) as grants:
        grants.begin()
        until(lambda: link.calls.count("renew g1") >= 3)


def test_more_demand_is_told_at_once_and_less_in_time() -> None:
    link = FakeFarmLink(HUB, renew_in=60)
    with claim(link, Heard()) as grants:
        grants.begin()
        until(lambda: link.wants == [512, 512])
        grants.need(3)
        grants.need(9999)
        until(lambda: link.wants[-1] == 512 and len(link.wants) == 3)


def test_while_the_registry_is_away_the_last_list_holds_until_the_grant_ends_and_then_it_asks_anew() -> None:
    link, heard = FakeFarmLink(HUB, ttl=1.5, renew_in=0.2), Heard()
    with claim(link, heard) as grants:
        grants.begin()
        until(lambda: heard.lists)
        link.down = True
        until(lambda: heard.lists[-1] == [])
        link.forget()
        link.down = False
        until(lambda: heard.lists[-1] == ["hub"])
        assert link.calls.count("ask") == 2


def test_a_registry_that_forgot_the_grant_is_asked_anew() -> None:
    link, heard = FakeFarmLink(HUB, renew_in=0.2), Heard()
    with claim(link, heard) as grants:
        grants.begin()
        link.forget()
        until(lambda: link.calls.count("ask") == 2)
        until(lambda: heard.lists[-1] == ["hub"])
        assert [] in heard.lists


def test_a_registry_that_is_not_there_at_first_is_said_so_and_joined_later() -> None:
    link, heard = FakeFarmLink(HUB), Heard()
    link.down = True
    with claim(link, heard) as grants:
        assert grants.begin() == ((), "no registry answers")
        link.down = False
        until(lambda: heard.lists[:1] == [["hub"]])


class Slow(FakeFarmLink):
    """Answers only when it is let."""

    def __init__(self, *shares: Share) -> None:
        super().__init__(*shares)
        self.may_answer = threading.Event()

    def ask(self, ask: GrantAsk, /) -> GrantAnswer:
        assert self.may_answer.wait(30)
        return super().ask(ask)

    def release(self, grant: str, /) -> None:
        assert self.may_answer.wait(30)
        super().release(grant)


def test_a_silent_registry_holds_up_neither_a_builds_start_nor_its_end() -> None:
    link, heard = Slow(HUB), Heard()
    with claim(link, heard) as grants:
        began = time.monotonic()
        assert grants.begin() == ((), "no answer in 1 s")
        assert time.monotonic() - began < 15
        link.may_answer.set()
        until(lambda: heard.lists[:1] == [["hub"]])
        link.may_answer.clear()
        ending = time.monotonic()
    assert time.monotonic() - ending < 15
    link.may_answer.set()


def test_ending_without_a_grant_gives_nothing_back() -> None:
    link = FakeFarmLink()
    link.down = True
    with claim(link, Heard()) as grants:
        grants.begin()
    assert link.calls == []


@pytest.mark.parametrize(
    "change",
    [{"name": "root@hub"}, {"name": "-x"}, {"address": "hub"}, {"address": "1.2.3.4/1"}, {"port": 0}, {"port": 65536},
     {"slots": 0}, {"slots": 513}, {"speed": 0.0}, {"speed": float("nan")}],
    ids=str,
)  # fmt: skip
def test_what_could_be_no_host_is_left_out(change: dict[str, object]) -> None:
    assert hosts_of((replace(HUB, **change), DESK)) == hosts_of((DESK,))
