"""Sources by which the two steps of a compile could differ from the whole: the object is the compiler's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest
from fakes.driver_bench import MakeBench
from fakes.fake_gate import FakeGate


@dataclass(frozen=True)
class Case:
    """A source, and what is done with it.

    Attributes:
        name: of the case.
        text: of a.c.
        options: of the compiler.
        compilers: that are tried.
        leaves: whether a host compiles it; None: that may depend on the compiler.
        files: beside the source, by name.
    """

    name: str
    text: str
    options: str = ""
    compilers: tuple[str, ...] = ("gcc", "clang")
    leaves: bool | None = False
    files: dict[str, str] = field(default_factory=dict[str, str])


GCC, CLANG = ("gcc",), ("clang",)
OPENMP = "int f(int *a) {\n#pragma omp parallel for\nfor (int i = 0; i < 9; i++) a[i] = i;\nreturn 1; }\n"
MACROS = '#pragma push_macro("M")\n#undef M\n#define M 2\n#pragma pop_macro("M")\nint m = M;\n'
EXTNAME = "#pragma redefine_extname ext other\nint ext(void);\nint f(void) { return ext(); }\n"
LINE = '#line 10 "p.y"\n#include "p.h"\nconst char *f = __FILE__;\nint l = __LINE__;\n'
ADD = "#define ADD(a, b) ((a) + (b))\nint f(int x) { return ADD(x, __LINE__) / ADD(x,\n x); }\n"
FALL = "int f(int a) { switch (a) { case 1: a++; /* fall through */ case 2: a++; } return a; }\n"
PACK = '#pragma pack(1)\nstruct s { char c; int i; } s;\n_Pragma("pack()") struct t { char c; int i; } t;\n'
CASES = (
    Case("openmp", OPENMP, "-O2 -fopenmp", GCC),
    Case("redefine_extname", EXTNAME, "", GCC),
    Case("poison", "#pragma GCC poison foo\nint a;\n", "", GCC),
    Case("push_macro", f"#define M 1\n{MACROS}", "", GCC),
    Case("push_macro in a header", '#define M 1\n#include "p.h"\n', "", GCC, files={"p.h": MACROS}),
    Case("target", '#pragma GCC target("avx2")\n#ifdef __AVX2__\nint x = 2;\n#else\nint x = 1;\n#endif\n', "", GCC),
    Case("base file", "const char *b = __BASE_FILE__;\n", "", GCC),
    Case("clang knows its base file", "const char *b = __BASE_FILE__;\n", "-DQ", CLANG, leaves=True),
    Case("level", "int l = __INCLUDE_LEVEL__ + 5;\n", "-DQ=1", leaves=True),
    Case("counter in a condition", "#if __COUNTER__ == 0\n#endif\nint b = __COUNTER__ + 7;\n"),
    Case("line", LINE, "", CLANG, files={"p.h": ""}),
    Case("gcc keeps lines", LINE, "", GCC, True, {"p.h": ""}),
    Case("macro through the preprocessor", "int foo(void) { return V; }\n", "-Wp,-Dfoo=bar -DV=1", CLANG),
    Case("prefix of files", "const char *f = __FILE__;\n", "-ffile-prefix-map=a=b", CLANG),
    Case("prefix of files with gcc", "const char *f = __FILE__;\n", "-ffile-prefix-map=a=b", GCC, leaves=True),
    Case("moment", "const char *t = __TIMESTAMP__;\n"),
    Case("moment by option", "const char *t = T;\n", "-DT=__TIMESTAMP__"),
    Case("columns", ADD, "", leaves=True),
    Case("sanitizer", ADD, "-fsanitize=undefined", GCC, True),
    Case("fall through", FALL, "-Wextra", leaves=True),
    Case("pack", PACK, leaves=True),
    Case("latin1", 'const char *s = "é";\n', "-finput-charset=latin1", GCC, leaves=True),
    Case("trigraphs", "??=define X 1\nint x = X;\n", "-trigraphs -w", leaves=None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "compiler"),
    [pytest.param(case, name, id=f"{case.name} {name}") for case in CASES for name in case.compilers],
)
async def test_the_object_is_the_compilers_own(bench: MakeBench, distccd: int, case: Case, compiler: str) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(), here=0) as one:
        for name, text in {"a.c": case.text, **case.files}.items():
            (one.folder / name).write_text(text)
            os.utime(one.folder / name, (1_000_000_000, 1_000_000_000))
        ran = await one.compile("a.c", *case.options.split(), compiler=compiler)
        assert ran == one.alone("a.c", *case.options.split(), compiler=compiler)
        assert case.leaves is None or one.dispatcher.tally.remote == case.leaves


async def test_a_precompiled_header_is_used_here(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(), here=0) as one:
        (one.folder / "p.h").write_text("#define P 1\n")
        (one.folder / "a.c").write_text('#include "p.h"\nint p = P;\n')
        assert (await one.run("gcc", "-O2", "p.h", "-o", "p.h.gch")).status == 0
        (one.folder / "p.h").write_text("#define P 2\n")
        os.utime(one.folder / "p.h", (1_000_000_000, 1_000_000_000))
        assert await one.compile() == one.alone()
        assert one.dispatcher.tally.remote == 0


async def test_a_header_that_can_be_read_once_is_left_to_the_compiler(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(), here=0) as one:
        os.mkfifo(one.folder / "p.h")
        ran = await one.run(
            "sh", "-c", "echo 'int k;' >p.h & gcc -include p.h -c a.c -o out.o; status=$?; wait; exit $status"
        )
        assert (ran.status, one.dispatcher.tally.remote) == (0, 0)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("output", ["o/a.o", "o/a", "o/a.b.o", "o/.o", "o.x/a", "..o"])
async def test_dependencies_are_named_as_by_the_compiler(
    bench: MakeBench, distccd: int, compiler: str, output: str
) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(), here=0) as one:
        for name in ("o", "o.x"):
            (one.folder / name).mkdir()
        found = []
        for words in ((f"{one.launchers.names}/{compiler}",), (f"/usr/bin/{compiler}",)):
            assert (await one.run(*words, "-MD", "-c", "a.c", "-o", output)).status == 0
            made = {
                path: path.read_text() for path in one.folder.rglob("*") if path.name.endswith("d") and path.is_file()
            }
            found.append(made)
            for path in made:
                path.unlink()
        assert found[0] == found[1]
        assert len(found[0]) == 1
        assert one.dispatcher.tally.remote == 1
