"""Tooltips of widgets: Qt takes one for markup when its first line looks like it, and then reads files named there."""

from __future__ import annotations

from PySide6.QtGui import Qt
from PySide6.QtWidgets import QWidget


def show_tooltip(widget: QWidget, text: str) -> None:
    """Let the tooltip of `widget` say `text`, letter by letter."""
    widget.setToolTip(Qt.convertFromPlainText(text) if Qt.mightBeRichText(text) else text)
