from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.registry_program import RegistryProgram, running_registry


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProgram]:
    state: Path = tmp_path_factory.mktemp("state")
    with running_registry(state) as running:
        yield running
