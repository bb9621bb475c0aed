"""The program `farmhand-tray`: reads the command line, makes sure that there is a display, runs the tray."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from farmhand import __version__
from farmhand.errors import OwnerError
from farmhand_tray import display, words

APP_ID = "io.github.farmhand.Farmhand"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tray.

    Args:
        arguments: of the command line; None: the process's own.

    Returns:
        0, or 1 when there is nothing to show a tray on, 2 for a wrong command line.
    """
    options = _parse(arguments)
    try:
        if options.screenshot is not None:
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        display.require(os.environ)
        return _run(options)
    except OwnerError as wrong:
        print(f"farmhand-tray: {wrong}", file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="farmhand-tray", description=words.ABOUT)
    parser.add_argument("--version", action="version", version=f"farmhand-tray {__version__}", help=words.HELP_VERSION)
    parser.add_argument("--demo", action="store_true", help=words.HELP_DEMO)
    parser.add_argument("--screenshot", metavar="DIR", type=Path, help=words.HELP_SCREENSHOT)
    options = parser.parse_args(arguments)
    if options.screenshot is not None and not options.demo:
        parser.error(words.SCREENSHOT_ALONE)
    return options


def _run(options: argparse.Namespace) -> int:
    """Start Qt, which must not be imported before a display is known to be there."""
    _find_qt()
    from farmhand.links import places
    from farmhand_tray import showcase
    from farmhand_tray.app import Tray
    from farmhand_tray.appearance import Appearance
    from farmhand_tray.icon import state_icon
    from farmhand_tray.link import AgentLink
    from farmhand_tray.opening import open_display
    from farmhand_tray.single import SingleInstance
    from farmhand_tray.starter import AgentStarter
    from farmhand_tray.unix_signals import UnixSignals

    application = open_display()
    application.setApplicationName("farmhand-tray")
    application.setApplicationDisplayName(words.APP)
    application.setDesktopFileName(APP_ID)
    application.setWindowIcon(state_icon("farmhand"))
    application.setQuitOnLastWindowClosed(False)
    Appearance(application).follow()
    signals = UnixSignals(application)
    if options.screenshot is not None:
        return showcase.take_pictures(options.screenshot)
    if options.demo:
        show = showcase.Showcase()
        signals.ended.connect(show.end)
        show.begin()
        return application.exec()
    folder = places.runtime_folder()
    single = SingleInstance(folder)
    if not single.take():
        print(words.SHOWN_ALREADY)
        return 0
    starter = AgentStarter()
    tray = Tray(AgentLink(places.agent_socket(), starter.start), starter)
    single.asked_to_show.connect(tray.window.bring_up)
    signals.ended.connect(tray.end)
    tray.begin()
    return application.exec()


def _find_qt() -> None:
    """Make sure that Qt can be loaded.

    Raises:
        OwnerError: it, or a library that it needs, is not installed.
    """
    try:
        importlib.import_module("PySide6.QtWidgets")
    except ModuleNotFoundError:
        raise OwnerError(words.NO_QT) from None
    except ImportError as wrong:
        raise OwnerError(words.unloadable(str(wrong), display.debian_package(str(wrong)))) from None
