"""Reads the owner's settings from where they lie."""

from __future__ import annotations

import os

from farmhand import settings
from farmhand.errors import OwnerError
from farmhand.links import places
from farmhand.settings import Settings


def load_settings(**flags: str | None) -> Settings:
    """Read the settings from file, environment and command line; the later one wins.

    Args:
        flags: command line values by setting name; None stands for "not given".

    Raises:
        OwnerError: a value is not allowed or the file cannot be read.
    """
    file = places.settings_file()
    try:
        text = file.read_text()
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as wrong:
        raise OwnerError(f"cannot read {file}: {wrong}") from None
    return settings.load(text, os.environ, flags)
