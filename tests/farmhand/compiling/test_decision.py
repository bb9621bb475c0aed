"""Which compiles may leave this machine, and what the two machines are told."""

from __future__ import annotations

import pytest

from farmhand.compiling.decision import Far, Kind, Near, decide


def far(command: str, kind: Kind = "gcc", folder: str = "/work") -> Far:
    decision = decide(kind, command.split(), folder)
    assert isinstance(decision, Far), decision
    return decision


def near(command: str, kind: Kind = "gcc", **others: object) -> Near:
    decision = decide(kind, command.split(), str(others.get("folder", "/work")), others.get("variables", ()))  # type: ignore[arg-type]
    assert isinstance(decision, Near), decision
    return decision


def test_gcc_preprocesses_here_and_compiles_there() -> None:
    decision = far("-O2 -Wall -DX=1 -I sub -c a.c -o o/a.o")
    assert decision.preprocess == ("-E", "-O2", "-Wall", "-DX=1", "-I", "sub", "a.c", "-fdirectives-only")
    assert decision.compile == ("-O2", "-Wall", "-fdirectives-only")
    assert (decision.given, decision.source, decision.output) == ("a.c", "a.c", "o/a.o")
    assert (decision.heading, decision.skips_first_line, decision.reads_headers) == ("", False, True)
    assert "__BASE_FILE__" in decision.words


def test_clang_keeps_the_name_of_its_source_and_the_macros_of_its_command() -> None:
    decision = far("-O2 -DX=1 -DY -UZ -DF(x)=x -c sub/a.cc", "clang")
    assert decision.preprocess == ("-E", "-O2", "-DX=1", "-DY", "-UZ", "-DF(x)=x", "sub/a.cc", "-frewrite-includes")
    assert decision.compile == ("-O2",)
    assert decision.heading == (
        '# 1 "sub/a.cc"\n# 1 "<command line>" 1\n#define X 1\n#define Y 1\n#undef Z\n#define F(x) x\n# 1 "sub/a.cc" 2\n'
    )
    assert (decision.skips_first_line, decision.reads_headers, decision.output) == (True, False, "a.o")
    assert "__BASE_FILE__" not in decision.words


def test_clang_without_macros_has_the_name_alone() -> None:
    assert far('-c a"\\.c', "clang").heading == '# 1 "a\\"\\\\.c"\n'


@pytest.mark.parametrize("option", ["-g", "-gdwarf-4", "-ggdb3"])
def test_debug_information_of_clang_names_the_folder_here(option: str) -> None:
    assert far(f"{option} -c a.c", "clang", "/here").compile == ("-fdebug-compilation-dir=/here", option)


def test_without_debug_information_no_folder_is_named() -> None:
    assert far("-O2 -c a.c", "clang").compile == ("-O2",)
    assert far("-g -c a.c", "gcc").compile == ("-g", "-fdirectives-only")


def test_a_target_is_told_to_both_machines() -> None:
    decision = far("--target=aarch64-linux-gnu -c a.c", "clang")
    assert decision.preprocess[1] == decision.compile[0] == "--target=aarch64-linux-gnu"


@pytest.mark.parametrize(
    ("command", "added"),
    [
        ("-MD -c a.c -o o/a.o", "-MF o/a.d -MQ o/a.o"),
        ("-MMD -c x/a.c", "-MF a.d -MQ a.o"),
        ("-MMD -MP -c a.c -o o/a.b.o", "-MF o/a.b.d -MQ o/a.b.o"),
        ("-MD -c a.c -o o/a", "-MF o/a.d -MQ o/a"),
        ("-MD -c a.c -o o.x/a", "-MF o.x/a.d -MQ o.x/a"),
        ("-MD -c a.c -o o/.o", "-MF o/.d -MQ o/.o"),
        ("-MD -c a.c -o ..o", "-MF ..d -MQ ..o"),
        ("-MD -MF x.d -c a.c -o o/a.o", "-MQ o/a.o"),
        ("-MD -MT t -c a.c -o o/a.o", "-MF o/a.d"),
        ("-MD -MQ t -MF x.d -c a.c", ""),
        ("-c a.c", ""),
    ],
)
def test_dependencies_lie_and_point_where_the_compiler_alone_puts_them(command: str, added: str) -> None:
    decision = far(command)
    given = far(command.replace("-MD", "").replace("-MMD", "")).preprocess
    assert decision.preprocess[-1 - len(added.split()) : -1] == tuple(added.split())
    assert len(decision.preprocess) == len(given) + len(added.split()) + ("-MD" in command or "-MMD" in command)
    assert not any(word.startswith("-M") for word in decision.compile)


def test_clang_is_told_the_target_of_dependencies_that_its_preprocessor_was_asked_for() -> None:
    assert far("-Wp,-MMD,.a.d -c a.c -o o/a.o", "clang").preprocess[-3:-1] == ("-MQ", "o/a.o")


