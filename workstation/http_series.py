"""Routes about series: lists, opening, frames, masks, history, and what is passed on to the server."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import bottle

from workstation.errors import CoreError
from workstation.http_pages import read_json
from workstation.opening import history_masks
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core

SERIES = "<study:re:[0-9.]+>/<series:re:[0-9.]+>"
"""The part of a route that names a series."""


def add_routes(app: bottle.Bottle, core: Core) -> None:
    """Adds this module's routes."""
    _add_series(app, core)
    _add_pictures(app, core)
    _add_history(app, core)


def _add_series(app: bottle.Bottle, core: Core) -> None:
    @app.get("/api/series")  # type: ignore[untyped-decorator]
    def list_series() -> dict[str, Any]:
        return {"series": core.session.list_local()}

    @app.post("/api/series/next")  # type: ignore[untyped-decorator]
    def next_series() -> dict[str, Any]:
        body = read_json()
        is_named = isinstance(body.get("study_uid"), str) and isinstance(body.get("series_uid"), str)
        return core.session.next((body["study_uid"], body["series_uid"]) if is_named else None)

    @app.get(f"/api/series/{SERIES}")  # type: ignore[untyped-decorator]
    def get_series(study: str, series: str) -> dict[str, Any]:
        return core.session.model((study, series)).to_json()

    @app.post(f"/api/series/{SERIES}/open")  # type: ignore[untyped-decorator]
    def open_series(study: str, series: str) -> dict[str, Any]:
        model = core.session.open((study, series))
        bottle.response.status = 202
        return model.to_json()

    @app.post(f"/api/series/{SERIES}/cancel")  # type: ignore[untyped-decorator]
    def cancel(study: str, series: str) -> dict[str, Any]:
        return core.session.cancel((study, series)).to_json()

    @app.post(f"/api/series/{SERIES}/<action:re:complete|reopen>")  # type: ignore[untyped-decorator]
    def mark(study: str, series: str, action: str) -> dict[str, Any]:
        core.session.update_remote(_without_history(core.server.post_series((study, series), action)))
        return core.session.model((study, series)).to_json()

    @app.post(f"/api/series/{SERIES}/activity")  # type: ignore[untyped-decorator]
    def activity(study: str, series: str) -> dict[str, Any]:
        return core.server.post_series((study, series), "activity")


def _without_history(remote: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in remote.items() if name != "history"}


def _add_pictures(app: bottle.Bottle, core: Core) -> None:
    @app.get(f"/api/frames/{SERIES}/<number:int>")  # type: ignore[untyped-decorator]
    def frame(study: str, series: str, number: int) -> Any:
        key: SeriesKey = (study, series)
        model = core.session.model(key)
        if model.manifest is None or not 0 <= number < model.manifest.frame_count:
            raise CoreError("NOT_FOUND", "This frame is not on this machine.", 404)
        headers = {"Content-Type": "image/png"}
        if bottle.request.query.get("digest") == model.manifest.digest:
            headers["Cache-Control"] = "private, max-age=86400, immutable"
        return bottle.HTTPResponse(core.cache.series(key).frame(number), 200, headers)

    @app.get(f"/api/masks/{SERIES}")  # type: ignore[untyped-decorator]
    def masks(study: str, series: str) -> dict[str, Any]:
        found = core.session.edited((study, series)).masks
        if found is None:
            raise CoreError("NOT_OPEN", "This series is not open.", 409)
        return found.metadata

    @app.get(f"/api/masks/{SERIES}/<filename>")  # type: ignore[untyped-decorator]
    def mask(study: str, series: str, filename: str) -> Any:
        model = core.session.edited((study, series))
        version = bottle.request.query.get("version")
        found = model.masks
        if found is None or version not in (None, "", "null", found.version_id):
            found = history_masks(core, model, str(version))
        return webp_answer(found.read(filename))


def webp_answer(data: bytes) -> Any:
    """A mask, or 304 when the page has just this one."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if bottle.request.get_header("If-None-Match") == tag:
        return bottle.HTTPResponse(status=304, headers=headers)
    return bottle.HTTPResponse(data, 200, {**headers, "Content-Type": "image/webp"})


def _add_history(app: bottle.Bottle, core: Core) -> None:
    @app.get(f"/api/series/{SERIES}/history")  # type: ignore[untyped-decorator]
    def history(study: str, series: str) -> dict[str, Any]:
        return {"history": core.server.series((study, series)).get("history") or []}

    @app.get(f"/api/history/{SERIES}/<version>")  # type: ignore[untyped-decorator]
    def version_metadata(study: str, series: str, version: str) -> dict[str, Any]:
        return history_masks(core, core.session.model((study, series)), version).metadata

    @app.get(f"/api/history/{SERIES}/<version>/<filename>")  # type: ignore[untyped-decorator]
    def version_mask(study: str, series: str, version: str, filename: str) -> Any:
        return webp_answer(history_masks(core, core.session.model((study, series)), version).read(filename))

    @app.post(f"/api/series/{SERIES}/restore")  # type: ignore[untyped-decorator]
    def restore(study: str, series: str) -> dict[str, Any]:
        version = read_json().get("version_id")
        if not isinstance(version, str) or not version:
            raise CoreError("REQUEST_INVALID", "No version was named.")
        core.session.restore((study, series), version)
        bottle.response.status = 202
        return core.session.model((study, series)).to_json()
