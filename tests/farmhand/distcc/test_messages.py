"""Replies from strangers: what is believed, and what reaches the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.messages import Verdict, clean, judge
from farmhand.distcc.protocol import ReplyReader, reply


@pytest.mark.parametrize(
    ("status", "product", "verdict"),
    [
        (0, b"object", Verdict.GOOD),
        (1 << 8, b"", Verdict.REFUSED),
        (127 << 8, b"", Verdict.REFUSED),
        (0, b"", Verdict.BROKEN),
        (1 << 8, b"object", Verdict.BROKEN),
        (9, b"", Verdict.BROKEN),
        (11 | 128, b"", Verdict.BROKEN),
        (1 << 16, b"", Verdict.BROKEN),
    ],
)
def test_a_reply_is_worth(status: int, product: bytes, verdict: Verdict) -> None:
    reader = ReplyReader(1)
    reader.feed(b"".join(reply(status, product=product)))
    assert judge(reader) is verdict


def test_a_reply_that_has_not_begun_is_worth_nothing() -> None:
    assert judge(ReplyReader(1)) is Verdict.BROKEN


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"a.c:1: warning: \xe2\x80\x98x\xe2\x80\x99\n\tx\n", b"a.c:1: warning: \xe2\x80\x98x\xe2\x80\x99\n\tx\n"),
        (b"\x1b[01;31m\x1b[Kerror\x1b[m\x1b[K", b"\x1b[01;31m\x1b[Kerror\x1b[m\x1b[K"),
        (b"\x1b[38:5:1mx", b"\x1b[38:5:1mx"),
        (b"a\x1b[2J\x1b[1;1Hb", b"ab"),
        (b"a\x1b[?1049hb", b"ab"),
        (b"a\x1b]0;title\x07b", b"ab"),
        (b"a\x1b]52;c;cm0=\x1b\\b", b"ab"),
        (b"a\x1b]8;;http://x\x1b\\link", b"alink"),
        (b"a\x1bP1$tx\x1b\\b", b"ab"),
        (b"a\x1b]unended", b"a"),
        (b"a\x1bcb", b"ab"),
        (b"a\x1b(0b", b"ab"),
        (b"a\x1b", b"a"),
        (b"a\x1b[", b"a"),
        (b"a\r\x08\x07\x00b\x7f", b"ab"),
        (b"a\xc2\x9b2Jb", b"a2Jb"),
        (b"a\x9b2Jb", b"a\xef\xbf\xbd2Jb"),
        ("a\u202eb\u2066c\u200f".encode(), b"abc"),
        (b"a\x1b[" + b"1;" * 40 + b"mb", b"ab"),
    ],
)
def test_text_loses_all_but_letters_and_colours(text: bytes, kept: bytes) -> None:
    assert clean(text) == kept


@given(st.binary())
def test_cleaning_leaves_nothing_to_clean(text: bytes) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text("\x1b[]mKJ;012\x07\\x"))
def test_an_escape_is_left_only_before_a_colour(text: str) -> None:
    rest = clean(text.encode()).decode()
    for part in rest.split("\x1b")[1:]:
        assert part.startswith("[")
        assert part.lstrip("[0123456789;:")[0] in "mK"
