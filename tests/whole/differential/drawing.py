"""Draw command lines: a compiler, a way to call it, sources, an environment, and one to six options.

The same seed draws the same command lines, as long as the compilers list the same options. Options are dealt from a
shuffled pack, so that each comes up before any comes up again.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.whole.differential.options import Option, options_of

# weight, words, the compiler whose help lists the options
COMPILERS: tuple[tuple[int, str, str], ...] = (
    (30, "gcc", "gcc"),
    (14, "g++", "g++"),
    (18, "clang", "clang"),
    (8, "clang++", "clang++"),
    (5, "cc", "gcc"),
    (3, "c++", "g++"),
    (3, "gcc-12", "gcc"),
    (2, "g++-12", "g++"),
    (3, "/usr/bin/gcc", "gcc"),
    (2, "/usr/bin/g++", "g++"),
    (2, "/usr/bin/clang", "clang"),
    (1, "clang-14", "clang"),
    (1, "x86_64-linux-gnu-gcc", "gcc"),
    (2, "distcc gcc", "gcc"),
    (1, "distcc clang", "clang"),
    (2, "ccache gcc", "gcc"),
    (1, "ccache clang++", "clang++"),
    (2, "ccache distcc gcc", "gcc"),
)

# weight, name; `other/a.c` and others that need a place of their own stand in the ways to call
C_SOURCES = (
    *((5, "a.c"), (4, "warn.c"), (4, "macros.c"), (2, "b.c"), (3, "thread.c"), (2, "hello.c"), (1, "utf8.c")),
    *((1, "latin1.c"), (1, "crlf.c"), (1, "nonl.c"), (1, "empty.c"), (1, "dates.c"), (1, "incbin.c"), (1, "broken.c")),
    *((1, "missing.c"), (1, "plain.s"), (1, "with_macros.S"), (1, "wrong.s")),
)
CXX_SOURCES = ((5, "a.cc"), (5, "small.cpp"), (1, "vector.cc"), (1, "broken.cc"), (1, "warn.c"), (1, "a.c"))
OBJC_SOURCES = ((1, "a.m"), (1, "a.mm"))

# weight, name, text with {cc}, {options}, {source}, {stem}
WAYS: tuple[tuple[int, str, str], ...] = (
    (30, "-c -o", "{cc} {options} -c {source} -o {stem}.o"),
    (10, "-o -c, options last", "{cc} -o {stem}.o -c {source} {options}"),
    (14, "-c", "{cc} -c {options} {source}"),
    (4, "object in another folder", "mkdir out && {cc} {options} -c {source} -o out/{stem}.o"),
    (2, "object in a missing folder", "{cc} {options} -c {source} -o out/{stem}.o"),
    (2, "-ofile", "{cc} {options} -c {source} -o{stem}.obj"),
    (3, "in another folder", "cd sub && {cc} {options} -c ../{source}"),
    (2, "absolute source", '{cc} {options} -c "$PWD/{source}" -o {stem}.o'),
    (2, "absolute object", '{cc} {options} -c {source} -o "$PWD/out.o"'),
    (3, "two objects of one name", "{cc} {options} -c other/a.c -o other/a.o && {cc} {options} -c a.c -o a.o"),
    (4, "-E", "{cc} {options} -E {source}"),
    (2, "-E -o", "{cc} {options} -E {source} -o {stem}.i"),
    (1, "-E, then -c", "{cc} {options} -E {source} -o {stem}.i && {cc} {options} -c {stem}.i"),
    (3, "-S", "{cc} {options} -S {source}"),
    (1, "-S, then -c", "{cc} {options} -S {source} -o {stem}.s && {cc} {options} -c {stem}.s -o {stem}.o"),
    (1, "-S to standard output", "{cc} {options} -S {source} -o -"),
    (1, "-fsyntax-only", "{cc} {options} -fsyntax-only {source}"),
    (1, "-M", "{cc} {options} -M {source}"),
    (1, "-MM", "{cc} {options} -MM {source}"),
    (1, "-MM -MF -MG", "{cc} {options} -MM -MG -MF made.d {source}"),
    (4, "-MD", "{cc} {options} -MD -c {source} -o {stem}.o"),
    (3, "-MMD -MP", "{cc} {options} -MMD -MP -c {source}"),
    (4, "-MD -MF", "mkdir d && {cc} {options} -MD -MF d/{stem}.d -c {source} -o {stem}.o"),
    (2, "-MD -MT -MP", "{cc} {options} -MD -MT all -MP -c {source} -o sub/{stem}.o"),
    (1, "-MMD -MQ", "{cc} {options} -MMD -MQ 'a$b' -MF made.d -c {source} -o {stem}.o"),
    (1, "-Wp,-MD", "{cc} {options} -Wp,-MD,made.d -c {source} -o {stem}.o"),
    (1, "-Wp,-MMD", "{cc} {options} -Wp,-MMD,sub/made.d,-MT,x -c {source} -o {stem}.o"),
    (3, "several sources", "{cc} {options} -c {source} b.c other/a.c"),
    (2, "several C sources", "{cc} {options} -c a.c b.c"),
    (1, "several sources and -o", "{cc} {options} -c a.c b.c -o both.o"),
    (1, "no source", "{cc} {options} -c -o {stem}.o"),
    (1, "source is missing", "{cc} {options} -c not_there.c -o {stem}.o"),
    (1, "several -o", "{cc} {options} -c {source} -o first.o -o second.o"),
    (1, "object exists", "echo old > {stem}.o && chmod 600 {stem}.o && {cc} {options} -c {source} -o {stem}.o"),
    (1, "object is a link", "ln -s elsewhere.o {stem}.o && {cc} {options} -c {source} -o {stem}.o"),
    (1, "object to /dev/null", "{cc} {options} -c {source} -o /dev/null"),
    (1, "object is the source", "cp {source} copy.c && {cc} {options} -c copy.c -o copy.c"),
    (1, "umask", "umask 077 && {cc} {options} -c {source} -o {stem}.o"),
    (1, "folder is read-only", "mkdir out && chmod 500 out && {cc} {options} -c {source} -o out/{stem}.o"),
    (2, "link", "{cc} {options} a.c -o program && ./program"),
    (1, "link several", "{cc} {options} a.c other/a.c -o program"),
    (1, "compile, then link", "{cc} {options} -c a.c -o a.o && {cc} {options} a.o -o program && ./program x"),
    (1, "link a shared library", "{cc} {options} -fPIC -shared b.c other/a.c -o library.so"),
    (1, "link without -o", "{cc} {options} {source}"),
    (3, "standard input", "{cc} {options} -x c -c - -o {stem}.o < a.c"),
    (1, "standard input without -o", "{cc} {options} -x c -c - < warn.c"),
    (1, "standard input, -E", "cat {source} | {cc} {options} -x c -E -"),
    (1, "standard input and no -x", "{cc} {options} -c - -o {stem}.o < a.c"),
    (4, "response file", "{response} && {cc} @args -c {source} -o {stem}.o"),
    (1, "response file with all", "echo '-c {source} -o {stem}.o' > all && {cc} @all {options}"),
    (1, "missing response file", "{cc} @missing {options} -c {source} -o {stem}.o"),
    (
        1,
        "precompiled header",
        "{cc} {options} -x c-header sub/shape.h -o sub/shape.h.gch && {cc} {options} -c a.c; rm sub/*.gch",
    ),
    (
        1,
        "-include of one",
        "{cc} -x c-header sub/shape.h && {cc} {options} -include sub/shape.h -c b.c -o b.o; rm sub/*.?ch",
    ),
    (1, "-x for one of two", "{cc} {options} -c -x c {source} -x none b.c"),
    (1, "C as C++", "{cc} {options} -x c++ -c a.c -o {stem}.o"),
    (
        1,
        "-I with a header of the same name",
        "{cc} {options} -Iother -c b.c -o b.o && {cc} {options} -Isub -c other/a.c",
    ),
    (1, "-save-temps", "{cc} {options} -save-temps -c {source} -o {stem}.o"),
    (3, "-g", "{cc} -g {options} -c {source} -o {stem}.o"),
    (1, "-g in another folder", "cd sub && {cc} -g {options} -c ../{source} -o ../out.o"),
    (1, "-fdebug-prefix-map", '{cc} -g -fdebug-prefix-map="$PWD"=/src {options} -c {source} -o {stem}.o'),
    (1, "-ffile-prefix-map", '{cc} -g -ffile-prefix-map="$PWD"=. {options} -c "$PWD/{source}" -o {stem}.o'),
    (3, "-O2 -g -Wall -Wextra", "{cc} -O2 -g -Wall -Wextra {options} -c {source} -o {stem}.o"),
    (1, "-gsplit-dwarf", "mkdir out && {cc} -g -gsplit-dwarf {options} -c {source} -o out/{stem}.o"),
    (1, "--coverage", "{cc} --coverage -frandom-seed=1 {options} -c {source} -o sub/{stem}.o"),
    (
        1,
        "-flto",
        "{cc} -flto -frandom-seed=1 {options} -c a.c -o a.o && {cc} -flto a.o -o program && ./program; rm program",
    ),
    (
        1,
        "-fprofile-generate",
        "{cc} -fprofile-generate -frandom-seed=1 {options} -c a.c && {cc} -fprofile-generate a.o -o program",
    ),
    (1, "-pipe", "{cc} -pipe {options} -c {source} -o {stem}.o"),
    (1, "by xargs", "echo {source} a.c | xargs {cc} {options} -c"),
    (1, "by timeout", "timeout 20 {cc} {options} -c {source} -o {stem}.o"),
    (1, "by another shell", "echo 'exec \"$@\"' > run.sh && sh run.sh {cc} {options} -c {source}"),
    (1, "two at once", "{cc} {options} -c a.c 2> said & {cc} {options} -c {source} -o other.o; wait"),
    (1, "empty source from /dev/null", "{cc} {options} -x c -c /dev/null -o {stem}.o"),
    (1, "outputs to one file", "{cc} {options} -c {source} -o {stem}.o > said 2>&1; echo $?"),
    (1, "closed standard error", "{cc} {options} -c {source} -o {stem}.o 2>&-"),
    (1, "standard input is closed", "{cc} {options} -c {source} -o {stem}.o <&-"),
    (1, "closed standard output", "{cc} {options} -c {source} -o {stem}.o >&-"),
    (1, "twice", "{cc} {options} -c {source} -o {stem}.o && {cc} {options} -c {source} -o again.o"),
    (1, "question", "{cc} {options} -print-file-name=libc.so && {cc} -dumpmachine"),
)
GXX_WAYS = (
    (
        1,
        "modules",
        "{cc} -std=c++20 -fmodules-ts {options} -c greet.cc && {cc} -std=c++20 -fmodules-ts {options} -c use.cc",
    ),
    (1, "C++20", "{cc} -std=c++20 {options} -c location.cc -o location.o"),
    (1, "no debug", "{cc} -std=gnu++20 -O2 {options} -c a.cc -o a.o"),
)
CLANGXX_WAYS = (
    (
        1,
        "modules",
        "{cc} -std=c++20 {options} --precompile greet.cppm -o greet.pcm && "
        "{cc} -std=c++20 {options} -fprebuilt-module-path=. -c use.cc",
    ),
    (1, "C++20", "{cc} -std=c++20 {options} -c location.cc -o location.o"),
)

# one in a dozen command lines has one of these
ENVIRONMENTS = (
    "CPATH=sub",
    "C_INCLUDE_PATH=sub:other",
    "CPLUS_INCLUDE_PATH=sub/deep",
    "DEPENDENCIES_OUTPUT=made.dep",
    "DEPENDENCIES_OUTPUT='made.dep target'",
    "SUNPRO_DEPENDENCIES=made.dep",
    "GCC_COLORS='error=01;31:warning=01;35'",
    "GCC_COLORS=",
    "LANG=de_DE.UTF-8",
    "LC_ALL=C",
    "LC_CTYPE=C",
    "LC_MESSAGES=de_DE.UTF-8",
    "COMPILER_PATH=sub",
    "GCC_EXEC_PREFIX=sub/",
    "LIBRARY_PATH=sub",
    "TMPDIR=sub",
    "TMPDIR=missing",
    "SOURCE_DATE_EPOCH=1",
    "SOURCE_DATE_EPOCH=nonsense",
    "env -u SOURCE_DATE_EPOCH",
    "TERM=dumb",
    "COLUMNS=40",
    "GCC_COMPARE_DEBUG=-O1",
    "CCC_OVERRIDE_OPTIONS=+-O1",
    "CCC_ADD_ARGS=-O1",
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT=fixits-v1",
    "env -u PWD",
    "env -u HOME",
    "PATH=/usr/bin:/bin",
    "nice",
    "env -i PATH=/usr/bin",
)


@dataclass(frozen=True)
class Case:
    """One command line.

    Attributes:
        text: what a shell is to run, without options: `{options}` stands for them.
        options: drawn.
        traits: by what else findings are grouped: compiler, way, source, environment.
    """

    text: str
    options: tuple[Option, ...]
    traits: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command line, fit for /bin/sh."""
        words = [word for option in self.options for word in option.words]
        response = (
            "printf '%s\\n' " + " ".join(map(shlex.quote, map(_in_a_file, words)) if words else ["''"]) + " > args"
        )
        line = self.text.replace("{response}", response).replace("{options}", shlex.join(words))
        return line.replace("  ", " ") if not words else line

    def only(self, *options: Option) -> Case:
        """The same with these options alone."""
        return replace(self, options=options)


