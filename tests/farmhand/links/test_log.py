"""The log of a program that runs in the background."""

from __future__ import annotations

import logging

import pytest
from fakes.foreign import FOREIGN

from farmhand.links.log import OneLine


def record(message: str, *quoted: object) -> logging.LogRecord:
    return logging.LogRecord("farmhand.agent", logging.WARNING, __file__, 1, message, quoted, None)


@pytest.mark.parametrize(("told", "shown"), FOREIGN)
def test_a_message_is_one_line_whatever_it_quotes(told: str, shown: str) -> None:
    assert OneLine("agent: %(message)s").format(record("kept: %s", told)) == f"agent: kept: {shown}"


def test_a_traceback_of_ours_keeps_its_lines() -> None:
    mistake = record("a mistake")
    try:
        raise KeyError("x")
    except KeyError as wrong:
        mistake.exc_info = (KeyError, wrong, wrong.__traceback__)
    lines = OneLine("%(message)s").format(mistake).splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("a mistake", "Traceback (most recent call last):", "KeyError: 'x'")
