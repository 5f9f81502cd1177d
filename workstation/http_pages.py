"""The page itself, settings, news and plugins' files: every route that is not about one series."""

from __future__ import annotations

import importlib.resources
import json
import mimetypes
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import bottle

from workstation.errors import CoreError
from workstation.events import Event, Subscription

if TYPE_CHECKING:
    from workstation.core import Core

_HEARTBEAT = 5.0
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
_SERVED = (*_TYPES, ".png", ".webp", ".ico", ".woff2", ".txt", ".webmanifest")


def add_routes(app: bottle.Bottle, core: Core) -> None:
    """Adds this module's routes."""

    @app.get("/viewer/<path:path>")  # type: ignore[untyped-decorator]
    def viewer(path: str) -> Any:
        return viewer_file(path)

    @app.get("/plugins/<name>/<path:path>")  # type: ignore[untyped-decorator]
    def plugin_file(name: str, path: str) -> Any:
        for module in core.plugins.all("viewer_modules", core=core):
            if module.name == name:
                return _file(module.directory, path)
        raise CoreError("NOT_FOUND", "There is no such plugin.", 404)

    @app.get("/api/session")  # type: ignore[untyped-decorator]
    def session() -> dict[str, Any]:
        return core.session_json()

    @app.get("/api/settings")  # type: ignore[untyped-decorator]
    def get_settings() -> dict[str, Any]:
        return core.store.public()

    @app.put("/api/settings")  # type: ignore[untyped-decorator]
    def put_settings() -> dict[str, Any]:
        return core.update_settings(read_json())

    @app.post("/api/refresh")  # type: ignore[untyped-decorator]
    def refresh() -> dict[str, Any]:
        core.session.refresh()
        return {}

    @app.post("/api/cache/purge")  # type: ignore[untyped-decorator]
    def purge() -> dict[str, Any]:
        body = read_json()
        key = (str(body.get("study_uid")), str(body.get("series_uid"))) if body else None
        return core.session.purge(key)

    @app.get("/api/events")  # type: ignore[untyped-decorator]
    def events() -> Iterator[bytes]:
        last = bottle.request.get_header("Last-Event-ID", "")
        bottle.response.content_type = "text/event-stream"
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else None
        return _stream(core, *core.events.subscribe(after))


def _stream(core: Core, subscription: Subscription, missed: list[Event] | None) -> Iterator[bytes]:
    try:
        yield b"retry: 1000\n\n"
        if missed is None:  # new here, or too long away: everything as it is now
            yield _event("session", core.session_json())
            for series in core.session.list_local():
                yield _event("series", series)
        for event in missed or ():
            yield _event(event.kind, event.data, event.number)
        while not core.events.is_closed and not subscription.is_lost:
            news = subscription.get(_HEARTBEAT)
            yield b": still here\n\n" if news is None else _event(news.kind, news.data, news.number)
    finally:
        core.events.unsubscribe(subscription)


def _event(kind: str, data: dict[str, Any], number: int | None = None) -> bytes:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def read_json() -> dict[str, Any]:
    """The request's JSON object; {} for an empty body. Raises CoreError REQUEST_INVALID."""
    try:
        value = json.loads(bottle.request.body.read() or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CoreError("REQUEST_INVALID", "The request is not readable JSON.") from error
    if not isinstance(value, dict):
        raise CoreError("REQUEST_INVALID", "The request is not a JSON object.")
    return value


def _refuse_constant(name: str) -> float:
    """NaN and Infinity are no JSON, and could not be written down again."""
    raise ValueError(name)


def viewer_file(path: str) -> Any:
    """A static file of web_viewer/, which this package knows by name only. Raises CoreError NOT_FOUND."""
    return _file(importlib.resources.files("web_viewer"), path)


def _file(root: Any, path: str) -> Any:
    parts = PurePosixPath(path).parts
    suffix = PurePosixPath(path).suffix.lower()
    if not parts or any(part in ("..", "/") or part.startswith(".") or "\\" in part for part in parts):
        raise CoreError("NOT_FOUND", "There is no such file.", 404)
    if suffix not in _SERVED:
        raise CoreError("NOT_FOUND", "There is no such file.", 404)
    try:
        data = root.joinpath(*parts).read_bytes()
    except (OSError, ValueError) as error:
        raise CoreError("NOT_FOUND", "There is no such file.", 404) from error
    kind = _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return bottle.HTTPResponse(data, 200, {"Content-Type": kind + charset, "Cache-Control": "no-cache"})
