"""A real distccd, and connectors with stock distcc in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakes.driver_bench import BASE, SOURCE, Bench, MakeBench
from fakes.plain_distccd import plain_distccd

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.dispatch.racing import Usual
from farmhand.driver.connector import Connector
from farmhand.driver.gate_client import Patience
from farmhand.driver.local_compiler import LocalCompiler
from farmhand.driver.needs import Needs


@pytest.fixture(scope="session")
def distccd() -> Iterator[int]:
    """The port of a real distccd."""
    with plain_distccd() as port:
        yield port


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    """Makes a bench with the hosts given."""

    @asynccontextmanager
    async def make(
        *hosts: Host,
        here: int = 1,
        patience: Patience | None = None,
        limit: int = 1 << 29,
        needs: Needs | None = None,
        usual: Usual | None = None,
    ) -> AsyncIterator[Bench]:
        for name in ("state", "work"):
            (tmp_path / name).mkdir()
        (tmp_path / "a.c").write_text(SOURCE)
        dispatcher = Dispatcher(Here(here, 1), usual=usual or Usual())
        connector = Connector(dispatcher, LocalCompiler(tmp_path / "work", BASE), patience, limit=limit, needs=needs)
        port = await connector.start()
        connector.set_hosts(hosts)
        try:
            yield Bench(connector, dispatcher, tmp_path, port)
        finally:
            await connector.close()
            assert list((tmp_path / "work").iterdir()) == []

    return make
