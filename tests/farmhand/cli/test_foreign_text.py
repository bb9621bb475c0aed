"""Every command that shows what others wrote: it is shown as it is, and a terminal obeys none of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from fakes.fake_agent import LENT, FakeAgent
from fakes.foreign import SHOWN, WORST
from fakes.registry_program import Stranger

from farmhand.cli.main import main
from farmhand.wire.farm import HostView
from farmhand.wire.history import AskHistory, History, JobRecord, Summary
from farmhand.wire.local import Explain, Explanation, JobView, RuleView, SenseView

JOB = JobView(WORST, WORST, WORST, WORST, WORST, LENT.since, 0.0)
SNAPSHOT = msgspec.structs.replace(
    LENT,
    name=WORST,
    reason=WORST,
    jobs=(JOB,),
    registry=WORST,
    registry_trouble=WORST,
    trouble=WORST,
    senses=(SenseView("input", WORST), SenseView("power", "", ((WORST, WORST),))),
    blocked=(WORST,),
    sandbox=WORST,
    sandbox_weaker=WORST,
    limits=WORST,
    priority=WORST,
)
HISTORY = History(
    summary=Summary(0.0, 1, 1, turned_away=((WORST, 1),)),
    today=Summary(0.0),
    week=Summary(0.0),
    jobs=(JobRecord(LENT.since, 0.0, 1.0, WORST, WORST, WORST, "g", WORST, WORST, 1, 1, None, "served"),),
    trouble=WORST,
)
HOSTS = msgspec.json.encode([HostView(WORST, WORST, 1, 2, 1, "lent", toolchains=(WORST,))])
REFUSAL = msgspec.json.encode({"status_code": 400, "detail": WORST})


@dataclass(frozen=True)
class Desk:
    """A machine on which everybody else is rude."""

    agent: FakeAgent
    settings: Path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in ("RUNTIME_DIR", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path))
    folder = tmp_path / "farmhand"
    folder.mkdir(mode=0o700)
    with FakeAgent(folder / "agent.sock", SNAPSHOT) as agent:
        agent.tells = {Explain: Explanation("lent", (RuleView(WORST, True, True, *[WORST] * 3),)), AskHistory: HISTORY}
        yield Desk(agent, folder / "farmhand.toml")


@pytest.fixture
def say(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Say:
    return Say(capsys)


@dataclass(frozen=True)
class Say:
    """Types a command and looks at what comes back."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, status: int = 0) -> str:
        assert main(words) == status
        out, err = self.capsys.readouterr()
        for line in (out + err).split("\n"):
            assert line.isprintable(), line
        return out + err


def test_status(say: Say) -> None:
    lines = say("status").splitlines()
    assert f"  {SHOWN} ({SHOWN})  {SHOWN}  " in next(line for line in lines if line.startswith("  "))
    assert f"trouble: {SHOWN}" in lines
    assert f"registry: {SHOWN} ({SHOWN})" in lines
    assert f"input: {SHOWN}" in lines
    assert f"power: nothing can tell: {SHOWN}" in lines
    assert len(lines) == 9, "no text begins a line of its own"


def test_why(say: Say) -> None:
    assert say("why").count(SHOWN) == 4


@pytest.mark.parametrize("words", [["lend"], ["reclaim"], ["auto"]])
def test_choices(say: Say, desk: Desk, words: list[str]) -> None:
    desk.agent.refuses = WORST
    assert say(*words, status=1) == f"farmhand: the agent refused: {SHOWN}\n"


def test_history(say: Say) -> None:
    told = say("history")
    assert told.count(SHOWN) == 5
    assert f"1 turned away: {SHOWN}" in told


def test_block(say: Say, desk: Desk) -> None:
    assert say("block") == f"{SHOWN}\n"
    assert say("block", WORST) == f"{SHOWN} is blocked; `farmhand unblock` lets them in again\n"
    assert say("unblock", WORST) == f"{SHOWN} may compile here again\n"


def test_hosts(say: Say) -> None:
    with Stranger(200, "application/json", HOSTS) as registry:
        assert say("hosts", "--registry", registry.url).count(SHOWN) == 3


def test_hosts_of_a_registry_that_refuses(say: Say) -> None:
    with Stranger(400, "application/json", REFUSAL) as registry:
        told = say("hosts", "--registry", registry.url, status=1)
    assert told == f"farmhand: the registry at {registry.url} refused (400): {SHOWN}\n"


def test_doctor(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stranger(400, "application/json", REFUSAL) as registry:
        monkeypatch.setenv("FARMHAND_REGISTRY", registry.url)
        lines = say("doctor", status=1).splitlines()
    assert f"missing  registry: the registry at {registry.url} refused (400): {SHOWN}" in lines
    assert f"missing  agent: {SHOWN}" in lines
    assert f"note     sense of power: nothing can tell; not {SHOWN}: {SHOWN}" in lines


def test_settings(say: Say, desk: Desk) -> None:
    paths = ["/home/ann/[work]/mine.ics", "/opt/a[/b]", f"/{WORST}"]
    desk.settings.write_text(f"calendar = {json.dumps(paths)}\n")
    shown = f"/home/ann/[work]/mine.ics,/opt/a[/b],/{SHOWN}"
    assert shown in say("settings")
    assert f"now: {shown} (from: {desk.settings})" in say("settings", "explain", "calendar")
    assert f"calendar = /{SHOWN}\n" in say("settings", "set", "calendar", f"/{WORST}")


def test_replay(say: Say) -> None:
    assert say("replay", WORST, status=1) == f"farmhand: cannot read {SHOWN}: No such file or directory\n"


@pytest.mark.parametrize("words", [["status"], ["why"], ["history"], ["doctor"], ["settings"]])
def test_for_scripts_nothing_is_left_out(say: Say, desk: Desk, words: list[str]) -> None:
    desk.settings.write_text(f"calendar = {json.dumps([f'/{WORST}'])}\nregistry = 'http://127.0.0.1:1'\n")
    told = say(*words, "--json", status=1 if words == ["doctor"] else 0)
    assert any(WORST in text for text in _texts(json.loads(told)))


def _texts(value: object) -> Iterator[str]:
    """Every text in what JSON holds."""
    match value:
        case str():
            yield value
        case dict():
            yield from _texts(list(value.values()))
        case list():
            for one in value:
                yield from _texts(one)
        case _:
            pass
