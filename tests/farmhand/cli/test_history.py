"""The owner's look back in words."""

from __future__ import annotations

import pytest

from farmhand.cli.context import console
from farmhand.cli.history import job_table, outcome, summary_line
from farmhand.cli.main import make_parser
from farmhand.wire.history import JobRecord, Summary

JOB = JobRecord(
    started_at=1_800_000_000.0,
    waited=0.1,
    ran=2.25,
    user="anna",
    host="ws2",
    project="lua",
    grant="g1",
    compiler="gcc",
    file="[red]lapi.c",
    bytes_in=43_000,
    bytes_out=500,
    status=0,
    end="served",
)


def job(**changes: object) -> JobRecord:
    return JobRecord(**{**{name: getattr(JOB, name) for name in JOB.__struct_fields__}, **changes})  # type: ignore[arg-type]


def shown(*jobs: JobRecord) -> str:
    with console.capture() as told:
        console.print(job_table(jobs))
    return told.get()


def test_a_row_tells_who_sent_what_and_how_it_ended() -> None:
    row = shown(JOB).splitlines()[1]
    for word in ("anna@ws2", "lua", "43.0 kB", "500 bytes", "2.2 s", "compiled"):
        assert word in row


def test_what_a_client_chose_is_shown_as_it_is() -> None:
    assert "[red]lapi.c" in shown(JOB)


def test_the_newest_job_stands_next_to_the_prompt() -> None:
    rows = shown(job(file="new.c"), job(file="old.c")).splitlines()
    assert "old.c" in rows[1]
    assert "new.c" in rows[2]


def test_plain_distcc_is_known_by_its_address_alone() -> None:
    assert " 10.0.0.7 " in shown(job(user="10.0.0.7", host="10.0.0.7"))


def test_a_job_without_a_file_is_told_by_its_compiler() -> None:
    assert " gcc " in shown(job(file=""))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": 0}, "compiled"),
        ({"status": 1}, "compiler said 1"),
        ({"status": -11}, "ended by signal 11"),
        ({"status": None, "end": "the client left"}, "the client left"),
    ],
)
def test_how_a_job_ended(changes: dict[str, object], told: str) -> None:
    assert outcome(job(**changes)) == told


def test_a_span_in_one_line() -> None:
    told = Summary(since=0.0, jobs=212, people=3, seconds=8040.0, reclaims=6, reclaim_p50_ms=9.4, reclaim_p99_ms=31.0)
    line = "212 jobs for 3 people, 2 h 14 min of compiling, 6 reclaims, back to you in 9 ms (p50), 31 ms (p99)"
    assert summary_line(told) == line


def test_one_of_each_is_told_as_one() -> None:
    told = Summary(since=0.0, jobs=1, people=1, seconds=1.0, reclaims=1, reclaim_p50_ms=9.0, reclaim_p99_ms=9.0)
    assert summary_line(told).startswith("1 job for 1 person, 1 s of compiling, 1 reclaim, back to you")


def test_the_turned_away_are_told_with_the_reason() -> None:
    told = Summary(since=0.0, jobs=1, people=1, turned_away=(("not admitted", 2),))
    assert summary_line(told).endswith("0 reclaims, 2 turned away: not admitted")


def test_nothing_is_told_as_nothing() -> None:
    assert summary_line(Summary(since=0.0)) == "nobody has compiled here in that time"


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1e300", "inf", "nan", "many"])
def test_a_span_must_be_one(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["history", "--days", days])
    told = f"argument --days: {days!r} is no number of days, more than 0 and at most 36500\n"
    assert capsys.readouterr().err.endswith(told)
