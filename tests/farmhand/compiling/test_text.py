"""Which files a preprocessed text was made of, and what their pragmas keep here."""

from __future__ import annotations

import pytest

from farmhand.compiling.text import Entered, entered_files, has_dropped_pragma


def test_files_that_were_entered_are_named_with_what_they_are() -> None:
    text = b'# 0 "a.c"\n# 1 "/usr/include/stdio.h" 1 3 4\nint x;\n# 1 "sub/h.h" 1\n# 2 "a.c" 2\n'
    assert list(entered_files(text)) == [Entered(b"/usr/include/stdio.h", True), Entered(b"sub/h.h", False)]


def test_a_marker_that_returns_to_a_file_or_renames_it_enters_none() -> None:
    text = b'\n# 1 "a.c"\n# 1 "a.c" 2\n# 12 "other.y"\nchar *s = "# 1 \\"x\\" 1";\n'
    assert list(entered_files(text)) == []


def test_a_text_that_is_cut_off_ends_the_search() -> None:
    assert list(entered_files(b'\n# 1 "never closed')) == []


@pytest.mark.parametrize(
    "pragma",
    [
        '#pragma push_macro("x")', "# pragma redefine_extname a b", '#pragma message "x"', "#pragma omp parallel for",
        "#pragma acc loop", "#pragma GCC poison x", '#pragma GCC warning "x"', '#pragma GCC error "x"',
        '#pragma GCC dependency "x"', '#\tpragma\tpush_macro("x")', '%:pragma push_macro("x")',
        '#\\\npragma \\\npush_macro("x")', '#pragma push_\\\nmacro("x")',
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_system", [True, False])
def test_a_pragma_that_the_first_step_drops_is_found(pragma: str, is_system: bool) -> None:
    assert has_dropped_pragma(f"int a;\n{pragma}\n".encode(), is_system)


@pytest.mark.parametrize("pragma", ['#pragma GCC target("avx2")', '# pragma  GCC  optimize "O2"'])
def test_a_pragma_that_chooses_a_target_counts_in_files_of_the_project(pragma: str) -> None:
    assert has_dropped_pragma(pragma.encode(), is_system=False)
    assert not has_dropped_pragma(pragma.encode(), is_system=True), "intrinsics choose targets for their functions only"


@pytest.mark.parametrize(
    "text",
    [
        "#pragma once",
        "#pragma pack(1)",
        "#pragma GCC diagnostic push",
        "#pragma GCC system_header",
        "int pragma_message;",
        "",
    ],
)
def test_what_is_passed_on_or_needed_by_the_first_step_only_keeps_nothing(text: str) -> None:
    assert not has_dropped_pragma(text.encode(), is_system=False)
