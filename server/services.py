"""What do routes work with, and what do they find out about a request first? Made by `assemble`, used by all routes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bottle

from server import gate
from server.clock import Clock
from server.errors import ApiError
from server.events import Events
from server.identity import check_editor
from server.jobs import Jobs
from server.metrics import Metrics
from server.records import SeriesEntry
from server.settings import ServerSettings
from server.status import Status
from server.store import Store


@dataclass(frozen=True)
class Services:
    """Everything that the routes use; made once by `assemble`.

    `announce` tells live clients how a series looks now; setting `sync_wanted` lets `dataset_sync` begin.
    """

    settings: ServerSettings
    clock: Clock
    store: Store
    jobs: Jobs
    events: Events
    metrics: Metrics
    status: Status
    announce: Callable[[SeriesEntry], None]
    sync_wanted: threading.Event

    def render_status(self) -> dict[str, Any]:
        return self.status.render(self.store, self.jobs)


def find_series(services: Services, study: str, series: str) -> SeriesEntry:
    """The series that an address names. Raises ApiError, also SERVER_STARTING while nothing is loaded yet."""
    check_loaded(services)
    entry = services.store.get(study, series)
    bottle.request.environ[gate.SERIES] = entry.key
    return entry


def check_loaded(services: Services) -> None:
    """Raises ApiError SERVER_STARTING while the series of earlier runs are not read yet."""
    if not services.status.is_loaded:
        raise ApiError(
            "SERVER_STARTING", "The server is starting; ask again in a moment.", headers={"Retry-After": "1"}
        )


def find_editor() -> str | None:
    """Who is calling: the person the token names, otherwise header X-Editor. Raises ApiError EDITOR_INVALID."""
    named = bottle.request.environ[gate.IDENTITY].editor
    editor = named or check_editor(read_header("X-Editor"))
    bottle.request.environ[gate.EDITOR] = editor
    return editor


def read_header(name: str) -> str:
    """A header's text, "" without one; what is not UTF-8 in it is replaced. WSGI hands headers over as latin-1."""
    raw: str = bottle.request.headers.raw(name, "")
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")
