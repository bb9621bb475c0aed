"""Put a score into words and into JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tests.whole.differential.trial import Finding, Score


def summary(score: Score) -> str:
    """The figures, one a line."""
    lines = [
        f"{score.compared} command lines compared, "
        f"{len(score.unsteady)} not (plainly not the same twice), {len(score.limited)} not (met a limit)"
    ]
    for way in score.seconds:
        seen = (
            f"; {score.remote[way]} of {score.compiles[way]} compiles left the machine" if score.compiles[way] else ""
        )
        lines.append(f"{way}: {score.seconds[way]:.1f} s{seen}")
    for way in sorted({way for finding in score.findings for way in finding.ways}):
        wrong = [finding for finding in score.findings if way in finding.ways]
        kinds = Counter(kind for finding in wrong for kind in {_kind(one.kind) for one in finding.ways[way]})
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        lines.append(f"{way}: {len(wrong)} command lines differ ({told})")
    lines += [f"{count} times, and named in the manual: {why}" for why, count in score.named.most_common()]
    lines += score.broken
    return "\n".join(lines)


def told(finding: Finding, most: int = 3) -> str:
    """A finding, with what to type to see it again."""
    lines = [f"--only {_quoted(finding.case.line)}"]
    for way, wrong in finding.ways.items():
        for one in wrong[:most]:
            lines.append(f"    {way}: {one.kind} {one.where}".rstrip())
            lines += [f"        plainly {one.wanted!r}", f"        {way:7} {one.found!r}"]
        if len(wrong) > most:
            lines.append(f"    {way}: and {len(wrong) - most} more")
    return "\n".join(lines)


def groups(score: Score) -> list[tuple[str, int, int]]:
    """Options and traits with how often they differed and how often they were compared; the most suspect first.

    A group is suspect by as many differences as it has more than it would have at the average rate.
    """
    counted: Counter[str] = Counter()
    for finding in score.findings:
        counted.update({*(option.name for option in finding.case.options), *finding.case.traits})
    rate = len(score.findings) / max(score.compared, 1)
    found = [(name, count, score.tried[name]) for name, count in counted.items()]
    return sorted(found, key=lambda one: (one[2] * rate - one[1], one[0]))


def table(score: Score, most: int = 40) -> str:
    """The most suspect groups, one a line."""
    return "\n".join(f"{count:6} of {tried:<6} {name}" for name, count, tried in groups(score)[:most])


def as_data(score: Score, seed: int, guilty: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """All of it, for a JSON file."""
    return {
        "seed": seed,
        "compared": score.compared,
        "unsteady": score.unsteady,
        "limited": score.limited,
        "compiles": dict(score.compiles),
        "remote": dict(score.remote),
        "seconds": {way: round(seconds, 1) for way, seconds in score.seconds.items()},
        "broken": score.broken,
        "differences": [
            {
                "line": finding.case.line,
                "options": [str(option) for option in finding.case.options],
                "traits": list(finding.case.traits),
                "ways": {way: [asdict(one) for one in wrong] for way, wrong in finding.ways.items()},
            }
            for finding in score.findings
        ],
        "groups": [{"name": name, "differ": count, "compared": tried} for name, count, tried in groups(score)],
        "alone_guilty": [
            {"option": option, "way": way, "differ": count}
            for (option, way), count in sorted(guilty.items(), key=lambda one: -one[1])
        ],
    }


def _kind(kind: str) -> str:
    return "bytes" if kind.startswith("bytes") else kind


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"
