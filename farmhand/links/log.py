"""The log of a program that runs in the background: standard error, one presentable line for each message."""

from __future__ import annotations

import logging
import sys

from farmhand.text import MAX_SENTENCE, presentable


class OneLine(logging.Formatter):
    """Writes a message on one line, whatever it quotes; a traceback of ours keeps its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Logging's question for the text of a record."""
        return presentable(super().formatMessage(record), MAX_SENTENCE)


def begin_log(program: str, level: str) -> None:
    """Log to standard error from now on.

    Args:
        program: stands in front of each line.
        level: of the least important messages, such as "warning".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(f"{program}: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
