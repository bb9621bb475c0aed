"""Opens the display by Qt. Where none can be opened Qt says so in a fatal message, and then aborts the process.

Whoever handles that message has the last word: the process ends here instead, with one line and status 1. So no start
has to wait for a trial in a process of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from farmhand_tray import display, words


def open_display() -> QApplication:
    """Make the application, on the display that is there; where there is none the process ends."""
    tried = display.platforms(os.environ)
    if tried:
        os.environ["QT_QPA_PLATFORM"] = ";".join(tried)
    else:
        os.environ.pop("QT_QPA_PLATFORM", None)
    said: list[str] = []
    with _quiet() as speak_again:

        def hear(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
            if kind is QtMsgType.QtFatalMsg:
                speak_again()
                tell(display.why_closed(tried, os.environ, _plugins(), text.partition("\n")[0]))
                os._exit(1)
            said.append(text)

        before = qInstallMessageHandler(hear)
        try:
            application = QApplication(["farmhand-tray"])
        finally:
            qInstallMessageHandler(before)
    _tell_of(tried, application.platformName(), said)
    return application


def tell(text: str) -> None:
    """Say something where the session keeps what its programs say."""
    print(f"farmhand-tray: {text}", file=sys.stderr, flush=True)


def _tell_of(tried: Sequence[str], used: str, said: Iterable[str]) -> None:
    """Say what came of the owner's word; what Qt tried of itself before it found a display is nobody's concern."""
    if tried and not tried[0].startswith(used):
        tell(words.not_this_platform(tried[0], used))
    elif tried:
        for text in said:
            tell(words.plain(text, 200))


def _plugins() -> Path:
    return Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))


@contextmanager
def _quiet() -> Generator[Callable[[], None]]:
    """Let the libraries below Qt, which write to standard error by themselves, write to nobody.

    Yields:
        What lets standard error be heard again, also before the end of the block.
    """
    try:
        kept = os.dup(2)
    except OSError:  # nobody hears it as it is
        yield lambda: None
        return
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, 2)
    os.close(nobody)
    try:
        yield partial(_hear_again, kept)
    finally:
        _hear_again(kept)
        os.close(kept)


def _hear_again(kept: int) -> None:
    os.dup2(kept, 2)
