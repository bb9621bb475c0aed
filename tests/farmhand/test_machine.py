"""Names and addresses: what may stand in a host list, and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.machine import is_address, is_host_name, join_address, split_address


@pytest.mark.parametrize("name", ["ws1", "a", "build-7.lab.example", "10.0.0.7", "::1", "fe80::1", "A1"])
def test_plain_names_and_addresses_are_host_names(name: str) -> None:
    assert is_host_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "x-", ".x", "a b", "a\n", "user@host", "@host", "host:cmd", "host/4", "host,lzo", "#", "+zeroconf", "ü",
     "fe80::1%eth0", "a" * 254, "--randomize", "[::1]"],
)  # fmt: skip
def test_what_distcc_could_misread_is_no_host_name(name: str) -> None:
    assert not is_host_name(name)


@given(st.text())
def test_no_host_name_holds_a_character_of_distccs_syntax(text: str) -> None:
    if is_host_name(text) and not is_address(text):
        assert not set(text) & set("@:/,# \t\n\r+[]%;&|$`'\"\\<>(){}*?!~=^")
        assert not text.startswith("-")


@pytest.mark.parametrize(
    ("text", "parts"),
    [("127.0.0.1:3632", ("127.0.0.1", 3632)), ("[::1]:0", ("::1", 0)), ("hub:65535", ("hub", 65535))],
)
def test_an_address_is_taken_apart_and_put_together(text: str, parts: tuple[str, int]) -> None:
    assert split_address(text) == parts
    assert join_address(*parts) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("127.0.0.1", "must end in a port"),
        ("127.0.0.1:", "must end in a port"),
        ("127.0.0.1:65536", "must end in a port"),
        ("127.0.0.1:-1", "must end in a port"),
        ("127.0.0.1:٣", "must end in a port"),
        ("::1:3632", "needs brackets"),
        ("a b:1", "neither an IP address nor a host name"),
        (":1", "neither an IP address nor a host name"),
    ],
)
def test_a_wrong_address_is_explained(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        split_address(text)
