"""Messages to bytes and back: strict JSON by msgspec, one message a line on streams."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from farmhand.errors import PeerError

M = TypeVar("M")

MAX_MESSAGE = 1 << 20
"""The longest message in bytes that anyone accepts."""

_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """Write a message as JSON."""
    return _encoder.encode(message)


def encode_line(message: msgspec.Struct) -> bytes:
    """Write a message as one line of JSON, newline included."""
    return _encoder.encode(message) + b"\n"


def decode(data: bytes, kind: type[M] | Any, who: str) -> M:
    """Read a message of type `kind`.

    Args:
        data: the JSON text.
        kind: a Struct, or a union of tagged ones.
        who: the sender, for the error message.

    Raises:
        PeerError: it is too long, not JSON, or not such a message.
    """
    if len(data) > MAX_MESSAGE:
        raise PeerError(f"{who} sent a message of {len(data)} bytes; at most {MAX_MESSAGE} are accepted")
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as wrong:
        raise PeerError(f"{who} sent something that is no Farmhand message: {wrong}") from None
