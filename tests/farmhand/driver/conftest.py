"""A real distccd, launchers, and connectors with real compilers behind them."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes.built_project import Project
from fakes.driver_bench import BASE, SOURCE, Bench, MakeBench
from fakes.plain_distccd import plain_distccd
from fakes.scripted_driver import LauncherBench

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.dispatch.racing import Usual
from farmhand.driver.compilers import Compilers
from farmhand.driver.connector import Connector
from farmhand.driver.gate_client import Patience
from farmhand.driver.launchers import SOURCE as LAUNCHER_SOURCE
from farmhand.driver.launchers import Launchers, prepare


@pytest.fixture(scope="session")
def distccd() -> Iterator[int]:
    """The port of a real distccd."""
    with plain_distccd() as port:
        yield port


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's folders, shared by all tests: launchers are compiled and compilers are looked at once."""
    made = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(made / name.lower()))
        yield made


@pytest.fixture(scope="session")
def launchers(folders: Path) -> Launchers:
    """The launcher and its names for the distribution's compilers."""
    return prepare(BASE["PATH"])


@pytest.fixture
def bench(tmp_path: Path, launchers: Launchers) -> MakeBench:
    """Makes a bench with the hosts given."""

    @asynccontextmanager
    async def make(
        *hosts: Host,
        here: int = 1,
        patience: Patience | None = None,
        limit: int = 1 << 29,
        compilers: Compilers | None = None,
        usual: Usual | None = None,
    ) -> AsyncIterator[Bench]:
        project, session = tmp_path / "project", tmp_path / "farmhand-build-test"
        project.mkdir()
        session.mkdir(mode=0o700)
        (project / "a.c").write_text(SOURCE)
        dispatcher = Dispatcher(Here(here, 1), usual=usual or Usual())
        known = compilers or Compilers(BASE["PATH"])
        connector = Connector(dispatcher, session, known, patience, limit=limit)
        await connector.start()
        connector.set_hosts(hosts)
        try:
            yield Bench(connector, dispatcher, project, session, launchers)
        finally:
            await connector.close()
            if session.exists():
                assert [path.name for path in session.iterdir()] == ["socket"]

    return make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three files to build, on a farm without hosts so far."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def sanitized_launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher with checks for memory and undefined behaviour."""
    made = tmp_path_factory.mktemp("launcher") / "farmhand-launcher"
    checks = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", *checks, "-o", made, LAUNCHER_SOURCE], check=True)
    return made


@pytest.fixture
def launcher(sanitized_launcher: Path, tmp_path: Path) -> LauncherBench:
    """A launcher in front of compilers of one's own."""
    return LauncherBench(sanitized_launcher, tmp_path)
