"""Writes the sample settings file from the settings themselves, so it cannot say anything else than the program does.

python -m farmhand_resources.samples > resources/farmhand_resources/farmhand.toml
"""

from __future__ import annotations

import json
import textwrap
from typing import Any, cast

from farmhand import settings

_HEAD = """\
# Settings of Farmhand. Every setting is here with its default, commented out: take the # away from those you change.
# Put the file at ~/.config/farmhand/farmhand.toml.
"""


def sample_settings() -> str:
    """Return a settings file with every setting, its meaning, what is allowed and its default, commented out."""
    return _HEAD + "".join(_paragraph(name) for name in settings.names())


def _paragraph(name: str) -> str:
    meaning = settings.meaning(name)
    lines = textwrap.wrap(f"{meaning.text} Allowed: {meaning.allowed}.", 110)
    comment = "".join(f"# {line}\n" for line in lines)
    return f"\n{comment}#{name} = {_toml(settings.default(name))}\n"


def _toml(value: Any) -> str:
    """Write a setting's value as TOML: its texts, numbers and lists of texts look the same in JSON."""
    return json.dumps(list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value)


if __name__ == "__main__":
    print(sample_settings(), end="")
