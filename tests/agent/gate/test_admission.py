"""Who may compile here."""

from __future__ import annotations

import msgspec
import pytest
from fakes.foreign import FOREIGN

from farmhand.wire.ticket import Claims, sign
from farmhand_agent.gate.admission import Admission, Client, FarmClock, Turned, known_as

KEY = bytes(range(32))
ANN = Claims(host="desk", grant="g1", user="ann", project="redis", origin="laptop", slots=3, ends=1000.0)
OPEN = Admission("desk", KEY).hear(told=900.0, granted=(), now=50.0)
"""Knows the registry's clock: it shows 900 when ours shows 50."""


def reason(verdict: Client | Turned) -> str:
    assert isinstance(verdict, Turned)
    return verdict.reason


def test_a_ticket_names_a_person_and_a_build() -> None:
    assert OPEN.judge("10.0.0.9", sign(ANN, KEY), now=60.0) == Client(
        identity="ann@laptop", user="ann", host="laptop", project="redis", limit=3, grant="g1"
    )


def test_the_same_person_on_another_machine_is_another_identity() -> None:
    there = msgspec.structs.replace(ANN, origin="tower")
    assert OPEN.judge("10.0.0.9", sign(there, KEY), 60.0) != OPEN.judge("10.0.0.9", sign(ANN, KEY), 60.0)


def test_while_no_ticket_can_be_judged_the_gate_is_closed_to_who_has_no_right_by_address() -> None:
    alone = Admission.of("desk", KEY, ["10.1.0.0/16"])
    assert alone.closed_to("10.2.0.1")
    assert not alone.closed_to("10.1.0.1")
    assert alone.block(["10.1.0.1"]).closed_to("10.1.0.1")
    assert not alone.hear(900.0, (), 50.0).closed_to("10.2.0.1"), "it may show a ticket"


def test_a_ticket_signed_with_another_key_is_no_ticket() -> None:
    assert "not signed for this gate" in reason(OPEN.judge("10.0.0.9", sign(ANN, bytes(32)), 60.0))


def test_a_ticket_is_good_at_one_gate_only() -> None:
    told = reason(OPEN.judge("10.0.0.9", sign(msgspec.structs.replace(ANN, host="tower"), KEY), 60.0))
    assert told == "the ticket is for tower, this is desk"


@pytest.mark.parametrize(("now", "admitted"), [(150.0, True), (150.5, False)])
def test_a_ticket_ends_by_the_registrys_clock(now: float, admitted: bool) -> None:
    verdict = OPEN.judge("10.0.0.9", sign(ANN, KEY), now)
    assert isinstance(verdict, Client) is admitted
    assert admitted or reason(verdict) == "the ticket has ended"


def test_before_the_registry_was_heard_of_no_ticket_can_be_judged() -> None:
    assert reason(Admission("desk", KEY).judge("10.0.0.9", sign(ANN, KEY), 60.0)) == "the ticket has ended"


def test_a_bad_ticket_is_not_mended_by_a_good_address() -> None:
    assert reason(Admission.of("desk", KEY, ["10.0.0.0/8"]).judge("10.0.0.9", "rubbish", 60.0))


def test_plain_distcc_is_judged_by_its_address() -> None:
    admission = Admission.of("desk", KEY, ["10.1.0.0/16", "fd00::/8"]).hear(0.0, ["192.0.2.7"], 0.0)
    for address in ("10.1.2.3", "fd00::1", "192.0.2.7"):
        assert admission.judge(address, None, 0.0) == Client(identity=address, user=address, host=address)
    for address in ("10.2.0.1", "fe80::1", "192.0.2.8"):
        assert reason(admission.judge(address, None, 0.0)) == f"{address} holds no grant here"


def test_an_ipv4_client_of_an_ipv6_socket_is_an_ipv4_client() -> None:
    admission = Admission.of("desk", KEY, ["10.1.0.0/16"])
    assert admission.judge("::ffff:10.1.2.3", None, 0.0) == admission.judge("10.1.2.3", None, 0.0)


@pytest.mark.parametrize("allow", ["10.1.0.0/16", "::ffff:10.1.0.0/112", "::ffff:10.1.2.3"])
def test_a_network_of_ipv4_may_be_written_as_ipv6(allow: str) -> None:
    assert isinstance(Admission.of("desk", KEY, [allow]).judge("10.1.2.3", None, 0.0), Client)


def test_a_network_of_ipv6_holds_no_ipv4() -> None:
    assert isinstance(Admission.of("desk", KEY, ["::/0"]).judge("10.1.2.3", None, 0.0), Turned)


def test_what_the_registry_and_a_ticket_say_is_the_same_address_in_either_form() -> None:
    granted = OPEN.hear(900.0, ("::ffff:192.0.2.7",), 50.0)
    assert isinstance(granted.judge("192.0.2.7", None, 60.0), Client)
    there = sign(msgspec.structs.replace(ANN, origin="::ffff:192.0.2.7"), KEY)
    told = OPEN.judge("10.0.0.9", there, 60.0)
    assert isinstance(told, Client)
    assert told.identity == "ann@192.0.2.7"
    for name in ("::ffff:192.0.2.7", "192.0.2.7", "ann@::ffff:192.0.2.7", "ann@192.0.2.7"):
        assert "has blocked" in reason(OPEN.block([known_as(name)]).judge("10.0.0.9", there, 60.0))


