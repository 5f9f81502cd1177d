"""Which series are there, who works on them, which one is next, what is done? Added by `server.app`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import bottle

from server import activity, versions
from server.errors import ApiError
from server.next_series import choose
from server.production import kept_archive
from server.records import SeriesEntry, Version, render, render_mark, render_original, render_version
from server.services import Services, check_loaded, find_editor, find_series

UNNAMED = "unknown"
"""Stands for a person whom neither the token nor X-Editor names."""

_ONE = "/api/series/<study>/<series>"


def add(app: bottle.Bottle, services: Services) -> None:
    @app.get("/api/series")
    def list_series() -> dict[str, Any]:
        check_loaded(services)
        return {"series": [render(entry) for entry in services.store.listed()]}

    @app.get("/api/series/next")
    def next_series() -> dict[str, Any]:
        return _next(services, find_editor())

    @app.get(_ONE)
    def one(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        with entry.lock:
            history = [_render_version(entry, version) for version in versions.chain(entry)]
            if entry.original and (history or entry.original.annotation_count):
                history.append(render_original(entry.original))
            return {**render(entry), "history": history}

    @app.post(f"{_ONE}/activity")
    def touch(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        editor = find_editor() or UNNAMED
        with services.store.lock, entry.lock:
            activity.touch(entry, editor, services.clock.now())
            answer = {"activity": [render_mark(mark) for mark in entry.activity]}
        services.announce(entry)
        return answer

    @app.post(f"{_ONE}/complete")
    def complete(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        editor = find_editor() or UNNAMED
        with entry.lock:
            activity.complete(entry, editor, services.clock.now())
            answer = render(entry)
        services.announce(entry)
        return answer

    @app.post(f"{_ONE}/reopen")
    def reopen(study: str, series: str) -> dict[str, Any]:
        entry = find_series(services, study, series)
        find_editor()
        with entry.lock:
            activity.reopen(entry)
            answer = render(entry)
        services.announce(entry)
        return answer


def _render_version(entry: SeriesEntry, version: Version) -> dict[str, Any]:
    return render_version(entry, version, is_kept=kept_archive(entry, version.version_id).exists())


def _next(services: Services, editor: str | None) -> dict[str, Any]:
    """Chooses and notes the view in one step, so that two people at once never get the same series."""
    check_loaded(services)
    threshold = timedelta(minutes=services.settings.recent_view_minutes)
    with services.store.lock:
        now = services.clock.now()
        chosen = choose(services.store.listed(), editor, now, threshold)
        if isinstance(chosen, str):
            return {"no_available_series": True, "error_code": chosen}
        with chosen.lock:
            activity.touch(chosen, editor or UNNAMED, now)
            answer = render(chosen)
    services.jobs.hurry(chosen)
    services.announce(chosen)
    return answer


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object from a request's body. Raises ApiError REQUEST_INVALID."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ApiError("REQUEST_INVALID", "The request's body is not a JSON object.")
    return value
