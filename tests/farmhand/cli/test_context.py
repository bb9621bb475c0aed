"""The door to the terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fakes.foreign import FOREIGN, WORST
from rich.table import Table
from rich.text import Text

from farmhand.cli.context import console, note, print_json, registry_url


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


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make folders of others")
def test_who_kept_the_environment_of_another_user_has_no_agent_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("FARMHAND_REGISTRY", raising=False)
    (tmp_path / "farmhand").mkdir()
    os.chown(tmp_path / "farmhand", 64321, 64321)
    assert registry_url(None) == ""
