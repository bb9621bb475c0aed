"""What may be believed of a host's reply.

Rule: a host is another person's machine. Its object is taken, for that is what it was asked for; a "no" is only a
reason to ask somebody else; and its words are shown to nobody.
"""

from __future__ import annotations

import enum

from farmhand.distcc.protocol import ReplyReader


class Verdict(enum.Enum):
    """What a complete reply is worth."""

    GOOD = "good"
    REFUSED = "refused"
    BROKEN = "broken"


def judge(reply: ReplyReader) -> Verdict:
    """Tell what a complete reply is worth.

    Returns:
        GOOD: there is an object. REFUSED: the compiler said no. BROKEN: the compiler was killed, or the reply is one
        that no working host gives, such as success without an object.
    """
    status = reply.status
    if status is None or status > 0xFFFF or status & 0xFF:
        return Verdict.BROKEN
    if (status == 0) != (reply.object.size > 0):
        return Verdict.BROKEN
    return Verdict.REFUSED if status else Verdict.GOOD
