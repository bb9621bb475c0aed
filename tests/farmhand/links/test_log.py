"""The log of a program that runs in the background."""

from __future__ import annotations

import logging

import pytest
from fakes.foreign import FOREIGN

from farmhand.links.log import PlainLines


def record(message: str, *quoted: object) -> logging.LogRecord:
    return logging.LogRecord("farmhand.agent", logging.WARNING, __file__, 1, message, quoted, None)


@pytest.mark.parametrize(("told", "shown"), [pair for pair in FOREIGN if "\n" not in pair[0]])
def test_a_message_is_one_line_of_what_it_quotes(told: str, shown: str) -> None:
    assert PlainLines("agent: %(message)s").format(record("kept: %s", told)) == f"agent: kept: {shown}"


def test_nobody_elses_line_looks_like_one_of_ours() -> None:
    told = record("kept: %s", "ben\nagent: lent\r\nagent: lent")
    assert PlainLines("agent: %(message)s").format(told) == "agent: kept: ben\n  agent: lent?\n  agent: lent"


def test_a_traceback_of_ours_keeps_its_lines() -> None:
    mistake = record("a mistake")
    try:
        raise KeyError("\x1b")
    except KeyError as wrong:
        mistake.exc_info = (KeyError, wrong, wrong.__traceback__)
    lines = PlainLines("%(message)s").format(mistake).splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        "a mistake",
        "  Traceback (most recent call last):",
        "  KeyError: '\\x1b'",
    )