def is_usual(option: Option) -> bool:
    """Whether it is neither a warning nor a parameter, of which the compilers have thousands."""
    return not option.name.startswith(("-W", "--param", "-fno-builtin-")) or option.name.startswith(
        ("-Wa", "-Wp", "-Wl")
    )


class Pack:
    """Options, dealt in a drawn order again and again."""

    def __init__(self, options: Sequence[Option], chance: random.Random) -> None:
        self._options = list(options)
        self._chance = chance
        self._left: list[Option] = []

    def deal(self) -> Option:
        """The next option."""
        if not self._left:
            self._left = list(self._options)
            self._chance.shuffle(self._left)
        return self._left.pop()


def draw(seed: int) -> Iterator[Case]:
    """Command lines without an end."""
    chance = random.Random(seed)
    packs: dict[str, tuple[Pack, Pack]] = {}
    for name in sorted({name for _, _, name in COMPILERS}):
        own = random.Random(f"{seed} {name}")
        packs[name] = Pack(options_of(name), own), Pack(list(filter(is_usual, options_of(name))), own)
    while True:
        yield _case(chance, packs)


def _case(chance: random.Random, packs: dict[str, tuple[Pack, Pack]]) -> Case:
    _, words, kind = _one(chance, COMPILERS)
    count = chance.choice((1, 1, 1, 1, 2, 2, 3, 4, 5, 6))
    options = tuple(chance.choice(packs[kind]).deal() for _ in range(count))
    more = {"g++": GXX_WAYS, "clang++": CLANGXX_WAYS}.get(kind, ())
    _, way, text = _one(chance, (*WAYS, *more))
    sources = CXX_SOURCES if kind.endswith("++") else C_SOURCES
    if kind.startswith("clang") and chance.random() < 0.03:
        sources = OBJC_SOURCES
    source = _one(chance, sources)[-1]
    traits = [words, way]
    if "{source}" in text:
        traits.append(source)
    if chance.random() < 1 / 12:
        setting = chance.choice(ENVIRONMENTS)
        traits.append(setting)
        words = f"{setting} {words}"
    stem = source.rpartition(".")[0]
    text = text.replace("{cc}", words).replace("{source}", source).replace("{stem}", stem)
    return Case(text, options, tuple(traits))


def _one(chance: random.Random, weighted: Sequence[tuple[int, *tuple[str, ...]]]) -> tuple[int, *tuple[str, ...]]:
    return chance.choices(weighted, [one[0] for one in weighted])[0]


def _in_a_file(word: str) -> str:
    """A word as a response file writes it."""
    return "".join(f"\\{letter}" if letter in " \\\"'" else letter for letter in word)
