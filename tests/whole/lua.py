"""A real C project to build: the library of Lua 5.4."""

from __future__ import annotations

from pathlib import Path

from tests.whole import source_package

PACKAGE = "lua5.4"
BUILD = ("make", "-C", "src", "liblua.a", "CC=gcc -std=gnu99", "MYCFLAGS=-DLUA_USE_LINUX")
"""Builds the library: 33 compiles and an archive."""


def unpack(folder: Path) -> Path:
    """Lay the sources out in a new folder and return it."""
    return source_package.unpack(PACKAGE, folder)


def fetch() -> bool:
    """Get the source package unless it is in the cache; tell whether it had to be fetched."""
    return bool(source_package.fetch(PACKAGE))
