"""Showing, explaining and changing settings, also where some of them are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmhand.cli.main import main


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of an owner without an agent; its folder is there."""
    for name in ("RUNTIME_DIR", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path))
    (tmp_path / "farmhand").mkdir(mode=0o700)
    return tmp_path / "farmhand" / "farmhand.toml"


def test_a_wrong_setting_is_mended_by_the_command_that_sets_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("idle_after = 'soon'\n")
    assert main(["settings", "check"]) == 1
    assert main(["settings", "set", "idle_after", "20"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{file}: idle_after = 20\nno agent runs here; it counts when one starts\n"
    assert "sets idle_after to 'soon'" in err
    assert main(["settings", "check"]) == 0


def test_who_mends_one_of_two_is_told_of_the_other(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("idle_after = 'soon'\nslots = -1\n")
    assert main(["settings", "set", "idle_after", "20"]) == 1
    out, err = capsys.readouterr()
    assert out == f"{file}: idle_after = 20\n"
    assert err.startswith(
        "farmhand: this counts once everything else is right, too: the settings file sets slots to -1"
    )
    assert main(["settings", "set", "slots", "2"]) == 0


def test_a_setting_is_explained_while_it_is_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("idle_after = 'soon'\n")
    assert main(["settings", "explain", "idle_after"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  allowed: a number of seconds from 1 to 86400" in lines
    assert next(line for line in lines if line.startswith("  now: the settings file sets idle_after to 'soon'"))
