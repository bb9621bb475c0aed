from __future__ import annotations

import pytest

from farmhand.scheduling import grants
from farmhand.scheduling.grants import TTL, Grant, Grants


def a_grant(id: str = "g", address: str = "10.0.0.1", ends: float = TTL) -> Grant:
    return Grant(id, "ann", "kernel", "desk", address, want=4, toolchains=frozenset(), ends=ends)


def test_a_grant_ends_by_itself() -> None:
    held = Grants()
    held.open(a_grant())
    assert held.expire(TTL - 0.1) == []
    assert held.expire(TTL) == [a_grant()]
    assert held.living == {}


def test_a_renewed_grant_lives_on_and_wants_what_it_says_now() -> None:
    held = Grants()
    held.open(a_grant())
    renewed = held.renew("g", want=7, now=10.0)
    assert renewed is not None
    assert (renewed.want, renewed.ends) == (7, 10.0 + TTL)
    assert held.expire(TTL) == []
    assert held.expire(10.0 + TTL) == [renewed]


def test_what_has_ended_cannot_be_renewed() -> None:
    held = Grants()
    held.open(a_grant())
    held.expire(TTL)
    assert held.renew("g", want=1, now=TTL) is None


def test_a_released_grant_is_gone_and_expires_never() -> None:
    held = Grants()
    held.open(a_grant())
    assert held.release("g") == a_grant()
    assert held.release("g") is None
    assert held.expire(TTL) == []


def test_one_address_holds_so_many_grants_and_leaves_room_for_others() -> None:
    held = Grants()
    for number in range(grants.MAX_GRANTS_EACH):
        assert held.has_room_for("10.0.0.1")
        held.open(a_grant(str(number)))
    assert not held.has_room_for("10.0.0.1")
    assert held.has_room_for("10.0.0.2")


def test_all_addresses_of_an_ipv6_network_are_one_source() -> None:
    held = Grants()
    for number in range(grants.MAX_GRANTS_EACH):
        held.open(a_grant(str(number), address=f"2001:db8::{number + 1:x}"))
    assert not held.has_room_for("2001:db8::ffff")
    assert held.has_room_for("2001:db8:0:1::1")


@pytest.mark.parametrize("more", [0, 1])
def test_all_together_hold_so_many(more: int) -> None:
    held = Grants()
    for number in range(grants.MAX_GRANTS - 1 + more):
        held.open(a_grant(str(number), address=f"10.1.{number // 250}.{number % 250}"))
    assert held.has_room_for("10.0.0.1") is (more == 0)
