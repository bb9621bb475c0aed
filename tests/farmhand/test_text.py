"""Text that others wrote."""

from __future__ import annotations

import pytest
from fakes.foreign import FOREIGN, SHOWN, WORST
from hypothesis import given
from hypothesis import strategies as st

from farmhand.text import MAX_NAME, presentable


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