def test_a_network_may_be_written_with_host_bits() -> None:
    assert isinstance(Admission.of("desk", KEY, ["10.1.2.3/16"]).judge("10.1.9.9", None, 0.0), Client)


def test_hearing_the_registry_replaces_clock_and_addresses_and_nothing_else() -> None:
    admission = Admission.of("desk", KEY, ["10.0.0.0/8"]).block(["mallory"]).hear(1.0, ["192.0.2.7"], 2.0)
    later = admission.hear(5.0, ["192.0.2.8"], 6.0)
    assert later == Admission(
        "desk", KEY, admission.allow, frozenset({"192.0.2.8"}), FarmClock(5.0, 6.0), frozenset({"mallory"})
    )
    assert FarmClock(5.0, 6.0).at(7.5) == 6.5


# --- what a ticket says of people -------------------------------------------
@pytest.mark.parametrize(("told", "shown"), FOREIGN)
def test_what_a_ticket_says_is_made_presentable(told: str, shown: str) -> None:
    claims = msgspec.structs.replace(ANN, user=told, project=told, origin=told, grant=told)
    assert client(OPEN, ticket=sign(claims, KEY)) == Client(f"{shown}@{shown}", shown, shown, shown, 3, shown)


@pytest.mark.parametrize("user", [" ann", "ann ", " ", "an\x9bn", "::FFFF:10.0.0.1", "u" * 500])
def test_whoever_can_come_in_can_be_blocked_by_the_name_that_is_shown(user: str) -> None:
    claims = msgspec.structs.replace(ANN, user=user, origin="laptop" * 40)
    running = client(OPEN, ticket=sign(claims, KEY))
    assert not OPEN.block([known_as(f"{running.user}@{running.host}")]).still_good(running)


# --- running jobs -----------------------------------------------------------
def client(admission: Admission, address: str = "10.0.0.9", ticket: str | None = None) -> Client:
    verdict = admission.judge(address, ticket, 60.0)
    assert isinstance(verdict, Client)
    return verdict


def test_a_job_by_address_ends_with_the_address_grant() -> None:
    granted = OPEN.hear(900.0, ["10.0.0.9"], 50.0)
    running = client(granted)
    assert granted.still_good(running)
    assert not granted.hear(901.0, [], 51.0).still_good(running)


def test_a_job_that_came_with_a_ticket_may_outlast_it() -> None:
    """Builds renew their grants and show fresh tickets with their next jobs; a long compile has only its first."""
    running = client(OPEN, ticket=sign(ANN, KEY))
    assert OPEN.hear(5000.0, [], 51.0).still_good(running)


# --- blocks -----------------------------------------------------------------
@pytest.mark.parametrize("name", ["ann", "ann@laptop", "laptop"])
def test_the_owner_can_block_a_person_a_machine_or_one_on_the_other(name: str) -> None:
    running = client(OPEN, ticket=sign(ANN, KEY))
    blocking = OPEN.block([name])
    assert reason(blocking.judge("10.0.0.9", sign(ANN, KEY), 60.0)) == f"the owner of desk has blocked {name}"
    assert not blocking.still_good(running)


def test_a_block_counts_more_than_a_grant_and_than_allow() -> None:
    admission = Admission.of("desk", KEY, ["10.0.0.0/8"]).hear(0.0, ["10.0.0.9"], 0.0)
    running = client(admission)
    blocking = admission.block(["10.0.0.9"])
    assert reason(blocking.judge("10.0.0.9", None, 0.0)) == "the owner of desk has blocked 10.0.0.9"
    assert not blocking.still_good(running)


def test_blocking_replaces_the_blocks_before() -> None:
    assert OPEN.block(["ann"]).block(["bob"]).blocked == {"bob"}
    assert isinstance(OPEN.block(["ann"]).block([]).judge("10.0.0.9", sign(ANN, KEY), 60.0), Client)


def test_others_are_not_concerned() -> None:
    running = client(OPEN, ticket=sign(ANN, KEY))
    assert OPEN.block(["bob", "ann@tower", "10.0.0.9"]).still_good(running)


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("anna", "anna"),
        (" anna@ws2 ", "anna@ws2"),
        ("10.1.0.7", "10.1.0.7"),
        ("::ffff:10.1.0.7", "10.1.0.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_a_name_is_blocked_as_clients_are_known_here(typed: str, known: str) -> None:
    assert known_as(typed) == known


@pytest.mark.parametrize("typed", ["", "  ", "an\nna", "\x1b[2J", "x" * 402])
def test_what_can_be_nobodys_name_is_no_name(typed: str) -> None:
    with pytest.raises(ValueError, match="anybody's name"):
        known_as(typed)
