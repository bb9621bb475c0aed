from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from fakes.ports import closed_port
from fakes.registry_program import KEY, OTHER_KEY, RegistryProgram, Stranger, a_beat, running_registry
from fakes.waiting import until

from farmhand.errors import PeerError, Refused, Unreachable
from farmhand.links import registry
from farmhand.links.registry import RefusedByRegistry, RegistryLink
from farmhand.registry.translate import public_id
from farmhand.wire import ticket
from farmhand.wire.farm import FarmChanged, GrantAsk, GrantRenew, HostLeave, Order

EVERYTHING = [FarmChanged("host"), FarmChanged("share")]


@pytest.fixture(scope="module")
def program() -> Iterator[RegistryProgram]:
    with running_registry() as running:
        yield running


@pytest.fixture
def link(program: RegistryProgram) -> Iterator[RegistryLink]:
    opened = RegistryLink(program.url)
    yield opened
    opened.close()


class Stream(threading.Thread):
    """Collects the changes that a link hears."""

    def __init__(self, link: RegistryLink) -> None:
        super().__init__()
        self.heard: list[FarmChanged] = []
        self.error: PeerError | None = None
        self._link = link
        self.start()

    def run(self) -> None:
        try:
            for change in self._link.changes():
                self.heard.append(change)
        except PeerError as wrong:
            self.error = wrong


# --- what a registry answers ------------------------------------------------
def test_a_host_lends_and_leaves(link: RegistryLink) -> None:
    answer = link.beat("lends", a_beat())
    assert (answer.ttl, answer.granted) == (12.0, ())
    assert 3.6 <= answer.beat_in <= 4.4
    view = next(host for host in link.hosts() if host.name == "lends")
    assert (view.address, view.port, view.slots, view.state) == ("127.0.0.1", 3632, 4, "lent")
    link.leave("lends", HostLeave(Order(1, 2, 2), KEY))
    assert "lends" not in {host.name for host in link.hosts()}


def test_a_build_gets_tickets_that_the_gate_can_check(link: RegistryLink) -> None:
    now = link.beat("ticketed", a_beat()).now
    answer = link.ask(GrantAsk("ann", "kernel", "ticketed", want=3))
    share = answer.shares[0]
    claims = ticket.verify(share.ticket, bytes.fromhex(KEY))
    assert (share.name, share.slots, share.port) == ("ticketed", 3, 3632)
    assert (claims.host, claims.grant, claims.slots) == ("ticketed", public_id(answer.grant), 3)
    assert (claims.user, claims.project, claims.origin) == ("ann", "kernel", "ticketed")
    assert 14 < claims.ends - now < 30
    assert link.renew(answer.grant, GrantRenew(1)).shares[0].slots == 1
    link.release(answer.grant)
    link.release(answer.grant)
    link.leave("ticketed", HostLeave(Order(1, 2, 2), KEY))


def test_a_refusal_carries_its_status_and_its_words(link: RegistryLink) -> None:
    link.beat("held", a_beat(seq=5))
    with pytest.raises(Refused, match="held is lent by another agent at 127") as taken:
        link.beat("held", a_beat(key=OTHER_KEY))
    assert isinstance(taken.value, RefusedByRegistry)
    assert taken.value.status == 409
    with pytest.raises(RefusedByRegistry, match="epoch 1, generation 1, seq 5") as stale:
        link.beat("held", a_beat(seq=4))
    assert stale.value.status == 409
    with pytest.raises(RefusedByRegistry) as stranger:
        link.leave("held", HostLeave(Order(9, 9, 9), OTHER_KEY))
    assert stranger.value.status == 403
    with pytest.raises(RefusedByRegistry, match=r"8\.8\.8\.8") as foreign:
        link.beat("held", a_beat(seq=6, address="8.8.8.8"))
    assert foreign.value.status == 403
    with pytest.raises(RefusedByRegistry) as unknown:
        link.renew("nothing", GrantRenew(1))
    assert unknown.value.status == 404
    link.leave("held", HostLeave(Order(1, 2, 9), KEY))


def test_the_registry_sees_the_address_that_the_link_calls_from(program: RegistryProgram) -> None:
    link = RegistryLink(program.url, source_address="127.0.0.7")
    link.beat("seven", a_beat())
    assert [host.address for host in link.hosts() if host.name == "seven"] == ["127.0.0.7"]
    link.leave("seven", HostLeave(Order(1, 2, 2), KEY))
    link.close()


