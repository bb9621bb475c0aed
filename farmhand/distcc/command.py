"""What a compiler's command line says, as far as distcc sends it over the wire.

Rule: distcc has checked the command already (one source, `-c` or `-S`, an `-o`), so one pass from left to right that
knows which options take a separate value is enough to find the source, and two words are all that must change to run
the command elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from posixpath import splitext
from types import MappingProxyType

PREPROCESSED: Mapping[str, str] = MappingProxyType(
    {
        ".c": ".i",
        ".i": ".i",
        ".cc": ".ii",
        ".cpp": ".ii",
        ".cxx": ".ii",
        ".cp": ".ii",
        ".c++": ".ii",
        ".C": ".ii",
        ".CPP": ".ii",
        ".ii": ".ii",
        ".m": ".mi",
        ".mi": ".mi",
        ".mm": ".mii",
        ".M": ".mii",
        ".mii": ".mii",
        ".s": ".s",
        ".S": ".s",
    }
)
"""The suffix by which gcc and clang know what comes out of the preprocessor, by the suffix of what goes in."""

WITH_VALUE = frozenset(
    (
        "-o", "-x", "-include", "-imacros", "-idirafter", "-iprefix", "-iwithprefix", "-iwithprefixbefore", "-isystem",
        "-iquote", "-isysroot", "-imultilib", "-MF", "-MT", "-MQ", "-D", "-U", "-I", "-L", "-A", "-u", "-T", "-z",
        "-Xassembler", "-Xpreprocessor", "-Xlinker", "-Xclang", "-arch", "-aux-info", "--param", "-G", "-B", "-target",
        "-mllvm", "-dumpbase", "-dumpbase-ext", "-dumpdir", "-wrapper", "-specs",
    )
)  # fmt: skip
"""Options of gcc and clang whose value may be the next word."""


def source_file(argv: Sequence[str]) -> str:
    """Name the source file of a compile command, for people and to find its language.

    Args:
        argv: the command, the compiler first.

    Returns:
        The word as it stands there; "" when there is none or more than one.
    """
    places = _sources(argv)
    return argv[places[0]] if len(places) == 1 else ""


def preprocessed_suffix(source: str) -> str:
    """The suffix of `source` after the preprocessor, such as ".ii" for "a.cc"; "" when the language is not known."""
    return PREPROCESSED.get(splitext(source)[1], "")


def rewrite(argv: Sequence[str], source: str, product: str) -> tuple[str, ...]:
    """Make the command read `source` and write `product` instead of the files it names.

    Raises:
        ValueError: it does not name exactly one source and one output.
    """
    sources, outputs = _sources(argv), _outputs(argv)
    if len(sources) != 1 or len(outputs) != 1:
        raise ValueError(f"a compile command needs one source and one -o, not {len(sources)} and {len(outputs)}")
    changed = list(argv)
    changed[sources[0]] = source
    changed[outputs[0]] = product if argv[outputs[0] - 1] == "-o" else f"-o{product}"
    return tuple(changed)


def _sources(argv: Sequence[str]) -> list[int]:
    return [place for place in _words(argv) if argv[place][:1] != "-" and preprocessed_suffix(argv[place])]


def _outputs(argv: Sequence[str]) -> list[int]:
    words = _words(argv)
    joined = [place for place in words if argv[place].startswith("-o") and len(argv[place]) > 2]
    separate = [place + 1 for place in words if argv[place] == "-o" and place + 1 < len(argv)]
    return joined + separate


def _words(argv: Sequence[str]) -> list[int]:
    """Places of the words that are not the value of the word before them."""
    places: list[int] = []
    place = 1
    while place < len(argv):
        places.append(place)
        place += 2 if argv[place] in WITH_VALUE else 1
    return places
