"""The HTTP interface as strangers meet it: a real server, raw bytes."""

from __future__ import annotations

import http.client
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest
from fakes.registry_program import KEY, OTHER_KEY, RegistryProgram, a_beat
from hypothesis import given, settings
from hypothesis import strategies as st

from farmhand import __version__
from farmhand.links.registry import RegistryLink
from farmhand.wire import codec, ticket
from farmhand.wire.farm import GrantAsk, GrantRenew, HostLeave, Order, Problem

JSON = {"Content-Type": "application/json"}


def call(
    program: RegistryProgram, method: str, path: str, body: bytes | None = None, headers: dict[str, str] = JSON
) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=30)
    connection.request(method, path, body, headers if body is not None else {})
    answer = connection.getresponse()
    result = (answer.status, answer.getheader("Content-Type", ""), answer.read())
    connection.close()
    return result


def problem(answer: tuple[int, str, bytes]) -> Problem:
    status, kind, body = answer
    assert kind == "application/problem+json"
    told = codec.decode(body, Problem, "the registry")
    assert told.status_code == status
    return told


def beat_json(**changed: Any) -> bytes:
    return json.dumps(json.loads(codec.encode(a_beat())) | changed).encode()


# --- what it says about itself ----------------------------------------------
def test_it_says_that_it_lives(program: RegistryProgram) -> None:
    status, kind, body = call(program, "GET", "/healthz")
    assert (status, kind) == (200, "application/json")
    told = json.loads(body)
    assert (told["name"], told["version"]) == ("farmhand-registry", __version__)
    assert len(told["instance"]) == 16


def test_every_answer_bears_its_date(program: RegistryProgram) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    for path in ("/healthz", "/no-such-page"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert abs(parsedate_to_datetime(answer.getheader("Date", "")).timestamp() - time.time()) < 5
    connection.close()


def test_it_describes_itself(program: RegistryProgram) -> None:
    status, kind, body = call(program, "GET", "/schema/openapi.json")
    described = json.loads(body)
    assert (status, kind) == (200, "application/json")
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == {
        ("/healthz", "get"),
        ("/api/v1/hosts", "get"),
        ("/api/v1/hosts/{name}", "put"),
        ("/api/v1/hosts/{name}/withdraw", "post"),
        ("/api/v1/grants", "post"),
        ("/api/v1/grants/{grant}", "put"),
        ("/api/v1/grants/{grant}", "delete"),
        ("/api/v1/changes", "get"),
    }


def test_an_answer_waits_for_nothing(program: RegistryProgram) -> None:
    link = RegistryLink(program.url)
    link.hosts()
    costs: list[float] = []
    for _ in range(20):
        begun = time.perf_counter()
        link.hosts()
        costs.append(time.perf_counter() - begun)
    assert min(costs) < 0.03, "an acknowledgement that the kernel delays takes 40 ms, every time"
    link.close()


# --- what it refuses --------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/schema", 404),
        ("GET", "/schema/elements", 404),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/healthz", 405),
        ("DELETE", "/api/v1/hosts/desk", 405),
    ],
)
def test_what_is_not_there_is_told_in_json(program: RegistryProgram, method: str, path: str, status: int) -> None:
    assert problem(call(program, method, path)).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"null", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"order"', 400),
        (b"\xff\xfe", 400),
        (b"NaN", 400),
        (beat_json(port=0), 422),
        (beat_json(port=65536), 422),
        (beat_json(port="3632"), 422),
        (beat_json(slots=-1), 422),
        (beat_json(slots=513), 422),
        (beat_json(slots=2**63), 422),
        (beat_json(slots=1.5), 422),
        (beat_json(others_cpu=float("nan")), 400),
        (beat_json(others_cpu=0).replace(b'"others_cpu": 0', b'"others_cpu": 1e999'), 422),
        (beat_json(others_cpu=1.01), 422),
        (beat_json(key=KEY[:-1]), 422),
        (beat_json(key=KEY[:-1] + "\n"), 422),
        (beat_json(key=KEY.upper()), 422),
        (beat_json(order={"epoch": -1, "generation": 0, "seq": 0}), 422),
        (beat_json(order={"epoch": 2**53, "generation": 0, "seq": 0}), 422),
        (beat_json(toolchains=["x"] * 33), 422),
        (beat_json(toolchains=["x\n"]), 422),
        (beat_json(toolchains=["\ud800"]), 400),
        (beat_json(address="::"), 403),
        (beat_json(address="10.0.0.1"), 403),
        (beat_json(address=":::::"), 403),
        (beat_json(surprise=1), 422),
        (b" " * 100_000, 413),
    ],
)
def test_a_wrong_beat_is_refused_with_a_reason(program: RegistryProgram, body: bytes, status: int) -> None:
    told = problem(call(program, "PUT", "/api/v1/hosts/wrong", body))
    assert (told.status_code, told.detail != "") == (status, True)


@pytest.mark.parametrize("name", ["-desk", "desk-", "a%0a", "a%00b", "a@b", "a%20b", "%2f", "%ff", "a" * 254, "a:1"])
def test_what_is_no_host_name_lends_nothing(program: RegistryProgram, name: str) -> None:
    assert problem(call(program, "PUT", f"/api/v1/hosts/{name}", beat_json())).status_code in (404, 405, 422)


def test_a_wrong_field_is_named(program: RegistryProgram) -> None:
    body = beat_json(order={"epoch": -1, "generation": 0, "seq": 0})
    assert "order.epoch" in problem(call(program, "PUT", "/api/v1/hosts/desk", body)).detail


