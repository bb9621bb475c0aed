"""When a build speaks with the registry."""

from __future__ import annotations

from math import inf

from farmhand.dispatch.claim import GAP, RETRY, Claim


def held(now: float = 0.0, ttl: float = 6.0, renew_in: float = 2.0) -> Claim:
    claim = Claim()
    claim.speaking()
    claim.granted("g1", ttl, renew_in, now)
    return claim


def test_it_asks_at_once_and_renews_when_the_registry_wants_it() -> None:
    assert Claim().due == 0.0
    claim = held(10.0)
    assert (claim.grant, claim.due, claim.ends, claim.wake_at) == ("g1", 12.0, 16.0, 12.0)


def test_a_change_makes_it_hurry_but_not_more_than_the_gap_allows() -> None:
    claim = held(10.0)
    claim.hurry(10.05)
    assert claim.due == 10.0 + GAP
    claim = held(10.0)
    claim.hurry(11.0)
    assert claim.due == 11.0
    claim.hurry(11.5)
    assert claim.due == 11.0


def test_what_changes_while_it_speaks_is_asked_about_again() -> None:
    claim = held(10.0)
    claim.speaking()
    assert claim.due == inf
    claim.hurry(12.0)
    claim.granted("g1", 6.0, 2.0, 12.1)
    assert claim.due == 12.1 + GAP


def test_a_registry_in_a_hurry_does_not_make_it_spin() -> None:
    assert held(10.0, renew_in=0.0).due == 10.0 + GAP


def test_silence_leaves_the_grant_until_it_ends_by_itself() -> None:
    claim = held(10.0)
    claim.speaking()
    claim.unanswered(12.0)
    assert (claim.grant, claim.due) == ("g1", 12.0 + RETRY)
    assert not claim.lapsed(15.9)
    assert claim.lapsed(16.0)
    assert not claim.lapsed(17.0)
    assert (claim.grant, claim.ends) == ("", inf)


def test_it_wakes_for_the_end_of_the_grant_too() -> None:
    claim = held(10.0, ttl=1.0, renew_in=5.0)
    assert claim.wake_at == 11.0


def test_a_forgotten_grant_is_asked_for_anew_at_once_and_a_refused_question_later() -> None:
    claim = held(10.0)
    claim.speaking()
    claim.refused(12.0)
    assert (claim.grant, claim.due, claim.ends) == ("", 12.0 + GAP, inf)
    claim.speaking()
    claim.refused(13.0)
    assert claim.due == 13.0 + RETRY
    claim.hurry(13.05)
    assert claim.due == 13.0 + GAP
