"""Text that others wrote, and what texts of ours are put together from."""

from __future__ import annotations

import pytest
from fakes.foreign import FOREIGN, SHOWN, WORST
from hypothesis import given
from hypothesis import strategies as st

from farmhand.text import MAX_NAME, clauses, counted, presentable


@pytest.mark.parametrize(("told", "shown"), [*FOREIGN, (WORST, SHOWN), ("\udcff.c", "?.c")])
def test_what_a_terminal_would_obey_is_not_shown(told: str, shown: str) -> None:
    assert presentable(told) == shown


def test_a_long_name_is_cut() -> None:
    assert presentable("x" * 5000) == "x" * MAX_NAME
    assert presentable("abc", limit=2) == "ab"


@given(st.text(st.characters()))
def test_it_is_one_line_of_printable_characters(told: str) -> None:
    shown = presentable(told, len(told))
    assert shown.isprintable()
    assert len(shown) == len(told)
    assert len(shown.splitlines()) <= 1
    assert presentable(shown, len(shown)) == shown


# --- texts of ours ---------------------------------------------------------------
def test_parts_of_a_sentence_are_told_apart() -> None:
    assert (
        clauses("lending 1 slot", "none in use", "because it rests") == "lending 1 slot, none in use, because it rests"
    )


def test_a_part_that_is_not_there_leaves_no_comma() -> None:
    assert (clauses("", "for 3 min", ""), clauses("", "")) == ("for 3 min", "")


def test_one_and_many() -> None:
    assert [counted(number, "slot") for number in (0, 1, 2)] == ["0 slots", "1 slot", "2 slots"]
