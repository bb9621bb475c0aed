"""A dark desktop gets a dark window, also where Qt does not notice by itself."""

from __future__ import annotations

import sys
from pathlib import Path

from fakes.desktop import Desktop, wait_until

WATCH = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from farmhand_tray.appearance import Appearance

application = QApplication([])
application.paletteChanged.connect(lambda palette: print(palette.color(QPalette.ColorRole.Window).name(), flush=True))
Appearance(application).follow()
QTimer.singleShot(0, lambda: print("runs", flush=True))
application.exec()
"""


def test_a_dark_desktop_gets_a_dark_palette_until_it_turns_light(desktop: Desktop) -> None:
    portal = desktop.start_portal()
    program = desktop.start(sys.executable, "-W", "ignore", "-c", WATCH)
    assert program.stdout is not None
    colours = (line for line in iter(program.stdout.readline, "") if line != "runs\n")
    assert next(colours) == "#2a2c30\n"
    assert portal.stdin is not None
    portal.stdin.write("\n")
    portal.stdin.flush()
    assert next(colours) == "#efefef\n"


def test_without_a_portal_nothing_changes(desktop: Desktop, tmp_path: Path) -> None:
    program = desktop.start(sys.executable, "-W", "ignore", "-c", WATCH + "print('over')")
    assert program.stdout is not None
    assert program.stdout.readline() == "runs\n"
    wait_until(lambda: program.poll() is None, "the program to run on")
