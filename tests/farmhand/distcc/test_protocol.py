"""The wire protocol: whatever the pieces, the same facts; whatever the rubbish, one clear error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.protocol import (
    MAX_ARGUMENT,
    MAX_ARGUMENTS,
    MAX_FILES,
    MAX_HEAD,
    MAX_PATH,
    Head,
    HeadReader,
    ProtocolError,
    ReplyReader,
    RequestReader,
    Span,
    reply,
    request,
    token,
)

ARGV = ("gcc", "-O2", "-c", "a.c", "-o", "a.o")
WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=6)


def text(name: str, value: bytes) -> bytes:
    return token(name, len(value)) + value


def pump_request(*files: bytes, folder: bytes = b"/src") -> bytes:
    head = token("DIST", 3) + text("CDIR", folder) + token("ARGC", 1) + text("ARGV", b"gcc")
    return head + token("NFIL", len(files)) + b"".join(files)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(WORDS, st.binary(max_size=300), st.lists(st.integers(1, 40)))
def test_a_request_reads_back_whatever_the_pieces(argv: list[str], source: bytes, sizes: list[int]) -> None:
    data = request(argv, source)
    reader = RequestReader()
    for piece in cut(data, sizes):
        reader.feed(piece)
    assert reader.complete
    assert reader.head == Head(1, tuple(argv))
    assert reader.size == len(data)
    assert reader.source is not None
    assert data[reader.source.start : reader.source.end] == source


@given(st.integers(0, 2**32 - 1), st.binary(max_size=90), st.binary(max_size=90), st.binary(max_size=90))
def test_a_reply_reads_back(status: int, errors: bytes, output: bytes, product: bytes) -> None:
    data = b"".join(reply(status, errors, output, product))
    reader = ReplyReader(1)
    for at in range(0, len(data), 7):
        assert not reader.complete
        reader.feed(data[at : at + 7])
    assert reader.complete
    assert reader.status == status
    spans = (reader.errors, reader.output, reader.object)
    assert [data[span.start : span.end] for span in spans] == [errors, output, product]
    assert reader.dependencies == Span(0, 0)


def test_names_that_are_not_utf8_survive() -> None:
    reader = RequestReader()
    reader.feed(token("DIST", 1) + token("ARGC", 1) + text("ARGV", b"\xff.c") + text("DOTI", b""))
    assert reader.head is not None
    assert request(reader.head.argv, b"") == token("DIST", 1) + token("ARGC", 1) + text("ARGV", b"\xff.c") + text(
        "DOTI", b""
    )


def test_a_request_without_source_is_complete_at_its_last_token() -> None:
    reader = RequestReader()
    reader.feed(request(ARGV, b""))
    assert reader.complete


def test_the_head_is_known_before_the_source_comes_and_the_rest_is_ignored() -> None:
    data = request(ARGV, b"source")
    reader = HeadReader()
    reader.feed(data[:30])
    assert reader.head is None
    reader.feed(data[30:])
    reader.feed(b"anything at all")
    assert reader.head == Head(1, ARGV)
    assert reader.size == len(data) - len(text("DOTI", b"source"))


def test_compressed_requests_are_read_alike() -> None:
    reader = RequestReader()
    reader.feed(token("DIST", 2) + token("ARGC", 1) + text("ARGV", b"gcc") + text("DOTI", b"lzo"))
    assert reader.complete
    assert reader.head == Head(2, ("gcc",))


def test_pump_requests_name_files_and_links() -> None:
    data = pump_request(text("NAME", b"/a") + text("FILE", b"xyz"), text("NAME", b"/b") + text("LINK", b"/a"))
    reader = RequestReader()
    for at in range(len(data)):
        assert not reader.complete
        reader.feed(data[at : at + 1])
    assert reader.complete
    assert reader.head == Head(3, ("gcc",), "/src")
    assert reader.source is None


def test_pump_replies_bring_dependencies_unless_the_compiler_failed() -> None:
    good, bad = ReplyReader(3), ReplyReader(3)
    start = token("DONE", 3)
    bodies = text("SERR", b"") + text("SOUT", b"")
    good.feed(start + token("STAT", 0) + bodies + text("DOTO", b"o"))
    assert not good.complete
    good.feed(text("DOTD", b"d: e"))
    assert good.complete
    assert good.dependencies.size == 4
    bad.feed(start + token("STAT", 256) + bodies + text("DOTO", b""))
    assert bad.complete


HEAD = token("DIST", 1) + token("ARGC", 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / HTTP/1", "expected a token"),
        (b"DIST0000000g", "expected a token"),
        (b"DIST+0000001", "expected a token"),
        (b"dist00000001", "expected a token"),
        (token("ARGC", 1), "expected DIST, got ARGC"),
        (token("DIST", 0), "version 0 is not known"),
        (token("DIST", 4), "version 4 is not known"),
        (token("DIST", 1) + token("ARGC", 0), "ARGC is 0; 1 to"),
        (token("DIST", 1) + token("ARGC", MAX_ARGUMENTS + 1), "ARGC is"),
        (HEAD + token("ARGV", MAX_ARGUMENT + 1), "ARGV of"),
        (HEAD + text("ARGV", b"a\0b"), "zero byte"),
        (HEAD + text("ARGV", b"a") + token("DOTO", 1), "expected DOTI, got DOTO"),
        (HEAD + text("ARGV", b"a") + token("DOTI", 2000), "DOTI of 2000 bytes; at most 1000 are accepted in all"),
        (HEAD + text("ARGV", b"a") + text("DOTI", b"") + b"more", "4 bytes follow the end"),
        (token("DIST", 3) + token("CDIR", MAX_PATH + 1), "CDIR of"),
        (pump_request(), "NFIL is 0"),
        (pump_request()[:-8] + b"%08x" % (MAX_FILES + 1), "NFIL is"),
        (pump_request(token("NAME", MAX_PATH + 1)), "NAME of"),
        (pump_request(text("NAME", b"/a") + token("DOTI", 0)), "expected FILE or LINK, got DOTI"),
        (pump_request(text("NAME", b"/a") + token("FILE", 2000)), "FILE of 2000 bytes"),
    ],
)
def test_what_is_no_request_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        RequestReader(limit=1000).feed(data)


def test_a_body_may_fill_the_limit_and_not_a_byte_more() -> None:
    head = HEAD + text("ARGV", b"a")
    limit = len(head) + 12 + 100
    RequestReader(limit).feed(head + token("DOTI", 100))
    with pytest.raises(ProtocolError, match="at most"):
        RequestReader(limit).feed(head + token("DOTI", 101))


def test_a_head_is_bounded_as_a_whole() -> None:
    reader = HeadReader()
    reader.feed(token("DIST", 1) + token("ARGC", MAX_ARGUMENTS))
    word = text("ARGV", b"x" * MAX_ARGUMENT)
    with pytest.raises(ProtocolError, match="a command line of more than"):
        reader.feed(word * (MAX_HEAD // MAX_ARGUMENT + 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (token("DONE", 2), "a reply in version 2 to a request in version 1"),
        (token("STAT", 0), "expected DONE, got STAT"),
        (token("DONE", 1) + token("DONE", 1), "expected STAT, got DONE"),
        (token("DONE", 1) + token("STAT", 0) + token("SERR", 1001), "SERR of 1001 bytes"),
        (b"".join(reply(0)) + b"x", "1 bytes follow"),
    ],
)
def test_what_is_no_reply_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        ReplyReader(1, limit=1000).feed(data)


@given(st.binary(max_size=60))
def test_rubbish_never_does_more_than_raise_the_one_error(data: bytes) -> None:
    for reader in (RequestReader(), HeadReader(), ReplyReader(1)):
        try:
            reader.feed(data)
        except ProtocolError:
            continue
        assert len(data) < 12
