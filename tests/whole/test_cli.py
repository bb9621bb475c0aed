"""The commands as a person types them, against real agents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmhand.links.agent import AgentLink
from farmhand.wire.local import Block, Choose
from tests.fakes.ports import free_port
from tests.fakes.procfs import lives
from tests.fakes.waiting import until
from tests.whole.stage import BIN, Stage, Workstation, below

FAR_AWAY = 3600


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture
def station(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Workstation]:
    """An agent whose owner is there."""
    name = f"ws-{abs(hash(request.node.name)) % 10**6}"
    station = stage.workstation(name, registry="", idle_after=FAR_AWAY)
    until(lambda: station.status()["rule"] not in ("no sandbox", "busy with your work"), "the senses have spoken")
    yield station
    if station.process is not None and station.process.poll() is None:
        station.stop()


def test_lend_reclaim_and_auto(station: Workstation) -> None:
    assert station.say("lend", "--for", "1h").stdout.startswith("lending ")
    assert station.status()["wish_until"] == pytest.approx(time.time() + 3600, abs=10)
    lines = station.say("reclaim").stdout.splitlines()
    assert lines[0].startswith("back to you in ")
    assert lines[1] == "not lending, because you chose keep"
    assert station.status()["wish_until"] is None
    assert "you chose" not in station.say("auto").stdout


def test_a_choice_comes_in_place_of_the_one_before(station: Workstation) -> None:
    """Also where state and wish stay what they were."""
    for words, told in (
        (["--for", "1h"], "you chose keep for another 60 min"),
        (["--for", "9h"], "you chose keep for another 9 h"),
        ([], "you chose keep"),
        (["--for", "1h"], "you chose keep for another 60 min"),
        (["--until-back"], "you chose keep until you are back"),
        ([], "you chose keep"),
    ):
        line = station.say("reclaim", *words).stdout.splitlines()[-1]
        assert line.split("; ")[0] == f"not lending, because {told}"
    assert "lending" in station.say("lend", "--for", "1h").stdout
    assert station.say("lend", "--for", "9h").stdout.endswith("you chose lend for another 9 h\n")
    assert station.say("lend").stdout.endswith("you chose lend\n")


def test_an_answer_comes_after_what_it_led_to(station: Workstation) -> None:
    with AgentLink(station.folder / "run" / "farmhand" / "agent.sock") as link:
        now = round(time.time())
        for until_then in (now + 3600, now + 7200, None):
            link.ask(Choose("keep", until_then))
            assert (link.snapshot.wish, link.snapshot.wish_until) == ("keep", until_then)
        link.ask(Block("mallory"))
        assert link.snapshot.blocked == ("mallory",)
        link.ask(Block("mallory", on=False))
        assert link.snapshot.blocked == ()


def test_status_for_scripts(station: Workstation) -> None:
    station.say("lend")
    station.say("reclaim")
    shown = json.loads(station.say("status", "--json").stdout)
    assert (shown["state"], shown["reason"], shown["slots"], shown["jobs"]) == ("kept", "you chose keep", 0, [])
    assert shown["last_reclaim_ms"] > 0


def test_why_for_scripts_and_for_people(station: Workstation) -> None:
    station.say("reclaim")
    told = json.loads(station.say("why", "--json").stdout)
    (decided,) = (rule for rule in told["rules"] if rule["decided"])
    assert decided["name"] == "your choice: keep"
    assert set(decided) == {"name", "holds", "decided", "says", "value", "change"}
    assert "your choice: keep" in station.say("why").stdout


def test_until_back_survives_a_restart_and_ends_with_the_return(stage: Stage) -> None:
    station = stage.workstation("back", registry="", idle_after=2, warn_before=0)
    station.wait("lent")
    station.say("reclaim", "--until-back")
    assert "keep until you are back" in station.say("status").stdout
    station.stop()
    station.start()
    until(lambda: station.status()["rule"] == "your choice: keep", "the choice is remembered")
    until(lambda: station.status()["senses"], "the senses work")
    kept = json.loads((station.state / "agent.json").read_text())
    assert kept["wish"] == "keep"

    def returned() -> bool:
        stage.x.touch("mouse")
        return station.status()["wish"] == "auto"

    until(returned, "the touch ends the choice", every=2.5)
    station.wait("lent")
    kept = json.loads((station.state / "agent.json").read_text())
    assert (kept["wish"], kept["back"]) == ("auto", "not awaited")
    station.stop()


def test_a_keep_that_runs_out_is_followed_by_a_warning(stage: Stage) -> None:
    station = stage.workstation("warned", registry="", idle_after=1, warn_before=2)
    station.wait("lent")
    station.say("reclaim", "--for", "1s")
    shown = until(lambda: (now := station.status())["rule"] == "about to lend" and now, "the warning")
    assert 0 < shown["lends_at"] - time.time() < 2.5
    assert (shown["state"], shown["wish"]) == ("kept", "auto")
    station.wait("lent")
    station.stop()


def test_a_machine_whose_memory_is_damaged_is_kept_until_its_owner_chooses(stage: Stage) -> None:
    station = stage.workstation("forgetful", registry="", idle_after=1, dwell=0, lend="always")
    station.wait("lent")
    station.say("block", "mallory")
    station.say("reclaim")
    station.stop()
    memory = station.state / "agent.json"
    memory.write_bytes(whole := memory.read_bytes()[:-5])
    station.start()
    until(lambda: station.status()["rule"] == "your choice: keep", "the senses work")
    assert "agent.json was damaged" in station.say("status").stdout
    assert "choose anew" in station.say("doctor", check=False).stdout
    assert memory.with_suffix(".damaged").read_bytes() == whole
    station.say("reclaim")
    assert station.status()["trouble"] == "", "to choose what it was taken for is to choose, too"
    assert station.say("auto").returncode == 0
    station.wait("lent")
    station.stop()


def test_settings_are_taken_over_while_it_lends(station: Workstation) -> None:
    station.say("lend")
    box = station.status()["since"]
    done = station.say("settings", "set", "grace", "5")
    assert "grace = 5" in done.stdout
    assert "the agent has read its settings again" in done.stdout
    done = station.say("settings", "set", "queue_wait", "1")
    assert "counts after a restart of the agent: queue_wait" in done.stdout
    assert (station.status()["state"], station.status()["since"]) == ("lent", box)
    station.say("auto")
    station.say("settings", "set", "lend", "always")
    assert station.wait("lent")["rule"] == "always by setting"
    told = json.loads(station.say("settings", "--json").stdout)
    assert told["lend"] == {"value": "always", "from": str(station.folder / "config/farmhand/farmhand.toml")}
    assert told["idle_after"]["from"] == "FARMHAND_IDLE_AFTER"


def test_a_hangup_signal_reads_the_settings_again(station: Workstation) -> None:
    file = station.folder / "config" / "farmhand" / "farmhand.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('lend = "always"\n')
    assert station.process is not None
    station.process.send_signal(signal.SIGHUP)
    station.wait("lent")
    file.write_text("lend = 7\n")
    station.process.send_signal(signal.SIGHUP)
    until(lambda: "settings are left as they are" in station.log.read_text(), "the wrong file is told")
    assert station.status()["state"] == "lent"


def test_a_wrong_setting_is_refused_before_it_is_written(station: Workstation) -> None:
    done = station.say("settings", "set", "schedule", "whenever", check=False)
    assert done.returncode == 1
    assert "'whenever' is neither days such as mon-fri nor hours such as 18:00-08:00" in done.stderr
    assert station.say("settings", "check").stdout == "every value is allowed\n"
    told = station.say("settings", "explain", "schedule").stdout
    assert "allowed: days and hours" in told
    assert "a change counts: at once" in told


def test_what_was_recorded_is_reproduced(stage: Stage) -> None:
    station = stage.workstation("recorded", registry="", idle_after=2)
    station.wait("lent")
    stage.x.touch("mouse")
    station.wait("kept")
    station.wait("lent")
    station.stop()
    told = json.loads(station.say("replay", "--set", "lend=never", "--json").stdout)
    recorded, never = told["as recorded"], told["lend=never"]
    assert recorded["reproduced"] >= recorded["decisions"] - 1
    assert recorded["interruptions"] == 1
    assert recorded["reclaims"] == {"in use": 1, "ending": 1}
    assert recorded["lent"] > 0
    assert never["lent"] == 0
    assert "as recorded" in station.say("replay").stdout


# --- when something is missing ------------------------------------------------
@pytest.mark.parametrize("words", [["status"], ["lend"], ["reclaim"], ["auto"], ["why"]])
def test_without_an_agent_the_command_says_what_to_do(stage: Stage, tmp_path: Path, words: list[str]) -> None:
    done = Workstation(tmp_path, stage.environ).say(*words, check=False)
    assert done.returncode == 1
    assert done.stderr == "farmhand: no agent runs here; start one with `farmhand up` or `farmhand-agent`\n"


def test_without_a_registry_hosts_says_what_to_do(stage: Stage, tmp_path: Path) -> None:
    done = Workstation(tmp_path, stage.environ).say("hosts", check=False)
    assert (done.returncode, "no registry is set" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lend", "--for", "soon"], "is no span of time"),
        (["reclaim", "--for", "99999999999999h"], "is more than a year"),
        (["lend", "--for", "9999999d"], "is more than a year"),
        (["lend", "--for", ""], "is no span of time"),
        (["reclaim", "--until", ""], "is no time of day"),
        (["reclaim", "--until", "noon"], "is no time of day"),
        (["replay"], "nothing has been recorded here yet"),
        (["replay", "missing"], "cannot read missing"),
        (["replay", "--set", "colour=red"], "is no NAME=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    stage: Stage, tmp_path: Path, station: Workstation, words: list[str], told: str
) -> None:
    where = station if words[0] != "replay" else Workstation(tmp_path, stage.environ)
    done = where.say(*words, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["dance"], ["lend", "--for", "1h", "--until", "17:30"], ["reclaim", "--fast"]])
def test_a_wrong_command_line_has_status_2(stage: Stage, tmp_path: Path, words: list[str]) -> None:
    assert Workstation(tmp_path, stage.environ).say(*words, check=False).returncode == 2


# --- pipes --------------------------------------------------------------------
def test_nothing_is_coloured_in_a_pipe(station: Workstation) -> None:
    for words in (["status"], ["why"], ["settings"], ["doctor"]):
        assert "\x1b" not in station.say(*words, check=False).stdout


def test_a_reader_that_leaves_is_no_error(station: Workstation) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [BIN / "farmhand", "status"],
        env=station.environ,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_watching_ends_with_the_agent(station: Workstation) -> None:
    watching = subprocess.Popen([BIN / "farmhand", "status", "--watch"], env=station.environ, stdout=subprocess.PIPE)
    assert watching.stdout is not None
    assert b"not lending" in watching.stdout.readline()
    station.stop()
    rest, _ = watching.communicate(timeout=30)
    assert watching.returncode == 0
    assert rest == b"" or b"lending" in rest


# --- the farm -----------------------------------------------------------------
def test_hosts_for_scripts_and_for_people(stage: Stage) -> None:
    stage.open_registry()
    try:
        station = stage.workstation("lender", idle_after=1)
        shown = station.wait("lent")
        (host,) = json.loads(station.say("hosts", "--json").stdout)
        assert (host["name"], host["used"]) == ("lender", 0)
        assert host["slots"] in (1, 2), "as the load allows"
        assert f"{host['address']}:{host['port']}" == shown["gate"]
        assert "lender" in station.say("hosts").stdout
        station.say("reclaim")
        until(lambda: stage.hosts() == [], "the registry forgets it")
        assert "nobody lends to" in station.say("hosts").stdout
        station.stop()
    finally:
        stage.registry = ""


def test_up_brings_all_and_control_c_takes_all(stage: Stage, tmp_path: Path) -> None:
    home = Workstation(tmp_path, stage.environ, gate=f"127.0.0.1:{free_port()}", idle_after=FAR_AWAY)
    listen = f"127.0.0.1:{free_port()}"
    command = [BIN / "farmhand", "up", "--no-tray", "--listen", listen]
    up = subprocess.Popen(command, env=home.environ, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert up.stdout is not None
    assert listen in up.stdout.readline()
    assert "farmhand build make" in up.stdout.readline()
    until(home.status, "the agent answers")
    crew = below(up.pid)
    assert len(crew) >= 2
    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0
    up.stdout.close()
    until(lambda: not any(map(lives, crew)), "all have ended")
    assert list((tmp_path / "run" / "farmhand").glob("*.sock")) == []
