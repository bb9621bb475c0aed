"""`python -m tests.whole.real_sources [NAME ...]`: real projects, built plainly, alone and on a farm.

Exits 0 if each way leaves the same files and says the same, 1 if something differs that `KNOWN` does not name, 2 if a
project cannot be built plainly.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.whole import source_package
from tests.whole.real_projects import PROJECTS
from tests.whole.same_build import PRODUCER, Difference
from tests.whole.stage import Stage
from tests.whole.three_ways import Bench, Outcome, Way, differences

COMPARED: Sequence[Way] = ("alone", "farm")
TAIL = 20
"""Lines that are shown of a build that failed."""


@dataclass(frozen=True, slots=True)
class Known:
    """Differences that are as they should be.

    Attributes:
        project, way, kind, where: patterns (fnmatch) of what it excuses.
        why: what is shown beside it.
        what: a pattern of how it differs.
    """

    project: str
    way: str
    kind: str
    where: str
    why: str
    what: str = "*"

    def excuses(self, project: str, way: str, difference: Difference) -> bool:
        """Whether it names this difference."""
        told = (project, way, difference.kind, difference.where, difference.what)
        patterns = (self.project, self.way, self.kind, self.where, self.what)
        return all(fnmatch(word, pattern) for word, pattern in zip(told, patterns, strict=True))


KNOWN: Sequence[Known] = (
    Known("*", "farm", "object", "*", "gcc notes all its options, see docs/build.md", PRODUCER),
    Known("kernel", "farm", "object", "*/built-in.a", "a thin archive holds sizes of such objects", "names or sizes *"),
    Known("*", "farm", "file", "*", "CMake's files name the launcher, see docs/build.md", "*farmhand-launcher*"),
    Known("sed", "*", "message", "*filesystem timestamp resolution*", "configure measures it"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What three builds of a project showed.

    Attributes:
        name: the project's.
        outcomes: by way.
        found: differences from the plain build, by way.
        own: differences between two plain builds, taken out of `found`; None: not looked for.
    """

    name: str
    outcomes: Mapping[Way, Outcome]
    found: Mapping[Way, Sequence[Difference]]
    own: Sequence[Difference] | None

    def why(self, way: Way, difference: Difference) -> str:
        """Why a difference is none to mend; "" if it is one."""
        return next((known.why for known in KNOWN if known.excuses(self.name, way, difference)), "")

    def wrong(self) -> bool:
        """Whether something differs that should not."""
        return any(not self.why(way, one) for way, some in self.found.items() for one in some)

    def row(self) -> tuple[str, ...]:
        """The project's line in the table."""
        plain, farm = self.outcomes["plainly"], self.outcomes["farm"]
        total, remote = farm.compiled["total"], farm.compiled["remote"]
        kinds = {way: Counter(one.kind for one in some) for way, some in self.found.items()}
        counts = ("/".join(str(kinds[way][kind]) for way in COMPARED) for kind in ("object", "file", "message"))
        ratio = {kind: _ratio(farm.seconds[kind], plain.seconds[kind]) for kind in ("configure", "build")}
        return (
            *(self.name, str(total), f"{remote / total:.0%}" if total else "-", *counts),
            *(f"{plain.seconds['build']:.1f}", f"{farm.seconds['build']:.1f}", ratio["build"], ratio["configure"]),
            "/".join("ok" if not kinds[way]["status"] else "FAILS" for way in COMPARED),
        )

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "project": self.name,
            "compiled": self.outcomes["farm"].compiled,
            "summaries": self.outcomes["farm"].summaries,
            "seconds": {way: one.seconds for way, one in self.outcomes.items()},
            "own": None if self.own is None else [asdict(one) for one in self.own],
            "differences": {
                way: [asdict(one) | {"known": self.why(way, one)} for one in some] for way, some in self.found.items()
            },
        }


