"""The door to the terminal."""

from __future__ import annotations

import json

import pytest
from fakes.foreign import FOREIGN, WORST
from rich.table import Table
from rich.text import Text

from farmhand.cli.context import console, note, print_json


@pytest.mark.parametrize(("told", "shown"), FOREIGN)
def test_whatever_is_shown_is_one_line_of_plain_words(
    capsys: pytest.CaptureFixture[str], told: str, shown: str
) -> None:
    console.print(told)
    note(told)
    table = Table(told, box=None, pad_edge=False)
    table.add_row(told)
    console.print(Text("ok", "green"), told)
    console.print(table)
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in out.split("\n")] == [shown, f"ok {shown}", shown, shown, ""]
    assert err == f"farmhand: {shown}\n"


@pytest.mark.parametrize("told", [*(told for told, _ in FOREIGN), WORST, "\U000e0041\U0001f600"])
def test_json_keeps_every_value_and_is_printable_all_the_same(capsys: pytest.CaptureFixture[str], told: str) -> None:
    print_json({told: [told, 1, None]})
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert out[:-1].isprintable()
    assert json.loads(out) == {told: [told, 1, None]}
