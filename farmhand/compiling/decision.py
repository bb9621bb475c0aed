"""Whether another machine may do a compile, and how, so that the result is what the compiler alone makes.

Rules:
1. A compile is sent only if all is known: one C or C++ source, one object, every option in a table. Anything else runs
   here, with its own command line, as without Farmhand.
2. The first step is the original command with `-E` in place of `-c`. If it prints anything, the compile runs here.
   gcc leaves macros alone (`-fdirectives-only`), and so does clang (`-frewrite-includes`): lines, columns, comments and
   macros reach the second step, and with them warnings and debug information.
3. Options that only preprocessing needs (macros, folders, character sets, dependencies) are not passed to the second.
4. If `-x` names another language than the suffix, the source is renamed with the matching suffix. `-x c` stays, because
   C++ drivers compile `.c` files as C++.
5. The text is searched for macros and directives that depend on the machine, the time or the main file's name. A match
   keeps the compile here.
6. If the second step prints anything, the compile runs again here, with its own command line: messages quote source
   lines and columns that only this machine has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from posixpath import basename, splitext
from typing import Literal

from farmhand.compiling.command import BY_SUFFIX, LANGUAGES, Command, File, object_name, parse, with_suffix
from farmhand.compiling.options import Option, Role

Kind = Literal["gcc", "clang"]

MACHINE_WORDS = ("__DATE__", "__TIME__", "__TIMESTAMP__", ".incbin", '.include "', '.include \\"')
"""What a text may not hold because it means the machine, the moment or the folder of the second step."""

GCC_WORDS = (*MACHINE_WORDS, "__BASE_FILE__", "pch_preprocess", '_Pragma("GCC target', '_Pragma("GCC optimize')
"""The same for gcc, which takes the name of the second step's input for the main file, and whose first step does not
define the macros of the targets that pragmas choose."""

CLANG_WORDS = (*MACHINE_WORDS, "#line", "# line", "__COUNTER__")
"""The same for clang, whose first step forgets `#line` behind an include, and counts in conditions that the second
step does not see."""

PROBES = ("conftest.", "tmp.conftest.")
"""How the sources of configure's tests begin; they are tiny, and no distccd takes them."""

KEPT_BY_CLANG = frozenset(
    ("-include", "-imacros", "-undef", "-fsanitize", "-ffile-prefix-map", "-fdebug-macro", "-gembed-source")
)
"""Options that keep a compile of clang's here; `_kept_by_clang` says why."""

KEEPING_VARIABLES = frozenset(
    (
        "DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GCC_COMPARE_DEBUG", "GCC_EXEC_PREFIX", "COMPILER_PATH",
        "CCC_OVERRIDE_OPTIONS", "CCC_ADD_ARGS", "CC_PRINT_OPTIONS", "CC_PRINT_HEADERS", "CC_LOG_DIAGNOSTICS",
        "CC_PRINT_PROC_STAT", "CLANG_CONFIG_FILE_SYSTEM_DIR", "CLANG_CONFIG_FILE_USER_DIR",
        "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
    )
)  # fmt: skip
"""Environment variables by which a compiler writes more files or runs other programs."""


@dataclass(frozen=True, slots=True)
class Far:
    """Another machine may do it.

    Attributes:
        preprocess: arguments of the first step, which writes to standard output.
        compile: arguments of the second step, without source and output.
        given: the source, as the command names it.
        source: what it is called in the second step, with the suffix of its language.
        output: the object, as the command names it.
        words: the text may hold none of them.
        heading: lines that come before the text.
        skips_first_line: the text's first line names no file and would become the source's name.
        reads_headers: the first step drops pragmas that the second one needs; look for them in the files that the text
            was made of.
        included: files that are included by option; one that can be read only once must not be read by the first step.
    """

    preprocess: tuple[str, ...]
    compile: tuple[str, ...]
    given: str
    source: str
    output: str
    words: tuple[str, ...]
    heading: str = ""
    skips_first_line: bool = False
    reads_headers: bool = False
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """It runs here, as it is.

    Attributes:
        why: for people: the option, or what else keeps it; "" when nothing was there to be sent.
        waits: it is work, so it takes one of this machine's slots. Never true of what reads or writes a pipe: the other
            end of the pipe may wait for a slot, too.
    """

    why: str = ""
    waits: bool = False


def decide(kind: Kind, arguments: Sequence[str], folder: str, variables: Collection[str] = ()) -> Far | Near:
    """Decide about one run of a compiler.

    Args:
        kind: the family of the compiler.
        arguments: what stands behind it.
        folder: the current folder as objects name it; "" when it is not known.
        variables: names in the environment.
    """
    command = parse(arguments)
    if command.having(Role.QUERY) or any(file.name == "-" for file in command.files):
        return Near()
    why = _obstacle(kind, command, folder, variables)
    if why is None:
        return _far(kind, command, folder)
    is_work = bool(command.files) and not _uses_pipes(command)
    return Near(why, is_work)


def _uses_pipes(command: Command) -> bool:
    values = [part for option in command.options for part in option.value.split(",")]
    names = [*(file.name for file in command.files), *values]
    return any(name == "-" or name.startswith(("/dev/", "/proc/")) for name in names)


