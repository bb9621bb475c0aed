"""Who is at fault decides which error is raised; everything else is a builtin.

* `OwnerError`: the person in front of the machine can mend it: a wrong setting, a missing program, a port in use.
* `PeerError`: the other side of a connection broke its word: rubbish instead of a message, a refusal, silence.

A bug of ours is neither: it surfaces as whatever Python raises. Either may quote what others wrote, so the message of
every error is presentable (see `text`) from the start.
"""

from __future__ import annotations

from farmhand.text import MAX_SENTENCE, presentable


class FarmhandError(Exception):
    """What a Farmhand program tells its user in one line, without a traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(presentable(message, MAX_SENTENCE))


class OwnerError(FarmhandError):
    """The user can mend this; the message says how."""


class PeerError(FarmhandError):
    """Another program did not keep to the protocol or refused; the message says which and what it said."""


class Refused(PeerError):
    """The other side understood and said no."""


class Unreachable(PeerError):
    """Nobody answered, or not in time."""