# --- changes ----------------------------------------------------------------
def test_changes_begin_with_everything_and_end_when_the_link_is_closed(program: RegistryProgram) -> None:
    listening, acting = RegistryLink(program.url), RegistryLink(program.url)
    stream = Stream(listening)
    until(lambda: stream.heard == EVERYTHING)
    acting.beat("news", a_beat())
    until(lambda: FarmChanged("host", "news") in stream.heard)
    acting.leave("news", HostLeave(Order(1, 2, 2), KEY))
    until(lambda: stream.heard.count(FarmChanged("host", "news")) == 2)
    listening.close()
    stream.join(timeout=30)
    assert not stream.is_alive()
    assert stream.error is None
    acting.close()


def test_changes_end_when_the_registry_goes_away() -> None:
    with running_registry() as program:
        link = RegistryLink(program.url)
        stream = Stream(link)
        until(lambda: stream.heard == EVERYTHING)
        program.process.kill()
        stream.join(timeout=30)
        assert not stream.is_alive()
    link.close()


def test_a_closed_link_calls_nobody(program: RegistryProgram) -> None:
    link = RegistryLink(program.url)
    link.close()
    with pytest.raises(Unreachable, match="closed"):
        link.hosts()
    with pytest.raises(Unreachable, match="closed"):
        next(link.changes())


def test_a_new_registry_is_another_instance() -> None:
    with running_registry() as first:
        link = RegistryLink(first.url)
        before = link.beat("desk", a_beat()).instance
        link.close()
    with running_registry() as second:
        link = RegistryLink(second.url)
        assert link.beat("desk", a_beat()).instance != before
        link.close()


# --- whatever else answers --------------------------------------------------
def test_nobody_answers() -> None:
    with (
        closed_port() as port,
        pytest.raises(Unreachable, match=f"no registry answers at http://127.0.0.1:{port}: Connection refused"),
    ):
        RegistryLink(f"http://127.0.0.1:{port}").hosts()


@pytest.mark.parametrize("url", ["http://", "hub:3680", "http://127.0.0.1:99999", "http://[::"])
def test_a_url_that_leads_nowhere(url: str) -> None:
    with pytest.raises(Unreachable, match="no registry answers"):
        RegistryLink(url).hosts()


def test_one_who_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = RegistryLink(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Unreachable, match="no answer in time"):
            link.hosts()
        link.close()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>Welcome to nginx!</html>"),
        (404, "text/html", b"<html>Not Found</html>"),
        (500, "text/plain", b"oops"),
        (302, "text/html", b""),
        (200, "application/json", b"{}"),
        (200, "application/json", b""),
        (200, "application/json", b'[{"name": 7}]'),
        (200, "application/json", b"\xff\xfe"),
    ],
)
def test_what_is_no_registry_is_called_so(status: int, kind: str, body: bytes) -> None:
    with Stranger(status, kind, body, {"Location": "http://127.0.0.1:1/"}) as stranger:
        link = RegistryLink(stranger.url)
        with pytest.raises(PeerError) as wrong:
            link.hosts()
        link.close()
    assert not isinstance(wrong.value, Refused | Unreachable)
    assert f"what answers at {stranger.url} does not look like a Farmhand registry" in str(wrong.value)


def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_ANSWER", 100)
    with Stranger(200, "application/json", b" " * 1000) as stranger:
        link = RegistryLink(stranger.url)
        with pytest.raises(PeerError, match="does not end"):
            link.hosts()
        link.close()


def test_an_answer_that_breaks_off() -> None:
    with Stranger(200, "application/json", b"[]", {"Content-Length": "99"}) as stranger:
        link = RegistryLink(stranger.url)
        with pytest.raises(Unreachable, match="broke off"):
            link.hosts()
        link.close()


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (200, "text/html", b"<html>", "no stream of events"),
        (404, "text/html", b"<html>", "404"),
        (200, "text/event-stream", b"event: farm\ndata: 7\n\n", "Expected `object`"),
    ],
)
def test_changes_from_what_is_no_registry(status: int, kind: str, body: bytes, words: str) -> None:
    with Stranger(status, kind, body) as stranger:
        link = RegistryLink(stranger.url)
        with pytest.raises(PeerError, match=words):
            list(link.changes())
        link.close()


def test_a_line_without_end_ends_the_stream() -> None:
    with Stranger(200, "text/event-stream", b"data: " + b"x" * (registry.MAX_EVENT + 1)) as stranger:
        link = RegistryLink(stranger.url)
        assert list(link.changes()) == []
        link.close()


def test_events_of_other_kinds_mean_nothing() -> None:
    body = b': hello\r\n\r\nevent: other\r\ndata: 7\r\n\r\nevent: farm\r\nid: 1\r\ndata:{"kind":"host"}\r\n\r\n'
    with Stranger(200, "text/event-stream", body) as stranger:
        link = RegistryLink(stranger.url)
        assert list(link.changes()) == [FarmChanged("host")]
        link.close()