def _obstacle(kind: Kind, command: Command, folder: str, variables: Collection[str]) -> str | None:
    """What keeps a command here, "" when it compiles nothing, None when nothing does."""
    sources = [file for file in command.files if file.language]
    if not command.having(Role.COMPILE):
        return "it also links" if sources else ""
    if any(basename(file.name).startswith(PROBES) for file in sources):
        return ""
    if len(command.files) != 1 or len(command.having(Role.OUTPUT)) > 1:
        return "several files in one command" if len(command.files) > 1 else ""
    kept = [option.name.removesuffix(",").removesuffix("=") for option in command.having(Role.STAY)]
    kept += [] if sources else [f"{splitext(command.files[0].name)[1] or 'other'} files"]
    kept += ["-Wp" for option in command.named("-Wp,") if "MD," in option.value and command.named("-MD", "-MMD")]
    kept += ["-x c" for option in command.having(Role.LANGUAGE) if option.value not in ("c++", "objective-c++")]
    kept += ["it uses a device"] if _uses_pipes(command) or not folder else []
    kept += KEEPING_VARIABLES.intersection(variables)
    kept += _kept_by_gcc(command, sources) if kind == "gcc" else _kept_by_clang(command)
    return kept[0] if kept else None


def _kept_by_gcc(command: Command, sources: Sequence[File]) -> list[str]:
    """What keeps a compile of gcc's here: fingerprints do not cover its other compilers; macros of -g3 move."""
    kept = ["Objective-C" for source in sources if source.language.startswith("objective")]
    return kept + [option.name for option in command.named("-g3", "-ggdb3")]


def _kept_by_clang(command: Command) -> list[str]:
    """What keeps a compile of clang's here.

    Its texts lack what is included by option; sanitizers read lists of files; a preprocessed source gets no map of
    prefixes for `__FILE__`; debug information names macros of the command line, and "./a.c" without the dot.
    """
    kept = [option.name for option in command.options if option.name in KEPT_BY_CLANG]
    macros = [option.value for option in command.having(Role.DEFINE)]
    kept += ["-D" for value in macros if "\n" in value or any(word in value for word in MACHINE_WORDS)]
    kept += ["-Wp" for option in command.named("-Wp,") if "-D" in option.value or "-U" in option.value]
    kept += ["./ in the name of the source" for file in command.files if _has_debug(command) and file.name[:2] == "./"]
    return kept


def _has_debug(command: Command) -> bool:
    return any(option.name.startswith("-g") for option in command.having(Role.BOTH))


def _far(kind: Kind, command: Command, folder: str) -> Far:
    (source,) = command.files
    named = [option.value for option in command.having(Role.OUTPUT)]
    output = named[0] if named else object_name(source.name)
    near = _words(part for part in command.parts if not isinstance(part, Option) or _is_near(part))
    both = _words(command.having(Role.BOTH))
    stem, suffix = splitext(source.name)
    name = source.name if BY_SUFFIX.get(suffix) == source.language else stem + LANGUAGES[source.language]
    first = ("-E", *near, *_dependencies(kind, command, output))
    if kind == "gcc":
        mode = "-fdirectives-only"
        included = tuple(option.value for option in command.named("-include", "-imacros"))
        return Far(
            (*first, mode), (*both, mode), source.name, name, output, GCC_WORDS, reads_headers=True, included=included
        )
    if _has_debug(command):
        both = (f"-fdebug-compilation-dir={folder}", *both)
    heading = _heading(source.name, command.having(Role.DEFINE))
    return Far(
        (*first, "-frewrite-includes"), both, source.name, name, output, CLANG_WORDS, heading, skips_first_line=True
    )


def _is_near(option: Option) -> bool:
    return option.role not in (Role.COMPILE, Role.OUTPUT)


def _words(parts: Iterable[Option | File]) -> tuple[str, ...]:
    return tuple(word for part in parts for word in part.words)


def _dependencies(kind: Kind, command: Command, output: str) -> tuple[str, ...]:
    """What tells the first step the file and the target of dependencies that it would otherwise take from `-o`."""
    asked = bool(command.named("-MD", "-MMD"))
    through = kind == "clang" and any("MD," in option.value for option in command.named("-Wp,"))
    file = ("-MF", with_suffix(output, ".d")) if asked and not command.named("-MF") else ()
    target = ("-MQ", output) if (asked or through) and not command.named("-MT", "-MQ") else ()
    return (*file, *target)


def _heading(source: str, macros: Sequence[Option]) -> str:
    """Line markers and directives that give a text of clang's its name and the macros of the command line."""
    quoted = source.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'# 1 "{quoted}"']
    lines += ['# 1 "<command line>" 1'] if macros else []
    for macro in macros:
        name, equals, value = macro.value.partition("=")
        if macro.name == "-U":
            lines.append(f"#undef {macro.value}")
        else:
            lines.append(f"#define {name} {value if equals else '1'}")
    lines += [f'# 1 "{quoted}" 2'] if macros else []
    return "".join(f"{line}\n" for line in lines)
