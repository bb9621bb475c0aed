"""Tickets: who holds one may enter one gate; nobody can make one."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.wire.ticket import Claims, preface, sign, token, verify

KEY = bytes(range(32))
CLAIMS = Claims("ws1", "g1", "anna", "lua", "ws2", 4, 99.5)


def test_a_signed_ticket_tells_what_was_signed() -> None:
    assert verify(sign(CLAIMS, KEY), KEY) == CLAIMS


def test_another_hosts_ticket_is_refused() -> None:
    with pytest.raises(ValueError, match="not signed for this gate"):
        verify(sign(CLAIMS, bytes(32)), KEY)


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_ticket_with_one_character_changed_is_refused(place: int, other: str) -> None:
    ticket = sign(CLAIMS, KEY)
    place %= len(ticket)
    forged = ticket[:place] + other + ticket[place + 1 :]
    if forged != ticket:
        with pytest.raises(ValueError, match="ticket"):
            verify(forged, KEY)


@pytest.mark.parametrize("ticket", ["", ".", "x.y", "é.é", "a" * 5000])
def test_rubbish_is_refused(ticket: str) -> None:
    with pytest.raises(ValueError, match="ticket"):
        verify(ticket, KEY)


@pytest.mark.parametrize("body", [b"not base64!", base64.urlsafe_b64encode(b"{}"), base64.urlsafe_b64encode(b"\xff")])
def test_a_damaged_ticket_is_refused_even_if_signed(body: bytes) -> None:

    seal = hmac.new(KEY, body, hashlib.sha256).hexdigest()
    with pytest.raises(ValueError, match="damaged"):
        verify(f"{body.decode()}.{seal}", KEY)


def test_the_preface_looks_like_a_token_of_distccs() -> None:
    assert preface("abc") == b"FARM00000003abc"
    assert token(b"BUSY", "ü") == b"BUSY00000002" + "ü".encode()
