"""Jobs and reclaims add up."""

from __future__ import annotations

import pytest

from farmhand.wire.history import Summary, Usage
from farmhand_agent.journal.summary import percentile, summarise

ANNA_LUA = Usage("anna", "ws2", "lua", jobs=3, seconds=6.0, bytes_in=300, bytes_out=30)
ANNA_ZLIB = Usage("anna", "ws2", "zlib", jobs=1, seconds=1.0, bytes_in=100, bytes_out=10)
ANNA_ELSEWHERE = Usage("anna", "ws3", "zlib", jobs=1, seconds=2.0, bytes_in=1, bytes_out=2)
BEN = Usage("ben", "ws4", "zlib", jobs=2, seconds=9.0, bytes_in=200, bytes_out=20)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7.0], 0.5, 7.0),
        ([7.0], 0.99, 7.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0], 0.0, 1.0),
        ([float(one) for one in range(1, 101)], 0.99, 99.0),
        ([float(one) for one in range(1, 102)], 0.99, 100.0),
        ([1.0, 9.0], 1.0, 9.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


def test_nothing_adds_up_to_nothing() -> None:
    assert summarise(5.0, [], [], {}) == Summary(since=5.0)


def test_jobs_add_up_over_all() -> None:
    told = summarise(0.0, [ANNA_LUA, ANNA_ZLIB, ANNA_ELSEWHERE, BEN], [], {})
    assert (told.jobs, told.seconds, told.bytes_in, told.bytes_out) == (7, 18.0, 601, 62)


def test_a_user_at_two_machines_is_one_person_but_two_senders() -> None:
    told = summarise(0.0, [ANNA_LUA, ANNA_ZLIB, ANNA_ELSEWHERE], [], {})
    assert told.people == 1
    assert told.by_user == (Usage("anna", "ws2", "", 4, 7.0, 400, 40), Usage("anna", "ws3", "", 1, 2.0, 1, 2))


def test_the_longest_comes_first() -> None:
    told = summarise(0.0, [ANNA_LUA, ANNA_ZLIB, BEN], [], {})
    assert [one.user for one in told.by_user] == ["ben", "anna"]
    assert told.by_project == (Usage("", "", "zlib", 3, 10.0, 300, 30), Usage("", "", "lua", 3, 6.0, 300, 30))


def test_equals_are_in_the_order_of_their_names() -> None:
    same = [Usage(user, host, "p", 1, 1.0, 1, 1) for user, host in (("b", "x"), ("a", "y"), ("a", "x"))]
    assert [(one.user, one.host) for one in summarise(0.0, same, [], {}).by_user] == [
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
    ]
    projects = [Usage("a", "x", project, 1, 1.0, 1, 1) for project in ("q", "p")]
    assert [one.project for one in summarise(0.0, projects, [], {}).by_project] == ["p", "q"]


def test_reclaims_are_told_by_half_and_by_nearly_all() -> None:
    told = summarise(0.0, [], [9.0, 31.0, 8.0], {})
    assert (told.reclaims, told.reclaim_p50_ms, told.reclaim_p99_ms) == (3, 9.0, 31.0)


def test_who_was_turned_away_is_counted_by_reason_the_commonest_first() -> None:
    told = summarise(0.0, [], [], {"b": 1, "a": 1, "c": 5})
    assert told.turned_away == (("c", 5), ("a", 1), ("b", 1))
