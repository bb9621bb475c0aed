"""Compile commands: which word is the source, and how to run them on other files."""

from __future__ import annotations

import pytest

from farmhand.distcc.command import preprocessed_suffix, rewrite, source_file


@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("gcc -O2 -c a.c -o a.o", "a.c"),
        ("g++ -c -o x/a.o x/a.cpp", "x/a.cpp"),
        ("gcc -include b.c -c a.c -o a.o", "a.c"),
        ("gcc -MF dep.c -c a.c -o a.o", "a.c"),
        ("gcc -DX=y.c -Iz.c -c a.c -oa.o", "a.c"),
        ("clang -Xclang plugin.c -c a.m -o a.o", "a.m"),
        ("gcc -c a.c b.c -o a.o", ""),
        ("gcc -c -o a.o", ""),
        ("gcc -c a.f90 -o a.o", ""),
        ("gcc -c a.c -o", "a.c"),
        ("a.c", ""),
        ("", ""),
    ],
)
def test_the_source_is_the_one_word_that_looks_like_it(command: str, source: str) -> None:
    assert source_file(command.split()) == source


@pytest.mark.parametrize(
    ("source", "suffix"),
    [
        ("a.c", ".i"), ("a.i", ".i"), ("a.cc", ".ii"), ("a.cpp", ".ii"), ("a.cxx", ".ii"), ("a.cp", ".ii"),
        ("a.c++", ".ii"), ("a.C", ".ii"), ("a.CPP", ".ii"), ("a.ii", ".ii"), ("a.m", ".mi"), ("a.mi", ".mi"),
        ("a.mm", ".mii"), ("a.M", ".mii"), ("a.mii", ".mii"), ("a.s", ".s"), ("a.S", ".s"),
        ("a.h", ""), ("a", ""), ("dir.c/a", ""),
    ],
)  # fmt: skip
def test_the_language_survives_the_preprocessor(source: str, suffix: str) -> None:
    assert preprocessed_suffix(source) == suffix


def test_a_command_is_pointed_at_other_files() -> None:
    apart, joined = ("gcc", "-O2", "-c", "a.c", "-o", "a.o"), ("gcc", "-oa.o", "-c", "a.c")
    assert rewrite(apart, "/t/s.i", "/t/p") == ("gcc", "-O2", "-c", "/t/s.i", "-o", "/t/p")
    assert rewrite(joined, "/t/s.i", "/t/p") == ("gcc", "-o/t/p", "-c", "/t/s.i")


@pytest.mark.parametrize(
    "command", ["gcc -c a.c", "gcc -c -o a.o", "gcc -c a.c b.c -o a.o", "gcc -c a.c -o a.o -o b.o", "gcc -c a.c -o"]
)
def test_a_command_that_is_no_single_compile_is_refused(command: str) -> None:
    with pytest.raises(ValueError, match="needs one source and one -o"):
        rewrite(command.split(), "/t/s.i", "/t/p")
