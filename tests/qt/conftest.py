"""Real windows without a screen: a server, a data set and a started backend for each test of the Qt shell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before the first import of Qt: no screen, software rendering, and as root no sandbox.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--ignore-gpu-blocklist --disable-gpu-compositing")
if hasattr(os, "geteuid") and os.geteuid() == 0:
    os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")

from tests.helpers.clips import uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Key
from workstation.backend import Backend
from workstation.settings import SettingsStore

KEY: Key = uids(0)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    """A server and the folder of clips that it tracks."""
    directory = tmp_path_factory.mktemp("qt")
    write_dataset(directory / "clips", 1, width=320, height=240)
    with ServerProcess(directory, DATASET=f"folder:{directory / 'clips'}") as server:
        server.wait_ready()
        yield server, directory / "clips"


@pytest.fixture
def environment(served: tuple[ServerProcess, Path], tmp_path: Path) -> dict[str, str]:
    """The settings of a workstation of its own."""
    server, clips = served
    return {
        "DATASET": f"folder:{clips}",
        "SERVER_URL": server.address,
        "USER_EMAIL": "ann@example.org",
        "MDAI_TOKEN": "a token, so that nobody's keyring is asked",
        "VIDEO_CACHE_PATH": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


@pytest.fixture
def make_backend(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], Backend]]:
    """Started backends; what a test leaves running is stopped."""
    made: list[Backend] = []

    def make() -> Backend:
        backend = Backend(SettingsStore(tmp_path, tmp_path / "user", environment))
        backend.start()
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.stop()
