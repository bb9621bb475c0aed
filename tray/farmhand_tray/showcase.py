"""The real tray driven through the scenes of `demo`: to look at, and to take pictures for the manual."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from farmhand.errors import OwnerError
from farmhand_tray.demo import NOON, SCENES, Scene
from farmhand_tray.icon import TrayIcon, state_icon
from farmhand_tray.menu import TrayMenu
from farmhand_tray.theme import PALETTES
from farmhand_tray.view import Action, TrayView
from farmhand_tray.viewmodel import present
from farmhand_tray.window import FarmhandWindow

SCENE_MS = 3000
MARGIN, PANEL_HEIGHT, ICON = 24, 34, 22
PICTURE_WIDTH = 900


class Showcase(QObject):
    """Shows one scene after the other in the tray and the window."""

    def __init__(self) -> None:
        super().__init__()
        self.menu = TrayMenu(self)
        self.icon = TrayIcon(self.menu, self)
        self.window = FarmhandWindow()
        self._scenes = cycle(SCENES)
        self._next = QTimer(self)
        self._next.setInterval(SCENE_MS)
        self._next.timeout.connect(self.advance)
        self.menu.chosen.connect(self._on_chosen)
        self.icon.clicked.connect(self.window.bring_up)

    def begin(self) -> None:
        """Show the first scene."""
        self.window.bring_up()
        self.advance()
        self._next.start()

    def end(self) -> None:
        """Leave."""
        self._next.stop()
        self.icon.hide()
        self.window.hide()
        QApplication.quit()

    def advance(self) -> None:
        """Show the next scene."""
        view = _view(next(self._scenes))
        self.icon.show(view.icon, view.tooltip)
        self.menu.show_rows(view.menu)
        self.window.show_view(view)

    def _on_chosen(self, action: Action, _who: str) -> None:
        if action in (Action.QUIT_TRAY, Action.QUIT_ALL):
            self.end()
        else:
            self.window.bring_up()


def take_pictures(folder: Path) -> int:
    """Write a picture of every scene, light and dark, into `folder`.

    Returns:
        0.

    Raises:
        OwnerError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise OwnerError(f"cannot use the folder {folder}: {wrong.strerror}") from None
    for theme, palette in PALETTES.items():
        QApplication.setPalette(palette)
        for scene in SCENES:
            path = folder / f"{scene.name}-{theme}.png"
            if not _picture(scene, palette).save(str(path)):
                raise OwnerError(f"cannot write {path}")
    return 0


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a picture consists of."""

    window: QPixmap
    menu: QPixmap
    icon: QPixmap


def _picture(scene: Scene, palette: QPalette) -> QPixmap:
    """Draw a piece of a desktop: a panel with the icon, the menu below it, the window beside."""
    parts = _parts(scene)
    height = PANEL_HEIGHT + MARGIN * 2 + max(parts.window.height(), parts.menu.height())
    picture = QPixmap(QSize(PICTURE_WIDTH, height))
    picture.fill(palette.color(QPalette.ColorRole.Mid))
    painter = QPainter(picture)
    painter.fillRect(QRect(0, 0, PICTURE_WIDTH, PANEL_HEIGHT), palette.color(QPalette.ColorRole.Base))
    right = PICTURE_WIDTH - MARGIN
    painter.drawPixmap(QPoint(right - ICON * 2, (PANEL_HEIGHT - ICON) // 2), parts.icon)
    for pixmap, left in ((parts.window, MARGIN), (parts.menu, right - parts.menu.width())):
        _framed(painter, pixmap, QPoint(left, PANEL_HEIGHT + MARGIN), palette.color(QPalette.ColorRole.Dark))
    painter.end()
    return picture


def _framed(painter: QPainter, pixmap: QPixmap, corner: QPoint, line: QColor) -> None:
    painter.drawPixmap(corner, pixmap)
    painter.setPen(line)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRect(corner, pixmap.size()).adjusted(-1, -1, 0, 0))


def _parts(scene: Scene) -> _Parts:
    view = _view(scene)
    menu, window = TrayMenu(), FarmhandWindow()
    menu.show_rows(view.menu)
    window.show_view(view)
    parts = _Parts(_grab(window), _grab(menu.widget), state_icon(view.icon).pixmap(ICON, ICON))
    for widget in (window, menu.widget):
        widget.deleteLater()
    return parts


def _grab(widget: QWidget) -> QPixmap:
    """Take a picture of a widget that was never on a screen."""
    widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    widget.show()
    widget.adjustSize()
    QApplication.processEvents()
    picture = widget.grab()
    widget.hide()
    return picture


def _view(scene: Scene) -> TrayView:
    return present(scene.snapshot, NOON, absence=scene.absence, refused=scene.refused)
