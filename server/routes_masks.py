"""Masks out, masks in: archives, saves, restores and the tracking that follows. Added by `server.app`."""

from __future__ import annotations

from typing import Any

import bottle

from server import production, saving
from server.errors import ApiError
from server.limits import MAX_ARCHIVE, MAX_JSON, read_body
from server.records import Progress, RetrackStatus, SeriesEntry, TrackingStatus, render_job
from server.routes_series import read_object
from server.services import Services, find_editor, find_series, read_header

ARCHIVE_TYPE = "application/gzip"
_MASKS = "/api/masks/<study>/<series>"


def add(app: bottle.Bottle, services: Services) -> None:
    @app.get(_MASKS)
    def get_masks(study: str, series: str) -> Any:
        entry = find_series(services, study, series)
        version_id = bottle.request.query.get("version")
        if version_id:
            data = saving.serve_version(entry, version_id)
            return bottle.HTTPResponse(data, 200, **{"Content-Type": ARCHIVE_TYPE, "X-Version-ID": version_id})
        services.jobs.hurry(entry)
        return _serve(entry)

    @app.post(_MASKS)
    def post_masks(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        editor = find_editor()
        body = read_body(bottle.request.environ, MAX_ARCHIVE)
        return saving.save(services, entry, body, _previous(read_header("X-Previous-Version-ID")), editor)

    @app.post("/api/series/<study>/<series>/restore")
    def restore(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        editor = find_editor()
        value = read_object(read_body(bottle.request.environ, MAX_JSON))
        version_id, previous = value.get("version_id"), value.get("previous_version_id")
        if not isinstance(version_id, str) or not isinstance(previous, str | None):
            raise ApiError("REQUEST_INVALID", "version_id and previous_version_id are needed.")
        return saving.restore(services, entry, version_id, previous, editor)

    @app.get("/api/retrack/status/<study>/<series>")
    def retrack_status(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        with entry.lock:
            total = entry.frame_count or 0
            return render_job(entry.job or Progress(RetrackStatus.DONE, entry.version_id, total, total))

    @app.post("/api/retrack/<study>/<series>")
    def retrack(study: str, series: str) -> dict[str, Any]:
        return saving.retrack(services, find_series(services, study, series))


def _serve(entry: SeriesEntry) -> Any:
    """The masks that are served now, or why there are none yet."""
    with entry.lock:
        if entry.tracking is TrackingStatus.FAILED:
            failure = entry.job.failure if entry.job else None
            reason = failure.message if failure else "Tracking failed."
            raise ApiError(
                "TRACK_FAILED",
                reason,
                reason=failure.code if failure else None,
                current_version=entry.version_id,
                readable_version=entry.readable_id,
            )
        if entry.tracking is not TrackingStatus.COMPLETED or entry.production is None:
            return bottle.HTTPResponse(_pending(entry), 202)
        served = entry.production
        headers = {
            "Content-Type": ARCHIVE_TYPE,
            "ETag": f'"{served.etag}"',
            "Cache-Control": "private, no-cache",
            "X-Version-ID": served.version_id or "null",
            "X-Mask-Count": str(served.mask_count),
            "X-Flow-Method": served.flow_method,
            "X-Generated-At": served.generated_at,
        }
        if _matches(read_header("If-None-Match"), served.etag):
            del headers["Content-Type"]
            return bottle.HTTPResponse("", 304, **headers)
        data = production.read_archive(entry)
        headers["ETag"] = f'"{entry.production.etag}"'  # packing again may have changed it
    return bottle.HTTPResponse(data, 200, **headers)


def _pending(entry: SeriesEntry) -> dict[str, Any]:
    is_running = entry.tracking is TrackingStatus.PROCESSING
    return {
        "status": "pending",
        "error_code": "TRACK_PROCESSING" if is_running else "TRACK_PENDING",
        "frames_done": entry.job.frames_done if entry.job else 0,
        "frames_total": entry.job.frames_total if entry.job else 0,
    }


def _matches(header: str, etag: str) -> bool:
    offered = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return etag in offered or header.strip() == "*"


def _previous(header: str) -> str | None:
    return None if header in ("", "null") else header
