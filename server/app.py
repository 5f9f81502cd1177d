"""Which routes are there? Builds the Bottle application out of the `routes_*` modules, and renders errors.

`gate.Gate` stands in front of it and has checked the token. Handlers take what they need from `Services`, return a
dict (JSON), bytes or a Bottle response, and raise ApiError or ArchiveError.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import bottle

from server import gate, routes_auth, routes_events, routes_masks, routes_series, routes_status
from server.errors import ApiError, status_of
from server.services import Services
from tracking.contracts.archive import ArchiveError

log = logging.getLogger("goobusters.app")


def make_app(services: Services) -> bottle.Bottle:
    """The application with all its routes."""
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
