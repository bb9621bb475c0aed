"""Which options the installed compilers have, read from their own help, with values for those that take one."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from tests.whole.differential.values import BY_KIND, BY_NAME, NOT_DRAWN, NUMBERS, UNKNOWN

GCC_CLASSES = ("common", "optimizers", "target", "warnings", "params", "c", "c++", "objc")
NOT_SEPARATE = {"-MD", "-MMD", "--write-dependencies", "--write-user-dependencies"}
"""What gcc lists as options with a separate value, which its driver gives them itself."""

OPTION_LINE = re.compile(r"^  (-\S*)(.*)$")


@dataclass(frozen=True)
class Option:
    """One way to write an option: the words of the command line, and the option's name to group findings by."""

    name: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


def options_of(compiler: str) -> tuple[Option, ...]:
    """Every way to write every option that a compiler's help lists.

    The help of gcc is the same as that of g++, and clang's that of clang++.
    """
    return _of_clang("clang") if compiler.startswith("clang") else _of_gcc("gcc")


@cache
def _of_gcc(compiler: str) -> tuple[Option, ...]:
    lines = []
    for kind in GCC_CLASSES:
        for more in ("", ",joined", ",separate", ",undocumented"):
            lines += _said(compiler, f"--help={kind}{more}").splitlines()
    own = _said(compiler, "--help").splitlines()
    enumerated = _enumerated("\n".join(lines))
    separate = {
        m[1] for m in map(OPTION_LINE.match, _said(compiler, "--help=separate").splitlines()) if m
    } - NOT_SEPARATE
    found: dict[Option, None] = {}
    for line in lines + own:
        for option in _written(line, enumerated, separate):
            found[option] = None
    return tuple(sorted(found, key=lambda option: option.words))


@cache
def _of_clang(compiler: str) -> tuple[Option, ...]:
    lines = _said(compiler, "--help-hidden").splitlines()
    listed = _said(compiler, "--autocomplete=-").splitlines()
    lines += ["  " + line.split("\t")[0] for line in listed if line.startswith("-")]
    enumerated: dict[str, tuple[str, ...]] = {}
    names = [name for name in (line.split("\t")[0] for line in listed) if name.endswith("=")]
    with ThreadPoolExecutor(2) as hands:
        answers = hands.map(lambda name: _said(compiler, f"--autocomplete={name}"), names)
    for name, answer in zip(names, answers, strict=True):
        values = [value.split("\t")[0] for value in answer.splitlines()]
        plain = tuple(value for value in values if value and not value.startswith("-"))
        if plain:
            enumerated[_bare(name)] = plain
    for line in lines:
        match = OPTION_LINE.match(line)
        shown = re.search(r"\(([\w-]+(?:\|[\w-]+)+)\)", line) or re.search(r"[Oo]ptions: ([\w-]+(?:, [\w-]+)+)", line)
        if match and shown:
            enumerated.setdefault(_bare(match[1]), tuple(re.split(r"\||, ", shown[1])))
    found: dict[Option, None] = {}
    for line in lines:
        for option in _written(line, enumerated, set()):
            found[option] = None
    return tuple(sorted(found, key=lambda option: option.words))


def _said(compiler: str, question: str) -> str:
    return subprocess.run(
        [compiler, question], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    ).stdout


def _bare(written: str) -> str:
    """The option's name alone: `--param=x=<0,1>` is `--param=x`, `-falign-jumps=` is `-falign-jumps`."""
    name = re.split(r"[<\[]", written, maxsplit=1)[0]
    return name.rstrip("=")


def _enumerated(text: str) -> dict[str, tuple[str, ...]]:
    """The values that gcc lists at the end of its help, by the option's name."""
    found: dict[str, tuple[str, ...]] = {}
    paragraphs = re.findall(r"^  (?:Known|Valid) [^\n]*?(-[^\n]*?):\n((?:    [^\n]+\n)+)", text, re.M)
    for named, values in paragraphs:
        for name in re.findall(r"-[\w+/=-]+=", named):
            for each in re.split(r"/(?=-)", name):
                found[_bare(each)] = tuple(values.split())
    return found


def _written(line: str, enumerated: dict[str, tuple[str, ...]], separate: set[str]) -> list[Option]:
    match = OPTION_LINE.match(line)
    if match is None:
        return []
    head, rest = match[1], match[2]
    name = _bare(head)
    if any(name.startswith(left) for left in NOT_DRAWN):
        return []
    kind = _kind(head)
    apart = re.match(r" <([^>]+)>", rest)
    joined = head.endswith("=") or "<" in head or "[" in head
    lookup = re.sub(r"^--(?!param)", "-", name)
    same = re.search(r"Same as (-[\w-]+)\.", rest)
    values = (
        BY_NAME.get(name)
        or BY_NAME.get(lookup)
        or (BY_NAME.get(same[1]) if same else None)
        or enumerated.get(name)
        or _spelled(head)
        or BY_KIND.get(apart[1] if apart else kind)
    )
    if head in separate or apart:
        chosen = _few(values or UNKNOWN)
        ways = [Option(name, (name, value)) for value in chosen]
        if values and len(name) == 2:
            ways += [Option(name, (name + value,)) for value in chosen]
        return ways
    if joined or (values and not _stands_alone(name)):
        glue = "=" if re.match(r"[^<\[]*=", head) and not name.endswith("=") else ""
        known = values or (NUMBERS if name.startswith("--param") else UNKNOWN)
        return [Option(name + glue, (name + glue + value,)) for value in _few(known)]
    return [Option(name, (name,)), *_negated(name)]


def _stands_alone(name: str) -> bool:
    return not (name.endswith(("-", ",")) or name in ("-O", "-d"))


def _kind(head: str) -> str:
    found = re.search(r"<(.+)>", head)
    return found[1] if found else ""


def _spelled(head: str) -> tuple[str, ...]:
    """Values that the placeholder itself lists: `<0,65536>`, `<0|1|2>`, `[none|id|nfc]`."""
    bounds = re.search(r"<(-?\d+),(-?\d+)>", head)
    if bounds:
        low, high = int(bounds[1]), int(bounds[2])
        return tuple(dict.fromkeys(map(str, (low, min(low + 1, high), min((low + high) // 2, 64), min(high, 1000)))))
    listed = re.search(r"[<\[]([\w-]+(?:\|[\w-]+)+)[>\]]", head)
    return tuple(listed[1].split("|")) if listed else ()


def _few(values: tuple[str, ...], most: int = 12) -> tuple[str, ...]:
    """At most `most` of the values, spread over the list."""
    if len(values) <= most:
        return values
    return tuple(values[i * len(values) // most] for i in range(most))


def _negated(name: str) -> list[Option]:
    match = re.fullmatch(r"-([fWm])(no-)?([\w+-]+)", name)
    if match is None:
        return []
    letter, no, rest = match.groups()
    return [Option(name, (f"-{letter}{rest}" if no else f"-{letter}no-{rest}",))]
