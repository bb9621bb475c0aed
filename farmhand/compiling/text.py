"""Which files a preprocessed text was made of, as its line markers tell."""

from __future__ import annotations

_ENTERED = b'\n# 1 "'

HEADER_WORD = b"push_macro"
"""What gcc obeys in its first step and then drops, so that its second step sees other macros."""


def entered_files(text: bytes) -> set[bytes]:
    """Name the files that the preprocessor entered while it made `text`.

    Source: "Preprocessor Output" in the manual of gcc's preprocessor; a marker with the flag 1 begins a file.
    """
    files: set[bytes] = set()
    start = text.find(_ENTERED)
    while start >= 0:
        begin = start + len(_ENTERED)
        end = text.find(b'"', begin)
        if text.startswith(b" 1", end + 1):
            files.add(text[begin:end])
        start = text.find(_ENTERED, begin)
    return files
