"""The command line, the demo and the pictures it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.desktop import Desktop, wait_until
from fakes.status_notifier_watcher import Panel
from PySide6.QtGui import QColor, QImage, QPalette
from pytestqt.qtbot import QtBot

from farmhand import __version__
from farmhand.errors import OwnerError
from farmhand_tray import showcase
from farmhand_tray.demo import SCENES
from farmhand_tray.main import main
from farmhand_tray.showcase import Showcase, take_pictures
from farmhand_tray.theme import DARK, LIGHT
from farmhand_tray.view import Action


def tray(desktop: Desktop, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from farmhand_tray.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=desktop.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_and_version_need_no_display(capsys: pytest.CaptureFixture[str]) -> None:
    for argument, said in (("--help", "--demo"), ("--version", f"farmhand-tray {__version__}")):
        with pytest.raises(SystemExit) as ended:
            main([argument])
        assert ended.value.code == 0
        assert said in capsys.readouterr().out


def test_pictures_are_taken_of_the_demo_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--screenshot", "out"])
    assert ended.value.code == 2
    assert "--screenshot needs --demo" in capsys.readouterr().err


def test_the_program_takes_pictures_without_a_display(desktop: Desktop, tmp_path: Path) -> None:
    ended = tray(desktop, "--demo", "--screenshot", str(tmp_path / "pictures"))
    assert (ended.returncode, ended.stdout) == (0, "")
    expected = {f"{scene.name}-{theme}.png" for scene in SCENES for theme in ("light", "dark")}
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == expected


def test_a_folder_that_cannot_be_made_is_said_in_one_line(desktop: Desktop, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = tray(desktop, "--demo", "--screenshot", str(tmp_path / "file"))
    assert ended.returncode == 1
    assert "cannot use the folder" in ended.stderr


def test_pictures_are_light_and_dark(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "SCENES", SCENES[:1])
    assert take_pictures(tmp_path) == 0
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        picture = QImage(str(tmp_path / f"{SCENES[0].name}-{name}.png"))
        inside = picture.pixelColor(showcase.MARGIN + 5, showcase.PANEL_HEIGHT + showcase.MARGIN + 5)
        assert inside == palette.color(QPalette.ColorRole.Window) != QColor()


def test_a_picture_that_cannot_be_written_is_the_owners_to_mend(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showcase, "SCENES", SCENES[:1])
    (tmp_path / f"{SCENES[0].name}-light.png").mkdir()
    with pytest.raises(OwnerError, match="cannot write"):
        take_pictures(tmp_path)


def test_the_demo_shows_one_state_after_the_other(qtbot: QtBot) -> None:
    show = Showcase()
    qtbot.addWidget(show.window)
    show.begin()
    seen = [show.window.windowTitle()]
    for _ in SCENES:
        show.advance()
        seen.append(show.menu.widget.actions()[0].text())
    assert len(set(seen[1:])) == len(SCENES)
    show.window.hide()
    show.menu.chosen.emit(Action.TAKE_BACK, "")
    assert show.window.isVisible()
    show.menu.chosen.emit(Action.QUIT_TRAY, "")
    assert not show.window.isVisible()


def test_the_demo_runs_in_a_real_tray(desktop: Desktop) -> None:
    desktop.start_watcher()
    program = desktop.start_tray("--demo")
    panel = Panel(desktop.bus)
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    panel.click("Quit tray (lending goes on)")
    assert program.wait(30) == 0
    panel.close()
