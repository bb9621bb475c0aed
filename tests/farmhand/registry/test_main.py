from __future__ import annotations

import signal
import socket
import sqlite3
import time
from pathlib import Path

import pytest
from fakes.registry_program import KEY, RegistryProgram, a_beat, running_registry
from fakes.waiting import until

from farmhand import __version__
from farmhand.links.registry import RegistryLink
from farmhand.registry.main import main
from farmhand.wire.farm import FarmChanged, GrantAsk, HostLeave, Order


def exit_status(*arguments: str, environment: dict[str, str] | None = None) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments, environment or {})
    return ended.value.code


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("--version") == 0
    assert capsys.readouterr().out == f"farmhand-registry {__version__}\n"


def test_its_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("--help") == 0
    told = capsys.readouterr().out
    assert "farmhand-registry --listen 10.1.0.1:3680" in told
    assert "127.0.0.1:3680" in told


@pytest.mark.parametrize("listen", ["3680", "nowhere", "127.0.0.1:99999", "::1:3680", "a b:1"])
def test_a_wrong_address_is_a_wrong_option(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status("--listen", listen) == 2
    assert f"cannot listen on {listen!r}" in capsys.readouterr().err


def test_the_environment_counts_and_options_come_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(environment={"FARMHAND_LISTEN": "wrong"}) == 2
    assert "cannot listen on 'wrong'" in capsys.readouterr().err
    assert exit_status("--listen", "bad", environment={"FARMHAND_LISTEN": "wrong"}) == 2
    assert "cannot listen on 'bad'" in capsys.readouterr().err


def test_a_port_in_use_is_one_line_that_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--listen", f"127.0.0.1:{port}"], {}) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"farmhand-registry: 127.0.0.1:{port} is in use")
    assert "--listen" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("listen", ["192.0.2.1:0", "no-such-host.invalid:0"])
def test_an_address_of_another_machine_is_one_line_too(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listen", listen], {}) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"farmhand-registry: cannot listen on {listen}: ")
    assert told.count("\n") == 1


def test_a_state_folder_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--listen", "127.0.0.1:0", "--state", str(tmp_path / "file")], {}) == 1
    assert "cannot keep its state" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_even_with_open_streams(number: signal.Signals) -> None:
    with running_registry() as program:
        links = [RegistryLink(program.url) for _ in range(3)]
        streams = [link.changes() for link in links]
        assert [next(stream) for stream in streams] == [FarmChanged("host")] * 3
        program.process.send_signal(number)
        assert program.process.wait(timeout=30) == 0
        assert program.process.stderr is not None
        assert program.process.stderr.read() == "", "no stream had to be cut"
        for link in links:
            link.close()


def test_it_listens_on_ipv6_too() -> None:
    program = RegistryProgram("[::1]:0")
    link = RegistryLink(program.url)
    link.beat("six", a_beat())
    assert [host.address for host in link.hosts()] == ["::1"]
    link.close()
    assert program.stop() == 0


def test_on_all_addresses_an_ipv4_peer_is_known_by_its_ipv4_address() -> None:
    program = RegistryProgram("[::]:0")
    link = RegistryLink(f"http://127.0.0.1:{program.port}")
    link.beat("four", a_beat())
    assert [host.address for host in link.hosts()] == ["127.0.0.1"]
    link.close()
    assert program.stop() == 0


def test_the_audit_is_on_disk_when_it_has_ended(tmp_path: Path) -> None:
    with running_registry(tmp_path) as program:
        link = RegistryLink(program.url)
        link.beat("desk", a_beat())
        link.leave("desk", HostLeave(Order(1, 2, 2), KEY))
        link.close()
    database = sqlite3.connect(tmp_path / "audit.sqlite3")
    assert database.execute("SELECT what, name FROM audit").fetchall() == [("host came", "desk"), ("host left", "desk")]
    database.close()


def test_a_silent_host_is_gone_from_the_list_and_everybody_hears() -> None:
    with running_registry() as program:
        link = RegistryLink(program.url)
        link.beat("silent", a_beat())
        link.ask(GrantAsk("ann", "kernel", "me", want=4))
        begun = time.monotonic()
        ttl = link.beat("silent", a_beat(2)).ttl
        assert ttl == 6, "as long as builds use it"
        stream = link.changes()
        assert [next(stream), next(stream)] == [FarmChanged("host"), FarmChanged("share")]
        assert next(stream) == FarmChanged("host", "silent")
        assert ttl - 0.1 < time.monotonic() - begun < 2 * ttl
        until(lambda: link.hosts() == ())
        link.close()


def test_a_reader_that_takes_nothing_is_cut_off_and_blocks_nobody() -> None:
    with running_registry() as program:
        stalled = socket.create_connection(("127.0.0.1", program.port))
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /api/v1/changes HTTP/1.1\r\nHost: a\r\n\r\n")
        link = RegistryLink(program.url)

        def is_cut_off() -> bool:
            for number in range(200):
                is_cut_off.seq += 1
                link.beat(f"h{number}-{'x' * 200}", a_beat(is_cut_off.seq, slots=is_cut_off.seq % 7))
            with open(f"/proc/{program.process.pid}/net/tcp") as table:
                local = f":{program.port:04X}"
                peer = f":{stalled.getsockname()[1]:04X}"
                return not any(
                    line.split()[1].endswith(local) and line.split()[2].endswith(peer) for line in list(table)[1:]
                )

        is_cut_off.seq = 0
        until(is_cut_off, within=60)
        assert link.beat("honest", a_beat()).ttl > 0
        link.close()
        stalled.close()
