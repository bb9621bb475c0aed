"""Host specifications: what is written reads back, and what could mean something else is not written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.hostspec import MAX_LIMIT, HostSpec, parse, render, render_list
from farmhand.machine import HOST_NAME

NAMES = st.from_regex(HOST_NAME, fullmatch=True).filter(lambda name: name.lower() != "localhost")
HOSTS = NAMES | st.ip_addresses().map(str)
SPECS = st.builds(HostSpec, HOSTS, st.integers(1, 65535), st.integers(1, MAX_LIMIT), st.booleans())


@given(SPECS)
def test_what_is_written_reads_back(spec: HostSpec) -> None:
    assert parse(render(spec)) == spec


@given(SPECS)
def test_nothing_that_distcc_obeys_is_ever_written(spec: HostSpec) -> None:
    assert not set("@#+ \t\n\r\f") & set(render(spec))
    assert not render(spec).startswith("-")


@pytest.mark.parametrize(
    "host",
    ["", "root@hub", "hub:3632", "hub/2", "hub,lzo", "hub #", "-hub", "--randomize", "+zeroconf", "a b", "a\nb",
     "fe80::1%eth0", "localhost", "LocalHost", "[::1]"],
)  # fmt: skip
def test_a_host_that_distcc_would_misread_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a host list"):
        render(HostSpec(host, 3632, 2))


@pytest.mark.parametrize(("port", "slots"), [(0, 1), (65536, 1), (3632, 0), (3632, MAX_LIMIT + 1)])
def test_numbers_out_of_range_are_refused(port: int, slots: int) -> None:
    with pytest.raises(ValueError, match=r"no port|no job limit"):
        render(HostSpec("hub", port, slots))


@pytest.mark.parametrize(
    "text",
    [
        "hub",
        "hub/2",
        "hub:3632",
        "[:::]:1/1",
        "[1.2.3]:1/1",
        "hub:03632/2",
        "hub:3632/2,cpp",
        "u@hub:3632/2",
        "[::1]:1/1 x",
    ],
)
def test_only_what_we_write_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="no host specification of ours"):
        parse(text)


def test_a_list_opens_with_limits_of_this_machine() -> None:
    hosts = [HostSpec("127.0.0.1", 4000, 1000), HostSpec("::1", 4001, 2, lzo=True)]
    assert render_list(hosts, 4, 8) == "--localslots=4 --localslots_cpp=8 127.0.0.1:4000/1000 [::1]:4001/2,lzo"
    assert render_list([], 0, 0) == "--localslots=1 --localslots_cpp=1"
