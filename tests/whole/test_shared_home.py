"""Two machines with one home: what one is told holds there, and an upgrade forgets nothing.

Two agents of this machine, with names and folders for sockets of their own, stand for the machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from farmhand.lending.observation import Choice, Wish
from farmhand_agent.memory import Memory
from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(display=False) as one:
        yield one


def machine(stage: Stage, name: str, **settings: object) -> Workstation:
    """A machine whose home is that of the others, its agent not started yet."""
    defaults = {"lend": "never", "gate": "127.0.0.1:0", "slots": 1, "memory_per_job": 64, "name": name}
    station = Workstation(stage.folder / name, stage.environ, **{**defaults, **settings})
    station.environ |= {"XDG_STATE_HOME": str(stage.folder / "home"), "XDG_CONFIG_HOME": str(stage.folder / "home")}
    return station


@pytest.mark.parametrize(("word", "wish"), [("lend", "lend"), ("reclaim", "keep")])
def test_a_choice_holds_on_the_machine_where_it_was_made(stage: Stage, word: str, wish: str) -> None:
    one, two = (stage.place(machine(stage, name)) for name in ("one", "two"))
    one.say(word)
    one.say("block", "mallory")
    for station in (one, two):
        station.stop()
        station.start()
    assert (one.status()["wish"], one.status()["blocked"]) == (wish, ["mallory"])
    assert (two.status()["wish"], two.status()["blocked"]) == ("auto", [])
    assert one.state != two.state


def test_an_upgrade_forgets_neither_the_choice_nor_what_was_recorded(stage: Stage) -> None:
    old = stage.folder / "home" / "farmhand"
    old.mkdir(mode=0o700, parents=True)
    Memory(old).keep_choice(Choice(Wish.KEEP))
    first = stage.place(machine(stage, "first"))
    until(lambda: first.status()["senses"], "the senses work")
    first.stop()
    (first.state / "observations.jsonl").rename(old / "observations.jsonl")
    for left in first.state.iterdir():
        left.unlink()
    first.start()
    assert first.status()["wish"] == "keep"
    assert not (old / "observations.jsonl").exists()
    told = json.loads(first.say("replay", "--json").stdout)
    assert told["as recorded"]["decisions"] > 0


def test_replay_finds_the_recordings_of_an_agent_that_was_named_on_its_command_line(stage: Stage) -> None:
    station = stage.place(machine(stage, "desk"))
    until(lambda: station.status()["senses"], "the senses work")
    station.stop()
    del station.environ["FARMHAND_NAME"]
    assert json.loads(station.say("replay", "--json").stdout)["as recorded"]["decisions"] > 0
