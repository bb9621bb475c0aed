"""What each option of a compiler means for a compile on another machine."""

from __future__ import annotations

import pytest

from farmhand.compiling.options import Role, Value, look_up


def role(word: str) -> Role:
    return look_up(word)[2]


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("-c", "-c", Value.NONE),
        ("-o", "-o", Value.EITHER),
        ("-oa.o", "-o", Value.JOINED),
        ("-I", "-I", Value.EITHER),
        ("-Isub", "-I", Value.JOINED),
        ("-include", "-include", Value.EITHER),
        ("-include-pch", "-include-pch", Value.NEXT),
        ("-iquote", "-iquote", Value.EITHER),
        ("-isystem/x", "-isystem", Value.JOINED),
        ("-std=c11", "-std=", Value.JOINED),
        ("--sysroot=/x", "--sysroot=", Value.JOINED),
        ("-Xclang", "-Xclang", Value.NEXT),
        ("-fplugin=./p.so", "-fplugin", Value.NONE),
        ("-march=native", "-march=native", Value.NONE),
    ],
)
def test_where_the_value_of_an_option_stands(word: str, name: str, value: Value) -> None:
    assert look_up(word)[:2] == (name, value)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-D -DX=1 -U -UX", Role.DEFINE),
        ("-I. -isystem -include -nostdinc -L/x -lm -Wl,-z,now -s --sysroot=/x -stdlib=libc++", Role.NEAR),
        ("-finput-charset=latin1", Role.NEAR),
        ("-fexec-charset=latin1", Role.BOTH),
        (
            "-O2 -O -Wall -Wno-error=unused -W -w -ansi -std=c++20 -pthread -pipe --param --param=x=1 -trigraphs",
            Role.BOTH,
        ),
        (
            "-fPIC -fno-strict-aliasing -fstack-protector-strong -ftemplate-depth-900 -fdebug-prefix-map=/a=/b",
            Role.BOTH,
        ),
        ("-march=x86-64-v2 -mno-avx -m32 -msse4.2 -mcpu=cortex-a53 -target --target=aarch64-linux-gnu", Role.BOTH),
        ("-g -g0 -g3 -ggdb -ggdb3 -gdwarf -gdwarf-4 -gdwarf-5 -gz -gno-column-info -gline-tables-only", Role.BOTH),
        ("-fno-lto -fno-openmp -fsanitize=undefined -fmacro-prefix-map=/a=/b -ffile-prefix-map=/a=/b", Role.BOTH),
        ("-MD -MMD -MP -MF -MFx -MT -MQ", Role.DEPENDENCIES),
        (
            "-E -S -M -MM -MG -v -### --version -dumpmachine -print-prog-name=as --help=common -fsyntax-only -dM",
            Role.QUERY,
        ),
        ("-Wa,--noexecstack -Wa,--noexecstack,--fatal-warnings -Wa,-mrelax-relocations=no", Role.BOTH),
        ("-Wp,-MD,a.d -Wp,-MMD,sub/.a.o.d -Wp,-DX=1,-UY -Wp,-MD,a.d,-DX", Role.NEAR),
    ],
)
def test_options_that_are_known(words: str, expected: Role) -> None:
    assert {word: role(word) for word in words.split()} == dict.fromkeys(words.split(), expected)


@pytest.mark.parametrize(
    "word",
    [
        "-gsplit-dwarf", "-save-temps", "-save-temps=obj", "--save-temps", "-fstack-usage", "-ftest-coverage",
        "--coverage", "-fprofile-arcs", "-fprofile-generate", "-fprofile-use=x", "-fdump-tree-all", "-ftime-trace",
        "-fsave-optimization-record", "-fopt-info", "-fcallgraph-info", "-frecord-gcc-switches", "-aux-info",
        "-fmodules", "-fmodules-ts", "-fmodule-file=x", "-fplugin=./p.so", "-fplugin-arg-x-y", "-fpass-plugin=x",
        "-specs=x", "-B/x", "-wrapper", "-Xclang", "-mllvm", "-Xassembler", "-Xpreprocessor", "@file", "-march=native",
        "-mtune=native", "-mcpu=native", "-fpreprocessed", "-fdirectives-only", "-fno-working-directory", "-fpch-deps",
        "-Wa,-aln=a.lst", "-Wa,-MD,x", "-Wp,-P", "-Wp,-MD", "-Wp,-MD,a.d,-C", "-Wp,-MD,a.d,-MT,x", "-Wp,-MP", "-flto",
        "-flto=auto", "-fopenmp", "-fopenmp-simd", "-gcoff", "-gfuture",
        "-fan-option-of-tomorrow", "-mtomorrow", "--compile", "-fno-integrated-as", "-fdiagnostics-format=json",
    ],
)  # fmt: skip
def test_what_writes_beside_the_object_or_is_not_known_stays(word: str) -> None:
    assert role(word) is Role.STAY


@pytest.mark.parametrize(
    "word", ["-I-", "-ObjC", "-ObjC++", "-objcmt-migrate-all", "-object-file-name=x", "-Ttext", "-unwindlib=none"]
)
def test_a_long_name_is_no_value_of_a_short_option(word: str) -> None:
    assert role(word) is Role.STAY


def test_the_longest_name_counts() -> None:
    assert look_up("-static-libgcc") == ("-static-libgcc", Value.NONE, Role.NEAR)
    assert look_up("-isystemX")[:2] == ("-isystem", Value.JOINED)
