"""Reads and writes the owner's settings where they lie."""

from __future__ import annotations

import os
import socket
import tomllib
from pathlib import Path
from typing import Any, cast

import tomlkit

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
    written = _read(file)
    try:
        settings.from_toml(written)
    except OwnerError as wrong:
        raise OwnerError(f"{wrong} ({file})") from None
    return settings.load(written, os.environ, flags)


def load_usable(**flags: str | None) -> tuple[Settings, tuple[str, ...]]:
    """Read the settings as `load_settings` does, but leave out what is wrong in file and environment.

    Returns:
        The settings, and what was left out and why.

    Raises:
        OwnerError: a value of the command line is not allowed.
    """
    written, problems = "", list[str]()
    try:
        written = _read(places.settings_file())
    except OwnerError as wrong:
        problems.append(str(wrong))
    usable, more = settings.load_usable(written, os.environ, flags)
    return usable, (*problems, *more)


def farm_name(chosen: Settings) -> str:
    """How the farm calls this machine: as its owner says, else by its host name."""
    return chosen.name or socket.gethostname()


def sources() -> dict[str, str]:
    """Where the value of each setting comes from, in words: the default, the file, or a variable of the environment.

    Raises:
        OwnerError: the file cannot be read or is no TOML.
    """
    file = places.settings_file()
    written = _parsed(file, _read(file))
    return {
        name: variable
        if (variable := f"FARMHAND_{name.upper()}") in os.environ
        else str(file)
        if name in written
        else "default"
        for name in settings.names()
    }


def write_setting(name: str, text: str) -> Path:
    """Put one setting into the settings file and leave everything else in it as it is, comments and mistakes too.

    Args:
        name: of the setting.
        text: its value as a person types it.

    Returns:
        The file.

    Raises:
        OwnerError: there is no such setting, the value is not allowed, or the file is no TOML or cannot be written.
    """
    value = getattr(settings.change(Settings(), name, text), name)
    if _is_half_a_letter(text):
        raise OwnerError(f"{text!r} is no text of UTF-8, as the settings file must be")
    file = places.settings_file()
    before = _read(file)
    _parsed(file, before)
    document = tomlkit.parse(before)
    document[name] = list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value
    target = file.resolve()  # a link into a folder of dotfiles stays one
    fresh = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(tomlkit.dumps(document))
        fresh.replace(target)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        raise OwnerError(f"cannot write {target}: {wrong.strerror}") from None
    return file


def _is_half_a_letter(text: str) -> bool:
    """Tell whether a text from the command line was not of the encoding that this system uses (PEP 383)."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise OwnerError(f"{file} is not valid TOML: {wrong}") from None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as wrong:
        raise OwnerError(f"cannot read {file}: {wrong}") from None