@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("-c a.c", "a.c"),
        ("-c sub/a.cpp", "sub/a.cpp"),
        ("-x c++ -c a.c", "a.cc"),
        ("-xc++ -c a.inc", "a.cc"),
        ("-x c++ -c a", "a.cc"),
    ],
)
def test_a_source_has_the_suffix_of_its_language_there(command: str, source: str) -> None:
    decision = far(command)
    assert decision.source == source
    assert decision.given in command.split()
    assert not any(word.startswith("-x") for word in decision.compile)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("-gsplit-dwarf -c a.c", "-gsplit-dwarf"),
        ("-fplugin=./p.so -c a.c", "-fplugin"),
        ("-specs=x -c a.c", "-specs"),
        ("-Wa,-al -c a.c", "-Wa"),
        ("-march=native -c a.c", "-march=native"),
        ("@args -c a.c", "@"),
        ("-c a.c b.c", "several files in one command"),
        ("-c a.c -o x -o y", ""),
        ("-c", ""),
        ("-c a.s", ".s files"),
        ("-c a.h", ".h files"),
        ("-c a", "other files"),
        ("-c a.m", "Objective-C"),
        ("-x c -c a.cc", "-x c"),
        ("-xc++ -x none -c a.c", "-x c"),
        ("a.c -o program", "it also links"),
        ("a.o b.o -o program", ""),
        ("-c conftest.c", ""),
        ("-g3 -c a.c", "-g3"),
        ("-flto -c a.c", "-flto"),
        ("-fopenmp -c a.c", "-fopenmp"),
        ("-MD -Wp,-MMD,x.d -c a.c", "-Wp"),
        ("-Wp,-MD,x.d,-MT,t -c a.c", "-Wp"),
        ("-c a.c -I", "-I"),
        ("-c build/tmp.conftest.cc", ""),
    ],
)
def test_what_gcc_keeps_here_is_told_by_its_reason(command: str, why: str) -> None:
    assert near(command).why == why


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("-include x.h -c a.c", "-include"),
        ("-imacros x.h -c a.c", "-imacros"),
        ("-undef -c a.c", "-undef"),
        ("-fsanitize=address -c a.c", "-fsanitize"),
        ("-include-pch x.pch -c a.c", "-include-pch"),
        ("-Xclang -load -c a.c", "-Xclang"),
        ("-ffile-prefix-map=a=b -c a.c", "-ffile-prefix-map"),
        ("-g -fdebug-macro -c a.c", "-fdebug-macro"),
        ("-g -gembed-source -c a.c", "-gembed-source"),
        ("-Wp,-DX -c a.c", "-Wp"),
        ("-Wp,-UX -c a.c", "-Wp"),
        ("-DS=__TIMESTAMP__ -c a.c", "-D"),
        ("-g -c ./a.c", "./ in the name of the source"),
    ],
)
def test_what_clang_keeps_here(command: str, why: str) -> None:
    assert near(command, "clang").why == why


def test_a_macro_over_two_lines_stays() -> None:
    assert decide("clang", ["-DX=1\n2", "-c", "a.c"], "/w") == Near("-D", waits=True)


def test_what_clang_forgets_or_counts_in_its_first_step_is_searched_for() -> None:
    assert {"#line", "__COUNTER__"} <= set(far("-c a.c", "clang").words)
    assert not {"#line", "__COUNTER__"} & set(far("-c a.c").words)
    assert far("-c ./a.c", "clang").given == "./a.c"


def test_files_that_gcc_includes_by_option_are_named() -> None:
    assert far("-include x.h -imacros y.h -c a.c").included == ("x.h", "y.h")


def test_clang_may_compile_objective_c_elsewhere() -> None:
    assert far("-c a.m", "clang").source == "a.m"


def test_a_folder_that_is_not_known_keeps_a_compile() -> None:
    assert near("-c a.c", folder="").why == "it uses a device"


@pytest.mark.parametrize("variable", ["DEPENDENCIES_OUTPUT", "COMPILER_PATH", "CCC_OVERRIDE_OPTIONS"])
def test_variables_by_which_a_compiler_does_more_keep_it(variable: str) -> None:
    assert near("-c a.c", variables={"PATH", variable}).why == variable


@pytest.mark.parametrize("command", ["-E a.c", "-M a.c", "--version", "-c -x c -", "-fsyntax-only a.c", "-dumpmachine"])
def test_questions_and_pipes_run_at_once(command: str) -> None:
    assert near(command) == Near()


@pytest.mark.parametrize(
    ("command", "waits"),
    [
        ("a.o -o program", True),
        ("-c a.c b.c", True),
        ("-gsplit-dwarf -c a.c", True),
        ("-c a.c -o /dev/null", False),
        ("-c a.c -o -", False),
        ("-c /dev/stdin", False),
        ("-include /dev/fd/63 -c a.c", False),
        ("-MD -MF /dev/null -c a.c", False),
        ("-Wp,-MD,/dev/stdout -c a.c", False),
        ("-lm", False),
        ("", False),
    ],
)
def test_work_takes_a_slot_unless_it_may_stand_in_a_pipeline(command: str, waits: bool) -> None:
    assert near(command).waits is waits
