"""Where a gate listens, and whom its clients are taken for."""

from __future__ import annotations

import socket

import pytest
from fakes.gate_place import KEY, SLOW, SOURCE, Open
from fakes.raw_client import Cut, RawClient, compile_raw
from fakes.waiting import comes_true

from farmhand.errors import OwnerError
from farmhand_agent.gate.admission import Admission, known_as
from farmhand_agent.gate.sockets import listen


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "at"),
    [
        ("::", {"127.0.0.1", "::1"}),
        ("0.0.0.0", {"127.0.0.1"}),
        ("127.0.0.1", {"127.0.0.1"}),
        ("::1", {"::1"}),
        ("localhost", {socket.getaddrinfo("localhost", 0)[0][4][0]}),
    ],
)
def test_where_it_is_reached(host: str, at: set[str]) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert {address for address in ("127.0.0.1", "::1") if answers(address, port)} == at


def test_a_machine_without_ipv6_listens_on_all_that_it_has() -> None:
    with listen("::", 0, takes_both=lambda: False) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"
        assert answers("127.0.0.1", listener.getsockname()[1])


def test_a_port_is_taken_also_if_only_one_family_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OwnerError, match=rf"another program uses \[::\]:{port}; set `gate` to a free port"):
            listen("::", port)


async def test_a_client_is_the_same_by_either_family(opened: Open) -> None:
    """The gate takes IPv4 by an IPv6 socket; the owner's list, their blocks and the journal know IPv4 addresses."""
    place = await opened(admission=Admission.of("desk", KEY, ["127.0.0.0/8"]), host="::")
    port = place.address[1]
    with await RawClient.open(("127.0.0.1", port)) as client:
        await client.say(SLOW)
        await comes_true(lambda: bool(place.gate.jobs))
        assert [job.view().host for job in place.gate.jobs] == ["127.0.0.1"]
        with pytest.raises(Cut):
            await compile_raw(("::1", port), ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
        place.gate.revise(place.gate.admission.block([known_as("::ffff:127.0.0.1")]))
        assert await client.is_cut()
