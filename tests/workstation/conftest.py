"""Fixtures for the workstation's tests: a real server beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.clips import write_dataset
from tests.helpers.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with two series, for all tests of a module; their clips lie in its `clips`."""
    directory = tmp_path_factory.mktemp("server")
    write_dataset(directory / "clips", 2)
    with ServerProcess(directory, DATASET=f"folder:{directory / 'clips'}") as server:
        server.wait_ready()
        yield server
