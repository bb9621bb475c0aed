"""The log of a program that runs in the background, on standard error.

A line that begins with the program's name is a message of ours. What a message quotes is presentable, and never begins
such a line: all lines of a message but the first are indented.
"""

from __future__ import annotations

import logging
import sys

from farmhand.text import MAX_SENTENCE, presentable


class PlainLines(logging.Formatter):
    """Writes messages as the module says."""

    def format(self, record: logging.LogRecord) -> str:
        """Logging's question for the whole text of a record, tracebacks included."""
        lines = super().format(record).split("\n")
        return "\n  ".join(presentable(line, MAX_SENTENCE) for line in lines)


def begin_log(program: str, level: str) -> None:
    """Log to standard error from now on.

    Args:
        program: stands in front of each line.
        level: of the least important messages, such as "warning".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines(f"{program}: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
