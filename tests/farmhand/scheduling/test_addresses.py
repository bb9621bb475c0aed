from __future__ import annotations

import pytest

from farmhand.scheduling.addresses import lending_address, normal, same_machine, source_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FE80::0001%eth0", "fe80::1"),
        ("::1", "::1"),
    ],
)
def test_an_address_has_one_form(written: str, meant: str) -> None:
    assert normal(written) == meant


@pytest.mark.parametrize("text", ["", "hub", "10.0.0", "1.2.3.4.5", "::g"])
def test_what_is_no_address_has_none(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        normal(text)


@pytest.mark.parametrize(
    ("peer", "announced", "address"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "127.0.0.9", "127.0.0.9"),
        ("127.0.0.1", "::1", "::1"),
        ("10.0.0.1", "10.0.0.2", None),
        ("10.0.0.1", "127.0.0.1", None),
        ("127.0.0.1", "10.0.0.1", None),
        ("127.0.0.1", ":::", None),
    ],
)
def test_a_machine_lends_under_its_own_address(peer: str, announced: str | None, address: str | None) -> None:
    assert lending_address(peer, announced) == address


def test_one_machine() -> None:
    assert same_machine("10.0.0.1", "10.0.0.1")
    assert same_machine("127.0.0.1", "::1")
    assert not same_machine("10.0.0.1", "10.0.0.2")
    assert not same_machine("127.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("127.0.0.1", "127.9.9.9", True),
        ("127.0.0.1", "::1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_for_limits_whatever_one_machine_can_call_itself_is_one(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same
