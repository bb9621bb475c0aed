"""Compiler options: how many words each takes, and which step of a distributed compile needs it.

A distributed compile has two steps: this machine preprocesses, another one compiles the text. So each option belongs
to the first step, to both, or keeps the whole compile here. An option that no table knows keeps it here, too.

The tables describe gcc 12 and clang 14. Sources: "Invoking GCC" of gcc's manual, "Clang command line argument
reference", and `known`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from farmhand.compiling.known import FEATURES, MACHINE


class Value(enum.Enum):
    """Where the value of an option stands."""

    NONE = "it has none"
    JOINED = "in the same word"
    NEXT = "in the next word"
    EITHER = "in the same word, or else in the next one"


class Role(enum.Enum):
    """What an option means for a distributed compile."""

    NEAR = "only the preprocessing step needs it"
    BOTH = "both steps need it"
    COMPILE = "-c: compile, do not link"
    OUTPUT = "it names the object"
    LANGUAGE = "it names the language of the sources behind it"
    DEPENDENCIES = "it asks for a file of dependencies"
    DEFINE = "it defines or undefines a macro"
    QUERY = "the command writes to standard output or compiles nothing"
    STAY = "the compile stays on this machine"


@dataclass(frozen=True, slots=True)
class Option:
    """One option as it stands in a command.

    Attributes:
        name: without its value.
        role: see `Role`.
        words: the one or two words of the command.
        value: "" when it has none.
    """

    name: str
    role: Role
    words: tuple[str, ...]
    value: str = ""


def _rows(value: Value, role: Role, names: str) -> dict[str, tuple[Value, Role]]:
    return dict.fromkeys(names.split(), (value, role))


_TABLE: Mapping[str, tuple[Value, Role]] = MappingProxyType(
    _rows(Value.NONE, Role.COMPILE, "-c")
    | _rows(Value.EITHER, Role.OUTPUT, "-o")
    | _rows(Value.EITHER, Role.LANGUAGE, "-x")
    | _rows(Value.EITHER, Role.DEFINE, "-D -U")
    | _rows(Value.NONE, Role.DEPENDENCIES, "-MD -MMD -MP")
    | _rows(Value.EITHER, Role.DEPENDENCIES, "-MF -MT -MQ")
    | _rows(Value.EITHER, Role.NEAR, "-I -F -L -l -T -u -idirafter -iframework -imacros -include -imultiarch -iprefix")
    | _rows(Value.EITHER, Role.NEAR, "-iquote -isysroot -isystem -iwithprefix -iwithprefixbefore -iwithsysroot")
    | _rows(Value.EITHER, Role.NEAR, "-cxx-isystem -stdlib++-isystem --sysroot")
    | _rows(Value.JOINED, Role.NEAR, "--sysroot= -stdlib= -finput-charset= -Wl,")
    | _rows(Value.NEXT, Role.NEAR, "-z -Xlinker")
    | _rows(Value.NONE, Role.NEAR, "-nostdinc -nostdinc++ -nostdlib -nostdlib++ -nodefaultlibs -nostartfiles -nolibc")
    | _rows(Value.NONE, Role.NEAR, "-static-libgcc -static-libstdc++ -shared-libgcc -rdynamic -s")
    | _rows(Value.NONE, Role.BOTH, "-ansi -pedantic -pedantic-errors -w -W -trigraphs -pthread -pipe -p -pg -undef")
    | _rows(Value.NONE, Role.BOTH, "-static -static-pie -shared -pie -no-pie -nopie -Qunused-arguments -Qn -Qy")
    | _rows(Value.NONE, Role.BOTH, "-fno-lto -fno-openmp -fno-openmp-simd")
    | _rows(Value.JOINED, Role.BOTH, "-O -W -std= --std= --param= --target= -gz=")
    | _rows(Value.NEXT, Role.BOTH, "--param -target -arch")
    | _rows(Value.NONE, Role.QUERY, "-E -S -M -MM -MG -v -V -### -C -CC -P -cc1 -cc1as --version -version --verbose -Q")
    | _rows(Value.NONE, Role.QUERY, "-fsyntax-only --syntax-only -H --analyze --preprocess --assemble")
    | _rows(Value.JOINED, Role.QUERY, "--help -print- --print- -dump -d --dump --target-help")
    | _rows(Value.NEXT, Role.STAY, "-Xclang -Xassembler -Xpreprocessor -mllvm -aux-info -wrapper -include-pch")
    | _rows(Value.JOINED, Role.STAY, "-I- -ObjC -objc -object -output -Tbss -Tdata -Ttext -undefined -unwindlib")
    | _rows(Value.JOINED, Role.STAY, "-gsplit-dwarf -save-temps --save-temps -specs= --specs= -B @ -Wa, -Wp,")
)  # fmt: skip

_DEBUGGING = re.compile(
    r"-g(?:[0-3]|gdb[0-3]?|lldb|dbx|line-tables-only|mlt|z|dwarf(?:-?[2-5]|32|64)?|embed-source)?"
    r"|-g(?:no-)?(?:column-info|strict-dwarf|pubnames|gnu-pubnames|as-loc-support|as-locview-support|statement-frontiers"
    r"|inline-points|describe-dies|variable-location-views|internal-reset-location-views|record-gcc-switches)"
)
"""Options for debug information that stays inside the object."""

_THIS_PROCESSOR = re.compile(r"-m[a-z]+=native")
"""Options whose meaning depends on the processor of the machine that obeys them."""

_FEATURE = re.compile(r"-f(?:no-)?(?P<name>[^=]+)(?:=.*)?", re.DOTALL)
_MACHINE = re.compile(r"-m(?:no-)?(?P<name>[^=]+)(?:=.*)?", re.DOTALL)
_NUMBER = re.compile(r"-\d+$")

_ASSEMBLER = re.compile(r"--noexecstack|--execstack|-W|--warn|--no-warn|--fatal-warnings|--(?:32|64|x32)|-m[a-z0-9=-]+")
"""What an assembler may be told through "-Wa,"; much else makes it write files."""

_PREPROCESSOR = re.compile(r"(?:-M?MD,[^,]+|-[DU][^,]+|-D,[^,]+)(?=,|$)")
"""What a preprocessor may be told through "-Wp,"."""


def look_up(word: str) -> tuple[str, Value, Role]:
    """Tell what an option is.

    Args:
        word: a word of the command that begins with "-" or "@".

    Returns:
        Its name, where its value stands, and its role; an option that is not known has the role STAY.
    """
    if word in _TABLE:
        return word, *_TABLE[word]
    if word.startswith("-Wa,"):
        return "-Wa,", Value.JOINED, Role.BOTH if _all_fit(_ASSEMBLER, word[4:]) else Role.STAY
    if word.startswith("-Wp,"):
        return "-Wp,", Value.JOINED, Role.NEAR if _all_fit(_PREPROCESSOR, word[4:]) else Role.STAY
    for length in range(len(word) - 1, 0, -1):
        value, role = _TABLE.get(word[:length], (Value.NONE, Role.STAY))
        if value in (Value.JOINED, Value.EITHER):
            return word[:length], Value.JOINED, role
    if _THIS_PROCESSOR.fullmatch(word):
        return word, Value.NONE, Role.STAY
    return word.partition("=")[0], Value.NONE, Role.BOTH if _is_known(word) else Role.STAY


def _is_known(word: str) -> bool:
    """Tell whether a "-f", "-m" or "-g" option has been measured to change the object only."""
    if _DEBUGGING.fullmatch(word):
        return True
    for form, names in ((_FEATURE, FEATURES), (_MACHINE, MACHINE)):
        match = form.fullmatch(word)
        if match is not None and (match["name"] in names or _NUMBER.sub("", match["name"]) in names):
            return True
    return False


def _all_fit(form: re.Pattern[str], parts: str) -> bool:
    """Tell whether a list with commas holds nothing but what `form` accepts."""
    rest = parts
    while rest:
        match = form.match(rest)
        if match is None or rest[match.end() : match.end() + 1] not in ("", ","):
            return False
        rest = rest[match.end() + 1 :]
    return True
