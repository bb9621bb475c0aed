"""Two folders with what a real compiler made, and what is told of them."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.same_build import PRODUCER, Difference, compare_lines, compare_trees, lines_of

SOURCE = "int add(int a, int b)\n{\n    return a + b;\n}\n"


class Pair:
    """Two builds of a source, in folders of their own."""

    def __init__(self, root: Path) -> None:
        self.one, self.other = root / "one", root / "other"
        for folder in (self.one, self.other):
            folder.mkdir()
            (folder / "add.c").write_text(SOURCE)

    def run(self, command: str, other: str | None = None) -> None:
        for folder, words in ((self.one, command), (self.other, other or command)):
            subprocess.run(words, shell=True, cwd=folder, check=True)

    def differences(self) -> list[Difference]:
        return compare_trees(self.one, self.other)

    def only(self) -> Difference:
        (one,) = self.differences()
        return one


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    return Pair(tmp_path)


def test_equal_builds_do_not_differ(pair: Pair) -> None:
    pair.run("gcc -c add.c -MD && ar rcs libadd.a add.o && ln -s libadd.a lib.a")
    assert pair.differences() == []


def test_an_object_is_told_by_its_sections_and_their_texts(pair: Pair) -> None:
    build = "gcc -gdwarf-5 -c add.c -fdebug-prefix-map=$PWD="
    pair.run(f"{build}/somewhere", f"{build}/elsewhere")
    told = pair.only()
    assert (told.kind, told.where) == ("object", "add.o")
    assert ".debug_line_str" in told.what
    assert "['/elsewhere'] instead of ['/somewhere']" in told.what
    assert ".text" not in told.what


def test_of_an_object_without_debug_information_its_sections_are_missing(pair: Pair) -> None:
    pair.run("gcc -g -c add.c", "gcc -c add.c")
    assert "without .debug_info, " in pair.only().what
    pair.run("gcc -c add.c -O0", "gcc -c add.c -O2")
    assert pair.only().what.startswith(".text, ")


def test_an_archive_is_told_by_its_members(pair: Pair) -> None:
    build = "gcc {} -c add.c -o a_name_longer_than_fifteen.o && gcc -c add.c -o b.o && ar rcs libadd.a *.o && rm *.o"
    pair.run(build.format("-O0"), build.format("-O2"))
    assert pair.only() == Difference("object", "libadd.a", "a_name_longer_than_fifteen.o")


def test_dates_of_members_do_not_count(pair: Pair) -> None:
    pair.run("gcc -c add.c && ar rcsD libadd.a add.o", "gcc -c add.c && ar rcsU libadd.a add.o")
    assert (pair.one / "libadd.a").read_bytes() != (pair.other / "libadd.a").read_bytes()
    assert pair.differences() == []


def test_a_list_of_dependencies_is_told_by_its_lines(pair: Pair) -> None:
    pair.run("echo 'add.o: add.c' >add.d", "echo 'add.o: ./add.c' >add.d")
    assert pair.only() == Difference("object", "add.d", "-add.o: add.c +add.o: ./add.c")


def test_what_is_missing_or_new_is_told(pair: Pair) -> None:
    build = "gcc -g -gsplit-dwarf -fdebug-prefix-map=$PWD=/here -c add.c"
    pair.run(build, f"{build} && mv add.dwo left")
    assert pair.differences() == [
        Difference("object", "-add.dwo", "is missing"),
        Difference("object", "+left", "is new"),
    ]


def test_a_program_is_an_object_and_a_header_is_not(pair: Pair) -> None:
    build = "echo 'int main(void) { return X; }' >m.c; gcc m.c -o m"
    pair.run(f"{build} -DX=1", f"{build} -DX=2")
    pair.run("echo '#define X' >config.h", "echo '#undef X' >config.h")
    assert [(one.kind, one.where) for one in pair.differences()] == [("file", "config.h"), ("object", "m")]


def test_logs_that_hold_times_count_by_name_only(pair: Pair) -> None:
    pair.run("echo 1 >.ninja_log", "echo 2 >.ninja_log")
    assert pair.differences() == []
    pair.run("true", "rm .ninja_log")
    assert pair.only().where == "-.ninja_log"


def test_messages_count_in_any_order_and_without_progress() -> None:
    one = lines_of("[1/2] CC a.o\n[2/2] CC b.o\na.c:1: warning: x\n\nmake[1]: Entering directory '/a'\n")
    other = lines_of("a.c:1: warning: x\n[1/2] CC b.o\n[ 50%] CC a.o\n")
    assert compare_lines(one, other) == []


def test_a_message_that_is_lost_moved_or_said_twice_is_told() -> None:
    one = Counter({"a.c:1:9: warning: x": 1, "b.c:1: warning: y": 1, "   1 |     x": 1})
    other = Counter({"a.c:1:2: warning: x": 1, "b.c:1: warning: y": 3})
    found = compare_lines(one, other)
    assert found == [
        Difference("message", "-   1 |     x"),
        Difference("message", "-a.c:1:9: warning: x"),
        Difference("message", "+a.c:1:2: warning: x"),
        Difference("message", "+b.c:1: warning: y", "2 times"),
    ]
    assert [one.is_excerpt for one in found] == [True, False, False, False]


def test_an_option_in_the_producer_is_told_from_all_else(pair: Pair) -> None:
    build = "gcc -g -fdebug-prefix-map=$PWD=. {} -c add.c && ar rcs libadd.a add.o"
    pair.run(build.format(""), build.format("-fdirectives-only"))
    assert {one.what for one in pair.differences()} == {PRODUCER}
    pair.run(build.format(""), build.format("-fdirectives-only -O1"))
    assert PRODUCER not in {one.what for one in pair.differences()}
