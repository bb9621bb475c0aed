"""Light and dark palettes, for where Qt does not learn from the desktop which of them the owner chose."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

_ROLE = QPalette.ColorRole


def _palette(
    *, window: str, base: str, text: str, button: str, accent: str, faint: str, line: str, desk: str
) -> QPalette:
    palette = QPalette(QColor(button), QColor(window))
    for role, colour in (
        (_ROLE.Window, window),
        (_ROLE.Base, base),
        (_ROLE.AlternateBase, window),
        (_ROLE.WindowText, text),
        (_ROLE.Text, text),
        (_ROLE.ButtonText, text),
        (_ROLE.ToolTipText, text),
        (_ROLE.ToolTipBase, base),
        (_ROLE.Button, button),
        (_ROLE.Highlight, accent),
        (_ROLE.HighlightedText, "#ffffff"),
        (_ROLE.PlaceholderText, faint),
        (_ROLE.Dark, line),
        (_ROLE.Mid, desk),
    ):
        palette.setColor(role, QColor(colour))
    for role in (_ROLE.WindowText, _ROLE.Text, _ROLE.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(faint))
    return palette


LIGHT = _palette(
    window="#fafafa",
    base="#ffffff",
    text="#1f2328",
    button="#ececec",
    accent="#2b7a46",
    faint="#6a737d",
    line="#b9bec4",
    desk="#d5dae0",
)
DARK = _palette(
    window="#2a2c30",
    base="#1e2023",
    text="#eceff1",
    button="#3b3e44",
    accent="#2f8a50",
    faint="#9aa3ad",
    line="#121315",
    desk="#3a4048",
)

PALETTES = {"light": LIGHT, "dark": DARK}
"""Both, by name."""
