"""Icons that are told apart by shape and read on any panel; a sample settings file that says what the program does."""

from __future__ import annotations

import itertools
import os
import re
import tomllib

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtGui import QIcon, QImage
from pytestqt.qtbot import QtBot

from farmhand import settings
from farmhand_resources import ICONS, icon_path, sample_settings_path
from farmhand_resources.samples import sample_settings

STATES = [name for name in ICONS if name != "farmhand"]
LIGHT, DARK = "#ffffff", "#202020"


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.1, 1..21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colours(svg: str) -> set[str]:
    return set(re.findall(r"#[0-9a-f]{6}", svg))


def silhouette(name: str) -> list[int]:
    """How much of each of the 22 x 22 pixels an icon covers, 0..255."""
    image = QIcon(str(icon_path(name))).pixmap(22, 22).toImage().convertToFormat(QImage.Format.Format_Alpha8)
    return [image.pixelColor(x, y).alpha() for y in range(22) for x in range(22)]


@pytest.mark.parametrize("name", STATES)
def test_a_state_icon_is_one_colour_that_reads_on_light_and_dark(name: str) -> None:
    (colour,) = colours(icon_path(name).read_text())
    assert contrast(colour, LIGHT) >= 3
    assert contrast(colour, DARK) >= 3


@pytest.mark.parametrize("name", STATES)
def test_the_symbolic_icon_has_the_same_shape(name: str) -> None:
    coloured, symbolic = icon_path(name).read_text(), icon_path(name, symbolic=True).read_text()
    (colour,), (ink,) = colours(coloured), colours(symbolic)
    assert coloured.replace(colour, ink) == symbolic


def test_icons_are_told_apart_by_shape_alone(qtbot: QtBot) -> None:
    shapes = {name: silhouette(name) for name in STATES}
    for one, other in itertools.combinations(STATES, 2):
        differing = sum(abs(a - b) > 96 for a, b in zip(shapes[one], shapes[other], strict=True))
        assert differing >= 24, (one, other, differing)


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_can_be_drawn(qtbot: QtBot, name: str) -> None:
    for symbolic in (False, True):
        assert not QIcon(str(icon_path(name, symbolic))).pixmap(64, 64).isNull()


def test_there_is_no_icon_that_nobody_knows() -> None:
    assert {path.name for path in icon_path("ready").parent.iterdir()} == {
        f"{name}{suffix}.svg" for name in ICONS for suffix in ("", "-symbolic")
    }
    with pytest.raises(ValueError, match="no icon named 'moon'"):
        icon_path("moon")


def test_the_sample_settings_are_up_to_date() -> None:
    assert sample_settings_path().read_text() == sample_settings()


def test_the_sample_settings_are_the_defaults_once_they_are_switched_on() -> None:
    switched_on = re.sub(r"^#(?=\w)", "", sample_settings(), flags=re.MULTILINE)
    assert tuple(tomllib.loads(switched_on)) == settings.names()
    assert settings.from_toml(switched_on) == settings.Settings()
    assert settings.from_toml(sample_settings()) == settings.Settings()
