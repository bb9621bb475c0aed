"""A build with Farmhand does exactly what it does without, for a thousand drawn command lines.

`python -m tests.whole.differential` draws more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.whole.differential.drawing import Case, draw
from tests.whole.differential.options import options_of
from tests.whole.differential.report import summary, table, told
from tests.whole.differential.trial import Trial
from tests.whole.differential.ways import ALONE, Place, Way, farm, on_the_farm, place

COUNT = 1000
SEED = 20

LIAR = """\
#!/bin/sh
/usr/bin/gcc "$@" -DLIE=1
status=$?
case "$*" in
*status*) exit 3 ;;
*stdout*) echo once more ;;
*stderr*) echo once more >&2 ;;
*missing*) rm missing.o ;;
*extra*) : > left.tmp ;;
*permissions*) chmod 600 permissions.o ;;
esac
exit $status
"""


@pytest.fixture
def where() -> Iterator[Place]:
    with place() as made:
        yield made


@pytest.fixture
def liar(tmp_path: Path) -> Way:
    """A way that finds another gcc."""
    gcc = tmp_path / "gcc"
    gcc.write_text(LIAR)
    gcc.chmod(0o755)
    return Way("liar", ("sh", "-c", f'PATH={tmp_path}:$PATH; exec "$@"', "sh"))


def case(line: str) -> Case:
    return Case(line, (), ())


def test_without_a_farm_it_does_so_too(where: Place) -> None:
    trial = Trial(where, [ALONE])
    trial.run(list(islice(draw(SEED), 50)))
    assert not trial.score.findings
    assert not trial.score.broken


@pytest.mark.timeout(400)
def test_a_build_with_farmhand_does_what_it_does_without(where: Place) -> None:
    with farm() as registry:
        trial = Trial(where, [on_the_farm(registry)])
        trial.run(list(islice(draw(SEED), COUNT)))
    score = trial.score
    if score.findings or score.broken:
        wrong = [told(finding) for finding in score.findings[:20]]
        pytest.fail("\n".join([f"seed {SEED}", *wrong, summary(score), table(score, 20)]), pytrace=False)
    assert score.compared > 0.9 * COUNT, summary(score)
    assert score.remote["farm"] > 0.1 * COUNT, summary(score)


@pytest.mark.parametrize("kind", ["status", "stdout", "stderr", "missing", "extra", "permissions"])
def test_what_differs_is_seen(where: Place, liar: Way, kind: str) -> None:
    (finding,) = Trial(where, [liar]).run([case(f"gcc -c a.c -o {kind}.o")])
    assert [one.kind for one in finding.ways["liar"]] == [kind]


def test_an_object_with_other_bytes_is_told_by_its_sections(where: Place, liar: Way) -> None:
    (finding,) = Trial(where, [liar]).run([case("printf 'int x = LIE + 1;' > x.c; gcc -DLIE=7 -w -c x.c")])
    (one,) = finding.ways["liar"]
    assert (one.kind, one.where) == ("bytes of .data", "x.o")


def test_the_plain_way_does_not_differ_from_itself(where: Place) -> None:
    trial = Trial(where, [Way("again")])
    assert trial.run(list(islice(draw(1), 40))) == []
    assert trial.score.compared + len(trial.score.unsteady) + len(trial.score.limited) == 40


def test_what_is_not_the_same_twice_is_counted_apart(where: Place) -> None:
    trial = Trial(where, [Way("again")])
    assert trial.run([case("date +%N"), case("gcc -c a.c")]) == []
    assert (trial.score.compared, trial.score.unsteady) == (1, ["date +%N"])


def test_what_meets_a_limit_is_counted_apart(where: Place) -> None:
    trial = Trial(where, [Way("again")])
    assert trial.run([case("head -c 70000000 /dev/zero > large"), case("kill -KILL $$")]) == []
    assert len(trial.score.limited) == 2


def test_a_build_that_breaks_off_is_told(where: Place) -> None:
    trial = Trial(where, [Way("none", ("false",))])
    (finding,) = trial.run([case("gcc -c a.c")])
    assert [one.kind for one in finding.ways["none"]] == ["not run"]
    assert trial.score.broken


def test_the_same_seed_draws_the_same_command_lines() -> None:
    first, again, other = ([one.line for one in islice(draw(seed), 50)] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("compiler", "words"),
    [
        ("gcc", ("-O2",)),
        ("gcc", ("-fno-inline",)),
        ("gcc", ("-march=native",)),
        ("gcc", ("-Wno-unused-variable",)),
        ("g++", ("-Weffc++",)),
        ("gcc", ("--param=max-inline-insns-auto=1",)),
        ("gcc", ("-include", "missing.h")),
        ("gcc", ("-masm=intel",)),
        ("clang", ("-fcolor-diagnostics",)),
        ("clang", ("-gsplit-dwarf=single",)),
    ],
)
def test_options_are_those_of_the_compilers_help(compiler: str, words: tuple[str, ...]) -> None:
    assert words in {option.words for option in options_of(compiler)}
