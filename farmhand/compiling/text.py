"""What a preprocessed text does not show: pragmas that the files had of which it was made.

gcc's first step obeys some pragmas and drops them, so its second step sees other macros or makes other code. Measured
with gcc 12: `gcc -E -fdirectives-only` drops omp and acc (where they are switched on), redefine_extname, message,
push_macro and pop_macro, and GCC poison, warning and dependency; it passes GCC target and optimize on, but does not
define their macros in C. `once` and `GCC system_header` need not be passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ENTERED = b'\n# 1 "'

_DROPPED = re.compile(
    rb"(?:#|%:)(?:\s|\\\n)*pragma(?:\s|\\\n)+(?:push_|\\|redefine_extname|message|omp|acc|GCC\s+(?:poison|warning|error|dep))"
)
_CHOOSING = re.compile(rb"#\s*pragma\s+GCC\s+(?:target|optimize)")


@dataclass(frozen=True, slots=True)
class Entered:
    """A file that the preprocessor entered.

    Attributes:
        name: as the text names it.
        is_system: whether it is a header of the system.
    """

    name: bytes
    is_system: bool


def entered_files(text: bytes) -> Iterator[Entered]:
    """Name the files that the preprocessor entered while it made `text`, in order.

    Source: "Preprocessor Output" in the manual of gcc's preprocessor; a marker with the flag 1 begins a file, with 3 it
    is a header of the system.
    """
    start = text.find(_ENTERED)
    while start >= 0:
        begin = start + len(_ENTERED)
        end = text.find(b'"', begin)
        if text.startswith(b" 1", end + 1):
            yield Entered(text[begin:end], text.startswith(b" 1 3", end + 1))
        start = text.find(_ENTERED, begin)


def has_dropped_pragma(content: bytes, is_system: bool) -> bool:
    """Tell whether a source or header has a pragma that the first step drops or does not obey.

    Args:
        content: of the file.
        is_system: whether it is a header of the system; those choose targets only around functions that need them.
    """
    if b"pragma" not in content:
        return False
    return _DROPPED.search(content) is not None or (not is_system and _CHOOSING.search(content) is not None)
