"""Run a batch by all ways, compare, and keep score.

A command line in which some way differs from the plain run is run plainly once more: one that does not do the same
twice is no witness, and is counted apart. So is one that meets a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.whole.differential.compare import Difference, Record, differences
from tests.whole.differential.drawing import Case
from tests.whole.differential.named import reason
from tests.whole.differential.runner import LATE
from tests.whole.differential.ways import PLAINLY, Place, Result, Way

Tick = Callable[[str, int, int], object]
"""Is told the way, how many command lines of the batch have ended, and how many there are."""


@dataclass
class Finding:
    """A command line that is not done as it is without Farmhand.

    Attributes:
        case: it.
        ways: what differs, by the name of the way.
    """

    case: Case
    ways: dict[str, list[Difference]]


@dataclass
class Score:
    """What was found so far.

    Attributes:
        compared: command lines that count.
        unsteady: those that do not do the same twice without Farmhand.
        limited: those that meet a limit without Farmhand.
        compiles: compiles that Farmhand saw, by the way.
        remote: those of them that left the machine.
        seconds: that the builds took, by the way.
        findings: what differs.
        broken: builds that did not run to their end or said something, in words.
        tried: how often each option and each trait was compared.
        named: differences that stay, by their reason.
    """

    compared: int = 0
    unsteady: list[str] = field(default_factory=list[str])
    limited: list[str] = field(default_factory=list[str])
    compiles: Counter[str] = field(default_factory=Counter[str])
    remote: Counter[str] = field(default_factory=Counter[str])
    seconds: Counter[str] = field(default_factory=Counter[str])
    findings: list[Finding] = field(default_factory=list[Finding])
    broken: list[str] = field(default_factory=list[str])
    tried: Counter[str] = field(default_factory=Counter[str])
    named: Counter[str] = field(default_factory=Counter[str])


class Trial:
    """Compares ways with the plain one.

    Args:
        place: where to run.
        ways: the others.
        tick: is told of the progress.
    """

    def __init__(self, place: Place, ways: Sequence[Way], tick: Tick = lambda *_: None) -> None:
        self._place = place
        self._ways = ways
        self._tick = tick
        self.score = Score()

    def run(self, cases: Sequence[Case]) -> list[Finding]:
        """Run a batch; return its findings, which are added to the score."""
        self._place.forget()
        commands = [(number, case.line) for number, case in enumerate(cases)]
        plain = self._run(PLAINLY, commands).records
        counted = [(number, line) for number, line in commands if not _limited(plain[number])]
        self.score.limited += [line for number, line in commands if _limited(plain[number])]
        found: dict[int, dict[str, list[Difference]]] = {}
        for way in self._ways:
            result = self._run(way, counted)
            for number, _ in counted:
                wrong = self._differences(plain[number], result.records.get(number))
                wrong = self._without_named(cases[number].line, wrong)
                if wrong:
                    found.setdefault(number, {})[way.name] = wrong
        steady = self._steady(plain, [commands[number] for number in found])
        findings = [Finding(cases[number], ways) for number, ways in sorted(found.items()) if steady[number]]
        self.score.unsteady += [commands[number][1] for number in found if not steady[number]]
        self.score.compared += len(counted) - sum(not one for one in steady.values())
        self.score.findings += findings
        for number, _ in counted:
            if steady.get(number, True):
                self.score.tried.update({*(option.name for option in cases[number].options), *cases[number].traits})
        return findings

    def _steady(self, plain: Mapping[int, Record], commands: Sequence[tuple[int, str]]) -> dict[int, bool]:
        """Which of these are plainly done the same again."""
        if not commands:
            return {}
        again = self._run(PLAINLY, commands).records
        return {number: not self._differences(plain[number], again[number]) for number, _ in commands}

    def _without_named(self, line: str, wrong: Sequence[Difference]) -> list[Difference]:
        """Take out what stays, and count it."""
        reasons = [reason(line, one) for one in wrong]
        self.score.named.update(why for why in reasons if why)
        return [one for one, why in zip(wrong, reasons, strict=True) if not why]

    def _differences(self, plain: Record, other: Record | None) -> list[Difference]:
        if other is None:
            return [Difference("not run", "", "", "")]
        return differences(plain, other, self._place.contents)

    def _run(self, way: Way, commands: Sequence[tuple[int, str]]) -> Result:
        result = self._place.run(way, commands, lambda ended: self._tick(way.name, ended, len(commands)))
        self.score.seconds[way.name] += result.seconds  # type: ignore[assignment]  # seconds, not counts
        self.score.compiles[way.name] += result.counts.get("total", 0)
        self.score.remote[way.name] += result.counts.get("remote", 0)
        if result.status or result.said:
            self.score.broken.append(
                f"{way.name}: the build ended with {result.status} and said {result.said[:2000]!r}"
            )
        return result


def _limited(record: Record) -> bool:
    """Whether a limit ended it: too late, SIGXCPU, SIGXFSZ or SIGKILL, or no memory."""
    said = record["stderr"]
    return record["status"] in (LATE, 137, 152, 153, -9) or "out of memory" in said or "Cannot allocate memory" in said


def blame(trial: Trial, findings: Sequence[Finding], most: int = 300) -> Counter[tuple[str, str]]:
    """Find out which option alone makes the difference.

    Args:
        trial: a fresh one; its score counts these runs only.
        findings: of another.
        most: command lines to run for it.

    Returns:
        How often each option (`""`: none is needed; `combination`: none does alone) made a difference, by way.
    """
    singles: dict[str, Case] = {}
    for finding in findings:
        for options in ((), *((option,) for option in finding.case.options)):
            case = finding.case.only(*options)
            singles.setdefault(case.line, case)
    tried = dict(list(singles.items())[:most])
    wrong = {one.case.line: one.ways for one in trial.run(list(tried.values()))}
    counted: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        if finding.case.only().line not in tried:
            continue
        for way in finding.ways:
            if way in wrong.get(finding.case.only().line, {}):
                counted["", way] += 1
                continue
            guilty = [option for option in finding.case.options if way in wrong.get(finding.case.only(option).line, {})]
            counted.update((option.name, way) for option in guilty)
            counted["combination", way] += not guilty
    return counted
