"""Icons and the sample settings file, found wherever Farmhand is installed.

There is one icon for each state and one for the program, each in colour and as a `-symbolic` silhouette for panels
that paint icons in a colour of their own. An icon is one shape in one colour with holes, so it can be told from the
others by its outline alone and reads on light and dark panels.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

ICONS = (
    "lending-in-use",
    "lending-unused",
    "starting",
    "ready",
    "yours",
    "paused",
    "reclaiming",
    "held-back",
    "disconnected",
    "absent",
    "farmhand",
)
"""All icons by name."""


def icon_path(name: str, symbolic: bool = False) -> Path:
    """Find the SVG file of an icon.

    Args:
        name: one of `ICONS`.
        symbolic: the silhouette instead of the coloured one.

    Raises:
        ValueError: there is no such icon.
    """
    if name not in ICONS:
        raise ValueError(f"there is no icon named {name!r}")
    return Path(str(files(__name__))) / "icons" / f"{name}{'-symbolic' if symbolic else ''}.svg"


def sample_settings_path() -> Path:
    """Find the settings file with every setting, its meaning and its default."""
    return Path(str(files(__name__))) / "farmhand.toml"
