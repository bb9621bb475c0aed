"""Command lines taken apart."""

from __future__ import annotations

import pytest

from farmhand.compiling.command import File, object_name, parse
from farmhand.compiling.options import Option, Role


def test_options_and_files_keep_their_order_and_words() -> None:
    command = parse(["-O2", "-I", "sub", "-DX=1", "a.c", "-c", "-o", "o/a.o"])
    assert command.parts == (
        Option("-O", Role.BOTH, ("-O2",), "2"),
        Option("-I", Role.NEAR, ("-I", "sub"), "sub"),
        Option("-D", Role.DEFINE, ("-DX=1",), "X=1"),
        File("a.c", "c"),
        Option("-c", Role.COMPILE, ("-c",)),
        Option("-o", Role.OUTPUT, ("-o", "o/a.o"), "o/a.o"),
    )
    assert [part.words for part in command.files] == [("a.c",)]
    assert [option.name for option in command.named("-I", "-c")] == ["-I", "-c"]
    assert [option.name for option in command.having(Role.COMPILE, Role.BOTH)] == ["-O", "-c"]


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ("-oa.o", ["a.o"]),
        ("-o a.o", ["a.o"]),
        ("-MF=x", ["x"]),
        ("-I -c", ["-c"]),
        ("-include a.h", ["a.h"]),
        ("--param x=1", ["x=1"]),
        ("-std=c11", ["c11"]),
        ("-c", [""]),
    ],
)
def test_a_value_stands_in_the_word_or_behind_it(arguments: str, values: list[str]) -> None:
    assert [option.value for option in parse(arguments.split()).options] == values


@pytest.mark.parametrize(
    ("arguments", "languages"),
    [
        ("a.c", ["c"]),
        ("a.cc b.cpp c.cxx d.C e.c++ f.cp g.CPP", ["c++"] * 7),
        ("a.m b.mm c.M", ["objective-c", "objective-c++", "objective-c++"]),
        ("a.s a.S a.i a.h a.f90 a", [""] * 6),
        ("-x c a.foo -x none b.foo c.cc", ["c", "", "c++"]),
        ("-xc++ a.c -x assembler b.c", ["c++", ""]),
        ("-x c -", ["c"]),
    ],
)
def test_a_language_comes_from_the_suffix_or_from_x(arguments: str, languages: list[str]) -> None:
    assert [file.language for file in parse(arguments.split()).files] == languages


@pytest.mark.parametrize(
    ("source", "name"),
    [("a.c", "a.o"), ("x/y/a.b.cc", "a.b.o"), ("../a", "a.o"), (".c", ".o"), ("x.y/..c", "..o")],
)
def test_an_object_without_a_name_lies_in_the_current_folder(source: str, name: str) -> None:
    assert object_name(source) == name


@pytest.mark.parametrize("arguments", ["-c a.c -I", "-c a.c -o", "-MD -c a.c -MT", "-c a.c -Xlinker"])
def test_an_option_whose_value_is_missing_keeps_the_command_here(arguments: str) -> None:
    assert parse(arguments.split()).options[-1].role is Role.STAY
