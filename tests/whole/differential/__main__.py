"""`python -m tests.whole.differential`: does a build with Farmhand do what it does without?

Draws command lines, runs each plainly, with Farmhand alone and with Farmhand and a farm on loopback, and tells every
difference in a form that can be repeated. Exits 1 if there was one.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.whole.differential.drawing import Case, draw
from tests.whole.differential.report import as_data, summary, table, told
from tests.whole.differential.trial import Trial, blame
from tests.whole.differential.ways import ALONE, farm, on_the_farm, place

BATCH = 1000
PATIENCE = 5.0
"""Seconds between two lines on the progress."""


class Progress:
    """Says every few seconds how far it is."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._before = 0
        self._next = time.monotonic() + PATIENCE

    def batch_begins(self, before: int) -> None:
        """Take notice of how many were run in the batches before."""
        self._before = before

    def tick(self, way: str, ended: int, of: int) -> None:
        """Say it, if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PATIENCE
            print(f"… {self._before} of {self._count}; of the next, {way}: {ended} of {of}", flush=True)


def main() -> int:
    """Run it."""
    options = _parse()
    print(f"seed {options.seed}", flush=True)
    cases = [Case(line, (), ()) for line in options.only or ()]
    count = len(cases) or options.count
    drawn: Iterator[Case] = iter(cases) if cases else islice(draw(options.seed), options.count)
    progress = Progress(count)
    with farm() as registry, place() as where:
        ways = [way for way in (ALONE, on_the_farm(registry)) if way.name in options.ways]
        trial = Trial(where, ways, progress.tick)
        guilty: Counter[tuple[str, str]] = Counter()
        done = 0
        while batch := list(islice(drawn, BATCH)):
            progress.batch_begins(done)
            findings = trial.run(batch)
            done += len(batch)
            for finding in findings:
                print(told(finding), flush=True)
            if findings and not cases and options.blame:
                guilty += blame(Trial(where, ways, progress.tick), findings, options.blame)
            print(f"after {done}:\n{summary(trial.score)}", flush=True)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(as_data(trial.score, options.seed, guilty), indent=1))
    print(f"\nseed {options.seed}; differ, of those compared, by option, compiler, way to call, source, environment:")
    print(table(trial.score))
    if guilty:
        print("\ndiffers with this option alone (no name: with none; combination: only with several):")
        for (option, way), times in guilty.most_common(60):
            print(f"{times:6} {way:6} {option}")
    print(f"all of it is in {options.json}")
    return int(bool(trial.score.findings or trial.score.broken))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.whole.differential", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="command lines to draw (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1 << 32), help="for the drawing (default: random)"
    )
    parser.add_argument(
        "--only", action="append", metavar="LINE", help="a command line to try instead; may be repeated"
    )
    parser.add_argument(
        "--ways", nargs="+", default=["alone", "farm"], choices=["alone", "farm"], help="with which to compare"
    )
    parser.add_argument(
        "--json", type=Path, default=Path("out/differential.json"), help="where to write all (default: %(default)s)"
    )
    parser.add_argument(
        "--blame",
        type=int,
        default=0,
        metavar="N",
        help="try the options of what differs one by one, with up to N command lines more a batch",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
