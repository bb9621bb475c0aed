"""An agent that is told to end lets the job that runs here finish, unless it is told twice or its owner comes back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation, boxed
from tests.whole.test_hold import compile_on

Word = Callable[[Stage, Workstation], None]


def touch(stage: Stage, _: Workstation) -> None:
    stage.x.touch("mouse")


def second_signal(_: Stage, station: Workstation) -> None:
    station.tell(signal.SIGTERM)


def control_c(_: Stage, station: Workstation) -> None:
    station.tell(signal.SIGINT)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.open_registry()
        yield stage


@pytest.fixture
def station(stage: Stage) -> Workstation:
    station = stage.workstation("ws1")
    station.wait("lent")
    return station


def test_the_job_finishes_while_the_registry_sends_no_more(stage: Stage, station: Workstation) -> None:
    client = compile_on(stage, station)
    station.tell(signal.SIGTERM)
    assert station.wait("draining")["reason"] == "the agent ends as soon as running jobs are done"
    assert client.wait(60) == 0
    assert station.ends() == 0
    until(lambda: not stage.hosts(), "the registry forgets it")


@pytest.mark.parametrize("word", [touch, second_signal, control_c])
def test_the_job_ends_at_once(stage: Stage, station: Workstation, word: Word) -> None:
    client = compile_on(stage, station)
    station.tell(signal.SIGTERM)
    station.wait("draining")
    word(stage, station)
    assert station.ends() == 0
    assert not boxed(), "nothing is left"
    assert client.wait(60) != 0, "nothing was left to answer it, and it was told not to compile here"


def test_control_c_alone_is_enough(stage: Stage, station: Workstation) -> None:
    client = compile_on(stage, station)
    assert station.stop(signal.SIGINT) == 0
    assert client.wait(60) != 0