HEAD = (*("project", "compiles", "away", "objects", "files", "lines", "plainly", "farm", "ratio", "configure", "ends"),)
LEGEND = """\
compiles, away: of the build on the farm, without those of configure, and their share that left this machine
objects, files, lines: how many differ from the plain build, alone/on the farm; lines are those of messages
plainly, farm, ratio: seconds that the build took; configure: the ratio of configuring
ends: whether the builds alone/on the farm ended as the plain one did"""


def examine(bench: Bench, name: str, baseline: bool = False) -> Report:
    """Build one project in all ways.

    Args:
        bench: where.
        name: of `PROJECTS`.
        baseline: whether to build twice plainly, and to leave out what differs then.
    """
    ways: Sequence[Way] = ("plainly", *(["plainly again"] if baseline else []), *COMPARED)
    outcomes = {way: bench.build(name, PROJECTS[name], way) for way in ways}
    plain = outcomes["plainly"]
    own = differences(plain, outcomes["plainly again"]) if baseline else None
    left_out = {(one.kind, one.where) for one in own or ()}
    found = {
        way: [one for one in differences(plain, outcomes[way]) if (one.kind, one.where) not in left_out]
        for way in COMPARED
    }
    return Report(name, outcomes, found, own)


def tell(report: Report) -> None:
    """Print each difference, but for the source code that compilers show; that is in the JSON."""
    for one in report.own or ():
        print(f"{report.name}: by itself: {one.kind} {_words(one)}")
    where: dict[tuple[Difference, str], list[str]] = {}
    for way, some in report.found.items():
        for one in some:
            where.setdefault((one, report.why(way, one)), []).append(way)
    for (one, why), ways in where.items():
        if not one.is_excerpt:
            known = f" (known: {why})" if why else ""
            print(f"{report.name}: {' and '.join(ways)}: {one.kind} {_words(one)}{known}")
    if excerpts := sum(one.is_excerpt for one, _ in where):
        print(f"{report.name}: {excerpts} lines of source code below messages differ, too")
    for way, outcome in report.outcomes.items():
        if outcome.status:
            print(f"{report.name}: {way}: ended with {outcome.status}; its last words:")
            print("".join(f"    {line}\n" for line in outcome.output.splitlines()[-TAIL:]), end="")
    sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lines in columns, the first one to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )


def _words(one: Difference) -> str:
    return f"{one.where}: {one.what}" if one.what else one.where


def _ratio(ours: float, plain: float) -> str:
    return f"{ours / plain:.2f}" if plain else "-"


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.whole.real_sources", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROJECTS)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to FILE")
    parser.add_argument("-j", "--jobs", type=int, default=2, metavar="N", help="for the build tools (default: 2)")
    parser.add_argument(
        "--baseline", action="store_true", help="build twice plainly; what differs then is the project's own"
    )
    options = parser.parse_args(words)
    if unknown := [name for name in options.names if name not in PROJECTS]:
        parser.error(f"no project is named {', '.join(unknown)}")
    options.names = options.names or list(PROJECTS)
    lacking = sorted({program for name in options.names for program in PROJECTS[name].lacks()})
    if lacking:
        parser.error(f"not installed: {', '.join(lacking)} (installers/linux/packages.sh test)")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Build and compare; return the exit status."""
    options = _options(words)
    source_package.fetch(*(package for name in options.names for package in PROJECTS[name].packages.values()))
    reports: list[Report] = []
    with Stage(display=False) as stage:
        bench = Bench(stage, options.jobs)
        for name in options.names:
            reports.append(examine(bench, name, options.baseline))
            bench.forget(name)
            tell(reports[-1])
    print(table([HEAD, *(report.row() for report in reports)]), LEGEND, sep="\n")
    if options.json:
        told = {"jobs": options.jobs, "projects": [report.data() for report in reports]}
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    if any(report.outcomes["plainly"].status for report in reports):
        return 2
    return int(any(report.wrong() for report in reports))


if __name__ == "__main__":
    sys.exit(main())
