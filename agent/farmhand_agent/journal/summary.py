"""What the journal's records add up to. Pure: no database, no clock.

A percentile here is a value that was measured, never one between two: the smallest that no more than the rest exceeds
(the nearest-rank definition), so "99 % did not exceed 31 ms" is true as it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from farmhand.wire.history import Summary, Usage


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that a `share` (0..1) of all `values` does not exceed; None if there is none."""
    if not values:
        return None
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def summarise(
    since: float, usages: Sequence[Usage], reclaim_ms: Sequence[float], turned_away: Mapping[str, int]
) -> Summary:
    """Add up.

    Args:
        since: Unix time in seconds at which all of it begins.
        usages: jobs by user, host and project, each at most once.
        reclaim_ms: how long each reclaim took, in milliseconds.
        turned_away: clients for which no job began, by reason.
    """
    by_user = _together(usages, lambda one: (one.user, one.host, ""))
    by_project = _together(usages, lambda one: ("", "", one.project))
    (total,) = _together(usages, lambda one: ("", "", "")) or (Usage("", "", "", 0, 0.0, 0, 0),)
    return Summary(
        since=since,
        jobs=total.jobs,
        people=len({one.user for one in usages}),
        seconds=total.seconds,
        bytes_in=total.bytes_in,
        bytes_out=total.bytes_out,
        by_user=by_user,
        by_project=by_project,
        reclaims=len(reclaim_ms),
        reclaim_p50_ms=percentile(reclaim_ms, 0.5),
        reclaim_p99_ms=percentile(reclaim_ms, 0.99),
        turned_away=tuple(sorted(turned_away.items(), key=lambda one: (-one[1], one[0]))),
    )


def _together(usages: Iterable[Usage], key: Callable[[Usage], tuple[str, str, str]]) -> tuple[Usage, ...]:
    """Add up what has the same key; the longest first."""
    sums: dict[tuple[str, str, str], Usage] = {}
    for one in usages:
        so_far = sums.get(key(one), Usage(*key(one), 0, 0.0, 0, 0))
        sums[key(one)] = Usage(
            *key(one),
            jobs=so_far.jobs + one.jobs,
            seconds=so_far.seconds + one.seconds,
            bytes_in=so_far.bytes_in + one.bytes_in,
            bytes_out=so_far.bytes_out + one.bytes_out,
        )
    return tuple(sorted(sums.values(), key=lambda one: (-one.seconds, one.user, one.host, one.project)))
