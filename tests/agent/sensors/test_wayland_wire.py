"""What a compositor says, word by word."""

from __future__ import annotations

import struct

import pytest

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.wayland_wire import Client, request

REGISTRY, LISTING = 2, 3


def message(speaker: int, said: int, body: bytes = b"") -> bytes:
    return struct.pack("=II", speaker, (8 + len(body)) << 16 | said) + body


def text(words: str) -> bytes:
    raw = words.encode() + b"\0"
    return struct.pack("=I", len(raw)) + raw + b"\0" * (-len(raw) % 4)


def offer(number: int, interface: str, version: int = 3) -> bytes:
    return message(REGISTRY, 0, struct.pack("=I", number) + text(interface) + struct.pack("=I", version))


LISTED = message(LISTING, 0, struct.pack("=I", 1))


def test_the_client_asks_for_everything() -> None:
    assert Client().hello() == request(1, 1, REGISTRY) + request(1, 0, LISTING)
    assert request(1, 1, 2) == struct.pack("=III", 1, 12 << 16 | 1, 2)


def test_what_is_offered_is_known_however_it_arrives() -> None:
    said = offer(7, "wl_seat") + offer(9, "org_kde_kwin_idle") + LISTED + message(40, 1)
    client = Client()
    heard = [happened for at in range(len(said)) for happened in client.take(said[at : at + 1])]
    assert client.offers == {7: "wl_seat", 9: "org_kde_kwin_idle"}
    assert (client.complete, client.seats, client.number_of("org_kde_kwin_idle")) == (True, (7,), 9)
    assert client.number_of("wl_shm") is None
    assert heard == [(40, 1, b"")]


def test_what_is_bound_gets_a_number_of_its_own() -> None:
    client = Client()
    assert list(client.take(offer(7, "wl_seat"))) == []
    bound, words = client.bind(7)
    assert (bound, client.new_object()) == (4, 5)
    assert words == message(REGISTRY, 0, struct.pack("=I", 7) + text("wl_seat") + struct.pack("=II", 1, 4))
    assert client.bind(7, 2)[1].endswith(struct.pack("=II", 2, 6))


def test_what_is_withdrawn_is_forgotten() -> None:
    client = Client()
    list(client.take(offer(7, "wl_output") + LISTED + message(REGISTRY, 1, struct.pack("=I", 7))))
    assert client.offers == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (offer(8, "wl_seat"), "the compositor's seats have changed"),
        (message(REGISTRY, 1, struct.pack("=I", 7)), "the compositor's seats have changed"),
        (
            message(1, 0, struct.pack("=II", 2, 1) + text("invalid object")),
            "the compositor refuses: invalid object",
        ),
        (struct.pack("=II", 2, 4 << 16), "the compositor sends what is not Wayland"),
    ],
)
def test_the_conversation_ends(said: bytes, reason: str) -> None:
    client = Client()
    list(client.take(offer(7, "wl_seat") + LISTED))
    with pytest.raises(SenseLost, match=reason):
        list(client.take(said))
