"""Routes through which edits come in and go out: journal, save, conflicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bottle

from workstation.errors import CoreError
from workstation.http_pages import read_json
from workstation.http_series import SERIES, webp_answer
from workstation.journal import Journal
from workstation.op_check import Picture
from workstation.series import SeriesModel

if TYPE_CHECKING:
    from workstation.core import Core


def add_routes(app: bottle.Bottle, core: Core) -> None:
    """Adds this module's routes."""
    _add_edits(app, core)
    _add_conflicts(app, core)


def _add_edits(app: bottle.Bottle, core: Core) -> None:
    @app.get(f"/api/journal/{SERIES}")  # type: ignore[untyped-decorator]
    def get_journal(study: str, series: str) -> dict[str, Any]:
        model = core.session.edited((study, series))
        journal = _journal(model)
        with journal.lock:
            base = model.masks.version_id if model.masks else None
            return {"base_version_id": base, "ops": journal.ops(), "position": journal.position}

    @app.post(f"/api/journal/{SERIES}")  # type: ignore[untyped-decorator]
    def append(study: str, series: str) -> dict[str, Any]:
        model = core.session.edited((study, series))
        ops = read_json().get("ops")
        if not isinstance(ops, list):
            raise CoreError("REQUEST_INVALID", "The request holds no ops.")
        journal = _journal(model)
        was_dirty = journal.is_dirty
        try:
            count = journal.append_edits(ops, picture_of(core, model))
        except OSError as error:
            raise CoreError("CACHE_NOT_WRITABLE", "The edit cannot be written to the disk.", 507) from error
        if journal.is_dirty != was_dirty:
            core.session.publish(model)
        core.events.publish("journal", {"study_uid": study, "series_uid": series, "count": count})
        return {"count": count}

    @app.post(f"/api/series/{SERIES}/save")  # type: ignore[untyped-decorator]
    def save(study: str, series: str) -> dict[str, Any]:
        model = core.session.edited((study, series))
        core.session.saver(model).request()
        bottle.response.status = 202
        return model.to_json()


def _add_conflicts(app: bottle.Bottle, core: Core) -> None:
    @app.get(f"/api/conflict/{SERIES}")  # type: ignore[untyped-decorator]
    def conflict(study: str, series: str) -> dict[str, Any]:
        found = core.session.saver(core.session.model((study, series))).conflicts
        if found is None:
            raise CoreError("CONFLICT_NONE", "There is nothing to decide for this series.", 404)
        return found.to_json()

    @app.get(f"/api/conflict/{SERIES}/mine/<number:int>/<label_id>")  # type: ignore[untyped-decorator]
    def my_mask(study: str, series: str, number: int, label_id: str) -> Any:
        found = core.session.saver(core.session.model((study, series))).conflicts
        if found is None:
            raise CoreError("CONFLICT_NONE", "There is nothing to decide for this series.", 404)
        return webp_answer(found.my_mask((number, label_id)))

    @app.post(f"/api/conflict/{SERIES}")  # type: ignore[untyped-decorator]
    def resolve(study: str, series: str) -> dict[str, Any]:
        choices = read_json().get("choices")
        if not isinstance(choices, list):
            raise CoreError("REQUEST_INVALID", "The request holds no choices.")
        model = core.session.model((study, series))
        core.session.saver(model).resolve(choices)
        bottle.response.status = 202
        return model.to_json()


def _journal(model: SeriesModel) -> Journal:
    if model.journal is None:
        raise CoreError("NOT_OPEN", "This series is not open.", 409)
    return model.journal


def picture_of(core: Core, model: SeriesModel) -> Picture:
    """What edits of a series must fit into. Raises CoreError NOT_OPEN."""
    manifest = model.shape
    if manifest is None:
        raise CoreError("NOT_OPEN", "This series is not open.", 409)
    labels = {label["label_id"] for label in core.label_types()}
    return Picture(manifest.frame_count, manifest.width, manifest.height, labels, core.settings.empty_id)
