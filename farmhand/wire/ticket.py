"""The ticket with which a build enters a gate, and the preface that carries it.

The registry signs with a key that the host's agent drew and told it; so the gate checks a ticket without asking
anyone. A ticket is base64url(claims as JSON) + "." + hex(HMAC-SHA256(key, first part)), after the idea of RFC 7515.

On the wire the driver speaks first: `FARM` + 8 hex digits length + ticket, in the style of distcc's own tokens, then
the ordinary distcc request. The gate answers `OKAY` + 8 zeros once a slot is taken, or `DENY`/`BUSY` + 8 hex digits
length + reason and closes; after `OKAY` comes the ordinary distcc reply. Plain distcc sends no preface and gets no
`OKAY`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

PREFACE = b"FARM"
ADMITTED = b"OKAY"
DENIED = b"DENY"
BUSY = b"BUSY"
HEAD_SIZE = 12
"""Bytes of a token's head: four letters and eight hex digits."""

MAX_TICKET = 4096


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the registry vouches for.

    Attributes:
        host: the lending host; a ticket is good at one gate only.
        grant: names the grant, but is not the id that renews and releases it.
        user, project, origin: who builds what on which machine.
        slots: jobs at once that this grant may run here.
        ends: registry's monotonic clock in seconds after which the ticket is void.
    """

    host: str
    grant: str
    user: str
    project: str
    origin: str
    slots: int
    ends: float


def sign(claims: Claims, key: bytes) -> str:
    """Make a ticket; `key` is the host's secret of 32 bytes."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(claims))
    return f"{body.decode()}.{_seal(body, key)}"


def verify(ticket: str, key: bytes) -> Claims:
    """Read a ticket that was signed with `key`.

    Raises:
        ValueError: it was not, or it is no ticket. Whether it has ended is the caller's to judge.
    """
    body, _, seal = ticket.partition(".")
    if not ticket.isascii() or not hmac.compare_digest(seal, _seal(body.encode(), key)):
        raise ValueError("the ticket is not signed for this gate")
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body), type=Claims)
    except (binascii.Error, msgspec.DecodeError) as wrong:
        raise ValueError(f"the ticket is damaged: {wrong}") from None


def preface(ticket: str) -> bytes:
    """What the driver sends before the distcc request."""
    return token(PREFACE, ticket)


def token(name: bytes, text: str = "") -> bytes:
    """Write a token of four letters with a text behind it."""
    data = text.encode()
    return name + b"%08x" % len(data) + data


def _seal(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()
