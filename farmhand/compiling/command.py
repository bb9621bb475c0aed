"""A compiler's command line as options and files, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import basename, splitext

from farmhand.compiling.options import Option, Role, Value, look_up

LANGUAGES = {"c": ".c", "c++": ".cc", "objective-c": ".m", "objective-c++": ".mm"}
"""Languages that can be compiled from preprocessed text, and a suffix by which compilers know each."""

BY_SUFFIX = {
    ".c": "c",
    **dict.fromkeys((".cc", ".cp", ".cxx", ".cpp", ".CPP", ".c++", ".C"), "c++"),
    ".m": "objective-c",
    **dict.fromkeys((".mm", ".M"), "objective-c++"),
}
"""The language of a source by the suffix of its name."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that a command names.

    Attributes:
        name: as it stands there; "-" is standard input.
        language: as `-x` calls it, from the suffix where no `-x` stands before; "" when it is none of `LANGUAGES`.
    """

    name: str
    language: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Command:
    """A parsed command line, without the compiler."""

    parts: tuple[Option | File, ...]

    @property
    def options(self) -> tuple[Option, ...]:
        """The options in order."""
        return tuple(part for part in self.parts if isinstance(part, Option))

    @property
    def files(self) -> tuple[File, ...]:
        """The files in order: sources, objects, libraries."""
        return tuple(part for part in self.parts if isinstance(part, File))

    def having(self, *roles: Role) -> tuple[Option, ...]:
        """The options that have one of the roles."""
        return tuple(option for option in self.options if option.role in roles)

    def named(self, *names: str) -> tuple[Option, ...]:
        """The options that have one of the names."""
        return tuple(option for option in self.options if option.name in names)


def parse(arguments: Sequence[str]) -> Command:
    """Take a command line apart.

    Args:
        arguments: what stands behind the compiler.
    """
    parts: list[Option | File] = []
    language = ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word[:1] not in ("-", "@") or word == "-":
            parts.append(File(word, _language(word, language)))
            continue
        name, place, role = look_up(word)
        in_next = place is Value.NEXT or (place is Value.EITHER and word == name)
        words = (word, *(rest[:1] if in_next else ()))
        value = words[1] if len(words) > 1 else word[len(name) :].removeprefix("=") if not in_next else ""
        if in_next:
            del rest[:1]
        if in_next and len(words) == 1:
            role = Role.STAY  # its value is missing: it would take what is added to the command
        parts.append(Option(name, role, words, value))
        if role is Role.LANGUAGE:
            language = value
    return Command(tuple(parts))


def object_name(source: str) -> str:
    """The object that a compiler makes of `source` when no `-o` names one."""
    return with_suffix(basename(source), ".o")


def with_suffix(path: str, suffix: str) -> str:
    """Replace what stands behind the last dot of a file's name, as compilers do: also where the name begins with it."""
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] if "." in name else name
    return f"{folder}{slash}{stem}{suffix}"


def _language(name: str, told: str) -> str:
    language = told if told not in ("", "none") else BY_SUFFIX.get(splitext(name)[1], "")
    return language if language in LANGUAGES else ""
