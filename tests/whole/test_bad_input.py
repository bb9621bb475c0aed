"""Bad input, through the real programs: each is refused in one line that says what, where and what is allowed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fakes.registry_program import Stranger

from tests.fakes.waiting import TooLate, until
from tests.whole.stage import BIN, Stage


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with folders of its own and no settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FARMHAND_", "XDG_", "DISTCC"))}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        kept.pop(name, None)
    folders = {"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}
    for folder in folders.values():
        (tmp_path / folder).mkdir(mode=0o700)
    return {**kept, **{name: str(tmp_path / folder) for name, folder in folders.items()}}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as one:
        yield one


def run(environ: Mapping[str, str], program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / program, *words], env=environ, capture_output=True, text=True, check=False, timeout=60)


def one_line(done: subprocess.CompletedProcess[str], program: str) -> str:
    """What a program said to its user: one line, no traceback."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"{program}: ")
    return lines[0]


# --- settings ---------------------------------------------------------------
WRONG = [
    ("idle_after", "soon", "a number of seconds from 1 to 86400"),
    ("idle_after", "-5", "a number of seconds from 1 to 86400"),
    ("idle_after", "nan", "a number of seconds from 1 to 86400"),
    ("lend", "perhaps", "auto, always or never"),
    ("slots", "513", "a whole number from 0 to 512"),
    ("slots", "2.5", "a whole number from 0 to 512"),
    ("name", "anna desk", "letters, digits, dots and hyphens"),
    ("name", "anna@desk", "letters, digits, dots and hyphens"),
    ("name", "desk\nroot@db:reboot", "letters, digits, dots and hyphens"),
    ("name", "-oProxyCommand=x", "letters, digits, dots and hyphens"),
    ("registry", "hub:3680", "an http:// or https:// URL"),
    ("registry", "http://user:secret@hub", "an http:// or https:// URL"),
    ("gate", "0.0.0.0", "ADDR:PORT, such as 0.0.0.0:3632"),
    ("gate", "127.0.0.1:99999", "ADDR:PORT, such as 0.0.0.0:3632"),
    ("allow", "10.0.0.0/8,everybody", "IP addresses or networks such as 10.1.0.0/16"),
    ("toolchains", "opt/cross", "absolute paths"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_variable_names_itself_its_value_and_what_is_allowed(
    home: dict[str, str], name: str, value: str, allowed: str
) -> None:
    variable = f"FARMHAND_{name.upper()}"
    done = run({**home, variable: value}, "farmhand-agent")
    told = one_line(done, "farmhand-agent")
    assert done.returncode == 1
    for part in (f"the environment variable {variable}", f"sets {name} to", repr(value), f"allowed: {allowed}"):
        assert part in told


def test_a_wrong_flag_names_itself(home: dict[str, str]) -> None:
    done = run(home, "farmhand-agent", "--idle-after", "soon")
    assert done.returncode == 1
    assert "--idle-after sets idle_after to 'soon'" in one_line(done, "farmhand-agent")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("idle_after = 'soon'", "the settings file sets idle_after to 'soon'"),
        ("idle_after = true", "the settings file sets idle_after to True"),
        ("idel_after = 5", "names 'idel_after', which is no setting; known are: "),
        ("idle_after = ", "is not valid TOML"),
        ("[lend]\nx = 1", "the settings file sets lend to"),
    ],
)
def test_a_wrong_file_names_what_is_wrong_in_it(home: dict[str, str], text: str, told: str) -> None:
    file = Path(home["XDG_CONFIG_HOME"], "farmhand", "farmhand.toml")
    file.parent.mkdir()
    file.write_text(text)
    done = run(home, "farmhand-agent")
    assert done.returncode == 1
    assert told in one_line(done, "farmhand-agent")


def test_a_file_that_is_no_text_is_told(home: dict[str, str]) -> None:
    file = Path(home["XDG_CONFIG_HOME"], "farmhand", "farmhand.toml")
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe\x00")
    done = run(home, "farmhand-agent")
    assert done.returncode == 1
    assert "farmhand.toml" in one_line(done, "farmhand-agent") or "settings file" in done.stderr


def test_a_host_name_that_no_host_list_can_hold_asks_for_another(home: dict[str, str]) -> None:
    """Where the machine itself is called so, and nothing else is set."""
    rename = "import os, socket, sys; socket.sethostname('my desk@home'); os.execv(sys.argv[1], sys.argv[1:])"
    command = ["unshare", "--uts", "/usr/bin/python3", "-c", rename, str(BIN / "farmhand-agent")]
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=False, timeout=60)
    if "not permitted" in done.stderr:
        pytest.skip("only root may rename this machine")
    assert done.returncode == 1
    assert "this machine's name 'my desk@home' cannot stand in a host list; choose one with --name" in done.stderr


# --- command lines ----------------------------------------------------------
def test_a_build_without_a_command_shows_an_example(home: dict[str, str]) -> None:
    done = run(home, "farmhand", "build")
    assert done.returncode == 2
    assert "farmhand build make" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["dance"], ["hosts", "--registry", "ftp://hub"]])
def test_a_wrong_command_line_is_no_traceback(home: dict[str, str], words: list[str]) -> None:
    done = run(home, "farmhand", *words)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert words[-1] in done.stderr


def test_without_an_agent_its_commands_say_how_to_start_one(home: dict[str, str]) -> None:
    done = run(home, "farmhand", "status")
    assert done.returncode != 0
    assert "farmhand up" in done.stdout + done.stderr


# --- what others occupy -----------------------------------------------------
def test_a_second_agent_is_told_which_process_is_the_first(stage: Stage) -> None:
    station = stage.workstation("desk")
    assert station.process is not None
    done = run(station.environ, "farmhand-agent")
    assert done.returncode == 1
    told = one_line(done, "farmhand-agent")
    assert f"an agent already runs here (process {station.process.pid})" in told
    assert station.status()["name"] == "desk", "the first is not disturbed"


def test_a_gate_port_in_use_is_shown_and_mends_itself(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        station = stage.workstation("desk", gate=f"127.0.0.1:{port}", lend="always")
        shown = station.wait("resting")
        assert f"another program uses 127.0.0.1:{port}; set `gate` to a free port" in shown["trouble"]
        assert station.say("status", check=False).stdout.count(str(port)) >= 1


def test_a_registry_that_answers_rubbish_is_shown_and_the_machine_serves_on(stage: Stage) -> None:
    with Stranger(200, "text/html", b"<html>It works!</html>") as stranger:
        station = stage.workstation("desk", registry=stranger.url, lend="always")
        try:
            shown = until(lambda: (one := station.status()).get("registry_trouble") and one, "the trouble is shown")
        except TooLate as late:
            raise AssertionError(f"{late}: {station.status()}") from None
    assert shown["state"] == "joining"
    assert f"what answers at {stranger.url} does not look like a Farmhand registry" in shown["registry_trouble"]
    assert shown["gate"]
