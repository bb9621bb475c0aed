"""Messages survive the wire; anything else is refused with the sender's name."""

from __future__ import annotations

import pytest

from farmhand.errors import PeerError
from farmhand.wire import codec
from farmhand.wire.farm import HostBeat, Order
from farmhand.wire.local import Choose, Done, FromAgent, JobView, Snapshot, ToAgent

SNAPSHOT = Snapshot(
    version="1",
    name="ws1",
    state="lent",
    since=1.5,
    rule="idle",
    reason="there was no input for 5 min",
    slots=2,
    jobs=(JobView("anna", "ws2", "lua", "lapi.c", "gcc", 2.0, 0.1),),
)


def test_a_message_survives_the_wire() -> None:
    line = codec.encode_line(SNAPSHOT)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert codec.decode(line, FromAgent, "the agent") == SNAPSHOT


def test_the_tag_tells_requests_apart() -> None:
    assert codec.decode(codec.encode(Choose("keep", 3.0)), ToAgent, "a client") == Choose("keep", 3.0)
    assert codec.decode(b'{"type":"done"}', FromAgent, "the agent") == Done()


@pytest.mark.parametrize(
    "data",
    [b"", b"GET / HTTP/1.1", b"\xff", b"{}", b"null", b'{"type":"choose","wish":"perhaps"}', b'{"type":"fly"}',
     b'{"type":"choose","wish":"keep","more":1}', b'{"type":"choose","wish":"keep","until":"now"}'],
)  # fmt: skip
def test_anything_else_is_refused_with_the_senders_name(data: bytes) -> None:
    with pytest.raises(PeerError, match=r"^a client sent something that is no Farmhand message"):
        codec.decode(data, ToAgent, "a client")


def test_a_flood_is_refused_unread() -> None:
    with pytest.raises(PeerError, match="at most 1048576"):
        codec.decode(b" " * (codec.MAX_MESSAGE + 1), ToAgent, "a client")


BEAT = '{"order":{"epoch":1,"generation":1,"seq":1},"key":"%s","port":1,"slots":1%%s}' % ("0" * 64)


def test_a_beat_is_typed() -> None:
    beat: HostBeat = codec.decode((BEAT % "").encode(), HostBeat, "an agent")
    assert beat.order == Order(1, 1, 1)


@pytest.mark.parametrize(
    "more",
    [',"slots":-1', ',"slots":513', ',"port":0', ',"port":65536', ',"address":"a b"', ',"address":"@h"', ',"key":"0"',
     ',"others_cpu":2', ',"others_cpu":NaN', ',"used":9223372036854775808', ',"toolchains":["a\\nb"]'],
)  # fmt: skip
def test_a_beat_with_a_wrong_field_is_refused(more: str) -> None:
    with pytest.raises(PeerError):
        codec.decode((BEAT % more).encode(), HostBeat, "an agent")


@pytest.mark.parametrize("older", [Order(1, 9, 9), Order(2, 1, 9), Order(2, 2, 1)])
def test_orders_compare_by_epoch_then_generation_then_sequence(older: Order) -> None:
    assert older < Order(2, 2, 2)