def test_a_name_in_a_grant_is_a_host_name(program: RegistryProgram) -> None:
    body = b'{"user": "ann", "project": "kernel", "host": "a\\n", "want": 1}'
    assert problem(call(program, "POST", "/api/v1/grants", body)).status_code == 422


def test_a_web_page_cannot_ask_in_a_visitor_s_name(program: RegistryProgram) -> None:
    body = codec.encode(GrantAsk("ann", "kernel", "desk", 1))
    for kind in ({"Content-Type": "text/plain"}, {}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert problem(call(program, "POST", "/api/v1/grants", body, kind)).status_code == 415


def test_a_lender_cannot_take_over_a_grant_with_what_its_tickets_say(program: RegistryProgram) -> None:
    link = RegistryLink(program.url)
    link.beat("lender", a_beat())
    answer = link.ask(GrantAsk("ann", "kernel", "lender", 1))
    sealed = next(share.ticket for share in answer.shares if share.name == "lender")
    claims = ticket.verify(sealed, bytes.fromhex(KEY))
    assert answer.grant not in msgspec.json.encode(claims).decode()
    renewal = codec.encode(GrantRenew(0))
    assert problem(call(program, "PUT", f"/api/v1/grants/{claims.grant}", renewal)).status_code == 404
    assert call(program, "DELETE", f"/api/v1/grants/{claims.grant}")[0] == 204
    renewed = link.renew(answer.grant, GrantRenew(1)).shares[0]
    assert ticket.verify(renewed.ticket, bytes.fromhex(KEY)).grant == claims.grant
    link.release(answer.grant)
    link.leave("lender", HostLeave(Order(1, 2, 2), KEY))
    link.close()


def test_a_header_does_not_change_whose_message_it_is(program: RegistryProgram) -> None:
    body = codec.encode(a_beat(address="10.0.0.1"))
    forged = {**JSON, "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1"}
    assert problem(call(program, "PUT", "/api/v1/hosts/forged", body, forged)).status_code == 403


def test_of_two_agents_with_one_name_the_second_is_told_who_holds_it(program: RegistryProgram) -> None:
    assert call(program, "PUT", "/api/v1/hosts/twin", codec.encode(a_beat()))[0] == 200
    told = problem(call(program, "PUT", "/api/v1/hosts/twin", codec.encode(a_beat(9, key=OTHER_KEY))))
    assert told.status_code == 409
    assert "127.0.0.1:3632" in told.detail
    leave = codec.encode(HostLeave(Order(9, 9, 9), OTHER_KEY))
    assert problem(call(program, "POST", "/api/v1/hosts/twin/withdraw", leave)).status_code == 403
    assert any(host["name"] == "twin" for host in json.loads(call(program, "GET", "/api/v1/hosts")[2]))


def test_a_duplicate_field_is_no_way_in(program: RegistryProgram) -> None:
    twice = b'{"port": 0, ' + beat_json()[1:]
    assert call(program, "PUT", "/api/v1/hosts/dup", twice)[0] < 500


# --- whatever is sent -------------------------------------------------------
Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
Almost = st.fixed_dictionaries(
    {},
    optional={
        "order": Json | st.fixed_dictionaries({"epoch": Json, "generation": Json, "seq": st.integers(0, 9)}),
        "key": Json | st.just(KEY),
        "port": Json | st.integers(1, 65535),
        "slots": Json | st.integers(0, 512),
        "address": Json | st.text("0123456789abcdef:.", max_size=46),
        "toolchains": Json,
        "others_cpu": Json,
        "user": Json | st.text(min_size=1, max_size=5),
        "project": Json | st.text(min_size=1, max_size=5),
        "host": Json | st.just("desk"),
        "want": Json | st.integers(0, 512),
    },
)
Bodies = st.binary(max_size=60) | (Json | Almost).map(lambda value: json.dumps(value).encode())
Routes = st.sampled_from(
    [
        ("PUT", "/api/v1/hosts/{}"),
        ("POST", "/api/v1/hosts/{}/withdraw"),
        ("POST", "/api/v1/grants"),
        ("PUT", "/api/v1/grants/{}"),
        ("DELETE", "/api/v1/grants/{}"),
        ("GET", "/api/v1/hosts"),
        ("GET", "/schema/{}"),
    ]
)
Names = st.just("fuzzed") | st.binary(min_size=1, max_size=12).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))


@settings(max_examples=300)
@given(Routes, Names, Bodies)
def test_nothing_that_is_sent_is_answered_by_a_mistake(
    program: RegistryProgram, route: tuple[str, str], name: str, body: bytes
) -> None:
    method, path = route
    status, kind, answer = call(program, method, path.format(name), body)
    assert status < 500, answer
    assert "json" in kind or not answer


@pytest.mark.parametrize("raw", [b"\x00" * 2000, b"GET / HTTP/9.9\r\n\r\n", b"PUT /api/v1/hosts/a HTTP/1.1\r\n" * 2])
def test_what_is_not_http_ends_its_own_connection_only(program: RegistryProgram, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", program.port), timeout=30) as stranger:
        stranger.sendall(raw)
        assert b" 500 " not in stranger.recv(1000)
    assert call(program, "GET", "/healthz")[0] == 200


def test_idle_and_slow_connections_hold_up_nobody(program: RegistryProgram) -> None:
    idle = [socket.create_connection(("127.0.0.1", program.port)) for _ in range(200)]
    for number, connection in enumerate(idle):
        connection.sendall(b"PUT /api/v1/hosts/slow HTTP/1.1\r\nContent-Length: 50\r\n\r\n{"[: number % 60])
    link = RegistryLink(program.url)
    assert link.beat("honest", a_beat()).ttl > 0
    link.close()
    for connection in idle:
        connection.close()
