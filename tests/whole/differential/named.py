"""Differences that stay, each with its reason; docs/build.md names them for users."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.whole.differential.compare import Difference


@dataclass(frozen=True)
class Named:
    """A difference that is as it should be.

    Attributes:
        why: the reason.
        command: a pattern of the command lines that have it.
        sections: a pattern of each section that may differ; nothing else may.
    """

    why: str
    command: re.Pattern[str]
    sections: re.Pattern[str]

    def excuses(self, line: str, difference: Difference) -> bool:
        """Whether it names this difference of a command line."""
        if not difference.kind.startswith("bytes") or not self.command.search(line):
            return False
        return all(self.sections.fullmatch(name) for name in difference.kind.removeprefix("bytes").split()[1:])


NAMED: Sequence[Named] = (
    Named(
        "gcc writes -fdirectives-only among its options into DW_AT_producer",
        re.compile(r"\b(?:gcc|g\+\+|cc|c\+\+)(?:-12)? (?:.* )?-g|--debug"),
        re.compile(r"\.debug_str|\.(?:rela?)?\.?debug_info|\.rela?\.debug_info"),
    ),
    Named(
        "clang's bitcode has no checksums of sources that it did not read itself",
        re.compile(r"\bclang(?:\+\+)?(?:-14)? (?=.*-g)(?=.*-flto)"),
        re.compile(""),
    ),
    Named(
        "clang's line table of DWARF 5 has no checksums of sources that it did not read itself",
        re.compile(r"\bclang(?:\+\+)?(?:-14)? (?:.* )?-g"),
        re.compile(r"(?:\.rela?)?\.debug_(?:line|line_str|info)"),
    ),
)


def reason(line: str, difference: Difference) -> str:
    """Why a difference of a command line stays; "" when it should not."""
    return next((named.why for named in NAMED if named.excuses(line, difference)), "")
