"""What a client that may compile here can do to the machine: nothing, whatever it sends.

Every request that is known to make a whitelisted compiler run programs, write or read files goes to a real gate with
real boxes of every kind. Outside lie canaries: files and processes of the very user who runs the jobs, and sockets that
everybody may call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fakes import gate_program, hardened
from fakes.hostile_client import KINDS, Gate, Kind
from fakes.outside import Outside


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    if kind.before and (reason := hardened.why_not()):
        pytest.skip(reason)
    return kind


@pytest.fixture(scope="module")
def canaries(kind: Kind) -> Iterator[Outside]:
    made = Outside("nobody" if kind.nobody and os.getuid() == 0 else None)
    yield made
    made.clear()


@pytest.fixture
def outside(canaries: Outside) -> Iterator[Outside]:
    """The canaries, untouched before and after."""
    canaries.check()
    yield canaries
    canaries.check()


@pytest.fixture
def gate(kind: Kind) -> Iterator[Gate]:
    with gate_program.running(kind.name, kind.before) as address:
        yield address


@pytest.fixture(scope="module")
def old_gate(kind: Kind) -> Iterator[Gate]:
    """A gate that serves one attack after the other."""
    with gate_program.running(kind.name, kind.before) as address:
        yield address
