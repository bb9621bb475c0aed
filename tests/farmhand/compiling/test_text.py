"""Which files a preprocessed text was made of."""

from __future__ import annotations

from farmhand.compiling.text import entered_files


def test_files_that_were_entered_are_named_once() -> None:
    text = b'# 0 "a.c"\n# 1 "/usr/include/stdio.h" 1 3 4\nint x;\n# 1 "sub/h.h" 1\n# 2 "a.c" 2\n# 1 "sub/h.h" 1\n'
    assert entered_files(text) == {b"/usr/include/stdio.h", b"sub/h.h"}


def test_a_marker_that_returns_to_a_file_or_renames_it_enters_none() -> None:
    assert entered_files(b'\n# 1 "a.c"\n# 1 "a.c" 2\n# 12 "other.y"\nchar *s = "# 1 \\"x\\" 1";\n') == set()


def test_a_text_that_is_cut_off_ends_the_search() -> None:
    assert entered_files(b'\n# 1 "never closed') == set()
