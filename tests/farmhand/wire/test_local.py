"""What an agent and its faces take from each other, by the types of their messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from farmhand.errors import PeerError
from farmhand.wire import codec
from farmhand.wire.history import AskHistory
from farmhand.wire.local import Choose, FromAgent, JobView, Snapshot, ToAgent

KEPT = Snapshot("1", "orchard", "kept", 1e9, "idle", "nobody is there")
JOB = JobView("anna", "atlas", "p", "a.c", "gcc", 1e9, 0.0)
TOO_FAR = (-1.0, 1e12, 1e300)
"""Unix seconds that no calendar can name."""


def told(message: msgspec.Struct, by: Any) -> Any:
    """The message as it comes out at the other end."""
    return codec.decode(codec.encode_line(message), by, "the other side")


@pytest.mark.parametrize("until", [None, 0.0, 4e9, 2.5e11])
def test_a_choice_may_end_or_not(until: float | None) -> None:
    assert told(Choose("keep", until), ToAgent) == Choose("keep", until)


@pytest.mark.parametrize("moment", TOO_FAR)
def test_a_choice_does_not_end_beyond_all_calendars(moment: float) -> None:
    with pytest.raises(PeerError, match=r"Expected `float`"):
        told(Choose("keep", moment), ToAgent)


@pytest.mark.parametrize("span", [None, 0.0, 3600.0, 366 * 86400.0])
def test_a_choice_may_hold_for_a_span(span: float | None) -> None:
    assert told(Choose("keep", span=span), ToAgent) == Choose("keep", span=span)


@pytest.mark.parametrize("span", [-1.0, 366 * 86400.0 + 1, 1e300])
def test_a_span_is_no_longer_than_a_year(span: float) -> None:
    with pytest.raises(PeerError, match=r"Expected `float`"):
        told(Choose("keep", span=span), ToAgent)


@pytest.mark.parametrize("moment", TOO_FAR)
@pytest.mark.parametrize("name", ["since", "wish_until", "lends_at", "jobs"])
def test_a_face_need_not_show_a_moment_beyond_all_calendars(name: str, moment: float) -> None:
    value = (msgspec.structs.replace(JOB, started_at=moment),) if name == "jobs" else moment
    with pytest.raises(PeerError, match=r"Expected `float`"):
        told(msgspec.structs.replace(KEPT, **{name: value}), FromAgent)


@pytest.mark.parametrize("days", [0.0, -1.0, 36501.0, 1e300])
def test_nobody_looks_back_for_more_than_a_century(days: float) -> None:
    assert told(AskHistory(36500), ToAgent) == AskHistory(36500)
    with pytest.raises(PeerError, match=r"Expected `float`"):
        told(AskHistory(days), ToAgent)
