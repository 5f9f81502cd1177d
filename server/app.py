"""Which routes are there? Builds the Bottle application out of the `routes_*` modules, and renders errors.

`gate.Gate` stands in front of it and has checked the token. Handlers take what they need from `Services`, return a
dict (JSON), bytes or a Bottle response, and raise ApiError or ArchiveError.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bottle

from server import gate
from server.clock import Clock
from server.errors import ApiError, status_of
from server.events import Events
from server.jobs import Jobs
from server.metrics import Metrics
from server.records import SeriesEntry
from server.settings import ServerSettings
from server.status import Status
from server.store import Store
from tracking.contracts.archive import ArchiveError

log = logging.getLogger("goobusters.app")

MAX_EDITOR = 254


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


def make_app(services: Services) -> bottle.Bottle:
    """The application with all its routes."""
    from server import routes_auth, routes_events, routes_masks, routes_series, routes_status

    app = bottle.Bottle()
    app.default_error_handler = _render_bottle_error
    app.install(_NoteRoute())
    app.install(_render_errors)
    for module in (routes_status, routes_auth, routes_series, routes_masks, routes_events):
        module.add(app, services)
    return app


class _NoteRoute:
    """Puts the route's rule into the request, for log and metrics: a path would name a series."""

    name = "note_route"
    api = 2

    def apply(self, callback: Callable[..., Any], route: bottle.Route) -> Callable[..., Any]:
        def noting(**arguments: str) -> Any:
            bottle.request.environ[gate.ROUTE] = route.rule
            return callback(**arguments)

        return noting


def _render_errors(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Turns the errors that handlers raise on purpose into answers."""

    def rendering(**arguments: str) -> Any:
        try:
            return callback(**arguments)
        except ApiError as error:
            return _response(error)
        except ArchiveError as error:
            return _response(ApiError(error.code, error.message))
        except OSError as error:
            log.exception("storage_failed", extra={"reason": error.strerror})
            return _response(ApiError("STORAGE_FAILED", f"The server's disk refused: {error.strerror}."))

    return rendering


def _response(error: ApiError) -> bottle.HTTPResponse:
    request_id = bottle.request.environ[gate.REQUEST_ID]
    body = json.dumps(gate.error_body(error, request_id))
    return bottle.HTTPResponse(body, status_of(error.code), **{"Content-Type": "application/json", **error.headers})


def _render_bottle_error(error: bottle.HTTPError) -> str:
    """What Bottle finds itself: no such route, a method that a route has not, a crash in a handler."""
    known = {
        404: ("NOT_FOUND", "There is no such address."),
        405: ("METHOD_NOT_ALLOWED", "The address has no such method."),
    }
    code, message = known.get(error.status_code, ("REQUEST_INVALID", "The request is not valid."))
    if error.status_code >= 500:
        code, message = "INTERNAL_ERROR", "The server failed at this request; its log says more."
        exc_info = (type(error.exception), error.exception, error.exception.__traceback__) if error.exception else None
        log.error("request_crashed", exc_info=exc_info, extra={"request_id": bottle.request.environ[gate.REQUEST_ID]})
    bottle.response.content_type = "application/json"
    return json.dumps(gate.error_body(ApiError(code, message), bottle.request.environ[gate.REQUEST_ID]))


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
    editor = named or check_editor(bottle.request.get_header("X-Editor", ""))
    bottle.request.environ[gate.EDITOR] = editor
    return editor


def check_editor(text: str) -> str | None:
    """A name that may be stored, or None for an empty one. Raises ApiError EDITOR_INVALID."""
    try:
        text = text.encode("latin-1").decode("utf-8").strip()  # WSGI hands headers over as latin-1
    except UnicodeError:
        text = text.strip()
    if len(text) > MAX_EDITOR or not text.isprintable():
        raise ApiError("EDITOR_INVALID", "The editor is not a usable name.")
    return text or None
