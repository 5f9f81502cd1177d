"""Fixtures for the server's tests: a server in this process, without a port, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.assemble import Running, assemble
from server.settings import ServerSettings, load
from server.workers import JobFunction
from tests.helpers.wsgi import Caller


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
