"""Fixtures for the server's tests: a server in this process, without a port, with a clock that the test sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.assemble import Running, assemble
from server.auth import make_token
from server.records import Phase
from server.settings import ServerSettings, load
from server.workers import JobFunction
from tests.helpers.clips import rectangle, submission, uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.wsgi import Answer, Caller
from tracking.contracts.dataset import Export, Index, Series

KEY = uids(0)
PATH = "/".join(KEY)


def save(caller: Caller, previous: str | None, key: tuple[str, str] = KEY, *, frame: int = 1, **headers: str) -> Answer:
    """A save with one drawn frame, after version `previous`."""
    body = submission(key, previous, {frame: rectangle(10, 10, 40, 40)})
    return caller.post("/api/masks/" + "/".join(key), body, X_Previous_Version_ID=previous or "null", **headers)


def settle(caller: Caller, key: tuple[str, str] = KEY) -> Any:
    """The status of the last save's tracking, once that is over."""
    path = "/api/retrack/status/" + "/".join(key)
    return caller.wait_for(path, lambda status: status["status"] in ("RETRACK_DONE", "RETRACK_FAILED"))


class SetClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, **span: float) -> None:
        """Moves both clocks, such as advance(minutes=5)."""
        self.moment += timedelta(**span)
        self.seconds += timedelta(**span).total_seconds()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


TEST_SETTINGS = {"DATASET": "folder:clips", "AUTH": "none", "SERVER_PORT": "0", "RETRACK_WORKERS": "1"}


def settings_for(directory: Path, **changes: str) -> ServerSettings:
    """Settings of a server in `directory` over the clips in its clips/."""
    return load(directory, {**TEST_SETTINGS, **changes})


StartServer = Callable[..., tuple[Running, Caller]]


@pytest.fixture
def start_server(tmp_path: Path, clock: SetClock) -> Iterator[StartServer]:
    """start_server(function=…, **settings) → (running server without a port, caller), stopped after the test."""
    started: list[Running] = []

    def start(
        directory: Path = tmp_path, *, function: JobFunction | None = None, **changes: str
    ) -> tuple[Running, Caller]:
        options: dict[str, Any] = {"function": function} if function else {}
        running = assemble(settings_for(directory, **changes), directory, clock=clock, **options)
        started.append(running)
        running.start()
        return running, Caller(running.application)

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A directory with one series and its three versions, made once by a real server."""
    directory = tmp_path_factory.mktemp("prepared")
    write_dataset(directory / "clips", 1)
    versions: list[str] = []
    with ServerProcess(directory, DATASET="folder:clips", RETRACK_WORKERS="1") as server:
        server.wait_ready()
        for frame in range(3):
            previous = versions[-1] if versions else None
            body = submission(KEY, previous, {frame: rectangle(10, 10, 40, 40)})
            answer = server.post(f"/api/masks/{PATH}", data=body, headers={"X-Previous-Version-ID": previous or "null"})
            versions.append(answer.json()["version_id"])
            server.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
    return directory, versions


@pytest.fixture
def indexed(tmp_path: Path, clock: SetClock) -> Callable[..., tuple[Running, Caller]]:
    """indexed(count) → a server that knows so many series and never tracks them (their clips do not exist)."""

    def make(count: int, **changes: str) -> tuple[Running, Caller]:
        running = assemble(settings_for(tmp_path, **changes), tmp_path, clock=clock)
        series = [Series(*uids(number), tmp_path / "none.avi", number + 1) for number in range(count)]
        running.services.store.load()
        running.services.store.index(Index(series, Export(), [], "1"))
        running.services.status.begin(Phase.TRACKING)
        return running, Caller(running.application)

    return make


@pytest.fixture(scope="module")
def live(
    tmp_path_factory: pytest.TempPathFactory, prepared: tuple[Path, list[str]]
) -> Iterator[tuple[ServerProcess, str]]:
    """A real server over a copy of the prepared directory with AUTH=tokens, and a good Authorization header."""
    directory = tmp_path_factory.mktemp("live")
    shutil.copytree(prepared[0], directory, dirs_exist_ok=True)
    token = make_token(directory / "tokens.json", "ann@example.org")
    with ServerProcess(directory, DATASET="folder:clips", AUTH="tokens", RETRACK_WORKERS="1", code=QUICK) as server:
        server.headers["Authorization"] = f"Bearer {token}"
        server.wait_ready()
        yield server, f"Bearer {token}"


QUICK = """
import sys
from server import http_server, limits
http_server.HEADER_SECONDS = 1.0
http_server.REQUEST_SECONDS = 2.0
limits.CALLER_RATE = limits.CALLER_BURST = 1e6
from server.__main__ import main
if __name__ == "__main__":
    sys.exit(main([]))
"""
"""The server with short deadlines and without a limit on requests, so that tests need not wait."""
