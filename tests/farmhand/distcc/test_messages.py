"""Replies from strangers: what is believed."""

from __future__ import annotations

import pytest

from farmhand.distcc.messages import Verdict, judge
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
