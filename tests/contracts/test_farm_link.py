"""What a build relies on when it speaks with a registry; the fake and the real one keep the same promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fakes.fake_farm_link import FakeFarmLink
from fakes.registry_program import running_registry

from farmhand.driver.grants import FarmLink
from farmhand.errors import Refused, Unreachable
from farmhand.links.registry import RegistryLink
from farmhand.wire.farm import FarmChanged, GrantAsk, GrantRenew

ASK = GrantAsk("ann", "redis", "me", 4)


@pytest.fixture(params=["fake", "real"])
def link(request: pytest.FixtureRequest) -> Iterator[FarmLink]:
    if request.param == "fake":
        yield FakeFarmLink()
        return
    with running_registry() as registry:
        real = RegistryLink(registry.url)
        yield real
        real.close()


def test_a_grant_lives_until_it_is_released(link: FarmLink) -> None:
    answer = link.ask(ASK)
    assert (answer.grant, answer.shares) != ("", None)
    assert 0 < answer.renew_in < answer.ttl
    assert link.renew(answer.grant, GrantRenew(2)).grant == answer.grant
    link.release(answer.grant)
    with pytest.raises(Refused):
        link.renew(answer.grant, GrantRenew(2))


def test_releasing_an_unknown_grant_is_no_error(link: FarmLink) -> None:
    link.release("nonesuch")


def test_whoever_listens_hears_first_that_everything_may_be_different_and_ends_with_the_link(link: FarmLink) -> None:
    heard: list[FarmChanged] = []
    first = threading.Event()

    def listen() -> None:
        for change in link.changes():
            heard.append(change)
            first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert first.wait(10)
    link.close()
    listener.join(10)
    assert not listener.is_alive()
    assert heard[0].name == ""


def test_a_closed_link_reaches_nobody(link: FarmLink) -> None:
    link.close()
    with pytest.raises(Unreachable):
        link.ask(ASK)
