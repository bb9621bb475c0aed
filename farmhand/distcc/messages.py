"""What may be believed of a host's reply, and what of its words may reach a terminal.

Rule: a host is another person's machine. Its object is taken, for that is what it was asked for; a "no" is only a
reason to ask somebody else; and its text may hold letters and colours, but nothing that moves a cursor, sets a title,
fills a clipboard or turns the reading direction round.
"""

from __future__ import annotations

import enum
import re

from farmhand.distcc.protocol import ReplyReader

_UNWANTED = re.compile(
    r"(?P<kept>\x1b\[[0-9;:]{0,32}m|\x1b\[K)"  # colours, as gcc and clang write them
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # any other control sequence
    r"|\x1b[]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?"  # strings for the terminal: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]?"  # any other escape
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # control characters but newline and tab
    r"|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # turns of the reading direction
)


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


def clean(text: bytes) -> bytes:
    """Strip a compiler's messages of all that a terminal would obey, but for colours.

    Bytes that are not UTF-8 become U+FFFD, since some terminals obey single bytes above 0x7f.
    """
    return _UNWANTED.sub(lambda match: match["kept"] or "", text.decode(errors="replace")).encode()
