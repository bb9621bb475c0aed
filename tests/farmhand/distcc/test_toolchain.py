"""What names a compiler, and what people see of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.toolchain import (
    MAX_ANNOUNCED,
    MAX_FINGERPRINT,
    Facts,
    announced,
    compilers,
    family,
    fingerprint,
    kind_of,
    name_on_host,
    title,
    titles,
    toolchain,
)

GCC = Facts("gcc", "12.2.0", "x86_64-linux-gnu", ("aa", "bb", "cc", "dd"))


def test_a_fingerprint_can_be_read_and_ends_in_a_hash() -> None:
    readable, _, digest = fingerprint(GCC).rpartition("-")
    assert readable == "gcc-12.2.0-x86_64-linux-gnu"
    assert len(digest) == 12
    assert set(digest) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        replace(GCC, family="g++"),
        replace(GCC, version="12.3.0"),
        replace(GCC, target="aarch64-linux-gnu"),
        replace(GCC, banner="Debian clang version 14.0.6"),
        replace(GCC, hashes=("aa", "bb", "cc", "de")),
        replace(GCC, hashes=("aa", "bb", "", "dd")),
        replace(GCC, hashes=("bb", "aa", "cc", "dd")),
    ],
    ids=lambda facts: f"{facts}"[6:60],
)
def test_whatever_differs_changes_the_hash(other: Facts) -> None:
    assert fingerprint(GCC)[-12:] != fingerprint(other)[-12:]
    assert fingerprint(other) == fingerprint(replace(other)), "the same facts are the same compiler"


@given(st.text(), st.text(), st.text(), st.lists(st.text()), st.text())
def test_nothing_that_a_compiler_says_gets_out_of_hand(
    family: str, version: str, target: str, hashes: list[str], banner: str
) -> None:
    made = fingerprint(Facts(family, version, target, tuple(hashes), banner))
    assert len(made) <= MAX_FINGERPRINT
    assert announced({"gcc": made}) == (toolchain("gcc", made),)


def test_a_compiler_may_say_bytes_that_are_no_text() -> None:
    assert fingerprint(replace(GCC, banner="\udcff")) != fingerprint(GCC)


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("gcc", "gcc"),
        ("x86_64-linux-gnu-g++-12", "g++"),
        ("arm-none-eabi-gcc-10.3.1", "gcc"),
        ("c89-gcc", "gcc"),
        ("clang-14", "clang"),
        ("clang++", "clang++"),
        ("-", "-"),
    ],
)
def test_the_family_is_the_name_without_target_and_version(program: str, kind: str) -> None:
    assert family(program) == kind


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("gcc", "gcc"), ("g++", "gcc"), ("cc", "gcc"), ("c++", "gcc"), ("clang", "clang"), ("clang++", "clang"),
        ("gfortran", None), ("tcc", None), ("gnat", None), ("", None),
    ],
)  # fmt: skip
def test_a_fingerprint_tells_which_options_a_compiler_understands(family: str, kind: str | None) -> None:
    assert kind_of(fingerprint(replace(GCC, family=family))) == kind


def test_of_an_unknown_compiler_no_option_is_understood() -> None:
    assert kind_of("") is None


def test_a_job_needs_its_compiler_under_the_name_that_it_sends() -> None:
    assert toolchain("gcc", "gcc-12") == "gcc=gcc-12"
    assert toolchain("gcc", "gcc-12") != toolchain("cc", "gcc-12")


@pytest.mark.parametrize(
    ("compiler", "name"),
    [
        ("gcc", "gcc"),
        ("/usr/bin/gcc", "gcc"),
        ("/bin/gcc", "gcc"),
        ("/opt/bin/gcc", "/opt/bin/gcc"),
        ("./gcc", "./gcc"),
        ("/gcc", "/gcc"),
    ],
)
def test_a_path_to_where_hosts_look_is_as_good_as_a_name(compiler: str, name: str) -> None:
    assert name_on_host(compiler) == name


def test_of_an_unknown_compiler_nothing_is_needed() -> None:
    assert toolchain("tcc", "") == ""


def test_a_machine_tells_of_its_compilers_by_name() -> None:
    assert announced({"gcc": "x-1", "cc": "x-1", "odd": ""}) == ("cc=x-1", "gcc=x-1")


def test_odd_names_are_not_told_of() -> None:
    assert announced({"g c": "x-1", "a=b": "x-1", "": "x-1", "n" * 100: "x-1", "\x1b": "x-1", "n" * 99: "x-1"}) == (
        f"{'n' * 99}=x-1",
    )


def test_nobody_tells_of_more_than_a_message_holds() -> None:
    many = {f"gcc-{number:04}": "x-1" for number in range(MAX_ANNOUNCED + 9)}
    assert announced(many) == tuple(f"{name}=x-1" for name in list(many)[:MAX_ANNOUNCED])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (fingerprint(GCC), "gcc 12.2.0"),
        (f"x86_64-linux-gnu-gcc-12={fingerprint(GCC)}", "gcc 12.2.0"),
        (f"cc={fingerprint(replace(GCC, family='clang++', version='15'))}", "clang++ 15"),
        ("strange", "strange"),
        ("a=strange", "a=strange"),
    ],
)
def test_people_see_family_and_version(text: str, shown: str) -> None:
    assert title(text) == shown


def test_a_compiler_for_another_machine_is_told_with_its_target() -> None:
    cross = fingerprint(replace(GCC, target="aarch64-linux-gnu"))
    assert title(cross, "x86_64") == "gcc 12.2.0 for aarch64-linux-gnu"
    assert title(fingerprint(GCC), "x86_64") == title(fingerprint(GCC)) == "gcc 12.2.0"
    assert titles((cross, fingerprint(GCC)), "x86_64") == ("gcc 12.2.0", "gcc 12.2.0 for aarch64-linux-gnu")


def test_the_compilers_behind_names_are_named_once() -> None:
    assert compilers(("c++=y-2", "cc=x-1", "gcc=x-1", "z-3")) == ("x-1", "y-2", "z-3")


def test_people_see_each_compiler_once() -> None:
    told = announced({"cc": fingerprint(GCC), "gcc": fingerprint(GCC), "c++": fingerprint(replace(GCC, family="g++"))})
    assert titles(told) == ("g++ 12.2.0", "gcc 12.2.0")
