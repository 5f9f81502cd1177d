"""What exactly does every route take and answer? Served at `/api/openapi.json`; tests compare it with the routes.

Complete enough to generate test traffic from (tests/server/test_openapi.py does); docs/contracts.md says it in prose.
"""

from __future__ import annotations

from typing import Any

from server.records import Phase, RetrackStatus, TrackingStatus

Json = dict[str, Any]

_UID = r"^[0-9]+(\.[0-9]+)*$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
_VERSION = r"^[0-9a-f]{64}$"


def document(version: str) -> Json:
    """The OpenAPI 3.1 document as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Goobusters mask server", "version": version},
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _paths() -> Json:
    series = "/api/series/{study}/{series}"
    masks = "/api/masks/{study}/{series}"
    return {
        "/healthz": {"get": {**_operation("Is the server alive?", _json("Alive")), "security": []}},
        "/metrics": {"get": _operation("Numbers for Prometheus", _content("text/plain", {"type": "string"}))},
        "/api/openapi.json": {"get": _operation("This document", _content("application/json", {"type": "object"}))},
        "/api/auth/validate": {"post": _operation("Is this token good, and whose is it?", _json("Identity"))},
        "/api/status": {"get": _operation("How the server is doing", _json("Status"))},
        "/api/sync": {"post": _sync()},
        "/api/series": {"get": _operation("Every series", _json("SeriesList"), "503")},
        "/api/series/next": {"get": _operation("The server's choice", _json("Next"), "400", "503", editor=True)},
        series: {"get": _series("One series with its history", _json("SeriesWithHistory"))},
        f"{series}/activity": {"post": _series("Still working on it", _json("Activity"), editor=True)},
        f"{series}/complete": {"post": _series("This series is done", _json("Series"), editor=True)},
        f"{series}/reopen": {"post": _series("It is not", _json("Series"), editor=True)},
        f"{series}/restore": {
            "post": {
                **_series("Make an earlier version current", _json("Saved"), *_BODY_ERRORS, "409", editor=True),
                "requestBody": _body("application/json", _ref("Restore")),
            }
        },
        masks: {"get": _get_masks(), "post": _post_masks()},
        "/api/retrack/{study}/{series}": {"post": _series("Track again after a failure", _json("Saved"), "409")},
        "/api/retrack/status/{study}/{series}": {"get": _series("How far the tracking is", _json("Retrack"))},
        "/api/events": {"get": _events()},
    }


_BODY_ERRORS = ("408", "411", "413")


def _operation(summary: str, answer: Json, *errors: str, editor: bool = False) -> Json:
    responses = {"200": answer, **{code: _error(code) for code in ("401", "403", "429", "500", *errors)}}
    operation: Json = {"summary": summary, "responses": responses}
    if editor:
        operation["parameters"] = [_header("X-Editor", {"type": "string", "maxLength": 254, "pattern": "^[!-~]*$"})]
        responses["400"] = _error("400")
    return operation


def _sync() -> Json:
    operation = _operation("Bring the data set up to date soon", _json("SyncQueued"))
    operation["responses"]["202"] = operation["responses"].pop("200")
    return operation


def _series(summary: str, answer: Json, *errors: str, editor: bool = False) -> Json:
    operation = _operation(summary, answer, "400", "404", "503", "507", *errors, editor=editor)
    uid = {"type": "string", "pattern": _UID, "maxLength": 64}
    named = [{"name": name, "in": "path", "required": True, "schema": uid} for name in ("study", "series")]
    operation["parameters"] = [*named, *operation.get("parameters", [])]
    return operation


def _get_masks() -> Json:
    archive = _content("application/gzip", {"type": "string", "format": "binary"})
    text = {"schema": {"type": "string"}}
    archive["headers"] = dict.fromkeys(
        ("ETag", "X-Version-ID", "X-Mask-Count", "X-Flow-Method", "X-Generated-At"), text
    )
    operation = _series("The masks as an archive", archive)
    operation["parameters"] += [
        {"name": "version", "in": "query", "schema": {"type": "string", "maxLength": 128}},
        _header("If-None-Match", {"type": "string", "pattern": '^"[0-9a-f]{64}"$'}),
    ]
    operation["responses"]["202"] = _json("Pending")
    operation["responses"]["304"] = {"description": "Not changed since the ETag in If-None-Match"}
    return operation


def _post_masks() -> Json:
    operation = _series("Save", _json("Saved"), *_BODY_ERRORS, "409", editor=True)
    operation["parameters"].append(
        _header("X-Previous-Version-ID", {"type": "string", "anyOf": [{"const": "null"}, {"pattern": _VERSION}]})
    )
    operation["requestBody"] = _body("application/gzip", {"type": "string", "format": "binary"})
    return operation


def _events() -> Json:
    operation = _operation("News as they happen (SSE)", _content("text/event-stream", {"type": "string"}), "503")
    operation["parameters"] = [_header("Last-Event-ID", {"type": "string", "pattern": "^[0-9]{1,20}$"})]
    return operation


def _content(media_type: str, schema: Json) -> Json:
    return {"description": "As asked", "content": {media_type: {"schema": schema}}}


def _json(name: str) -> Json:
    return _content("application/json", _ref(name))


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(media_type: str, schema: Json) -> Json:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _header(name: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "required": False, "schema": schema}


_REASONS = {
    "400": "The request is not valid",
    "401": "The token is missing or not accepted",
    "403": "The server answers to this machine only",
    "404": "There is no such series or version",
    "408": "The body did not arrive in time",
    "409": "Somebody else saved, a tracking runs, or there is nothing to do",
    "411": "The body's length is missing",
    "413": "The body is too large",
    "429": "Too many requests",
    "500": "Tracking failed, or the server did",
    "503": "The server is starting, or cannot check tokens",
    "507": "The server's disk refused",
}


def _error(code: str) -> Json:
    return {"description": _REASONS[code], "content": {"application/json": {"schema": _ref("Error")}}}


def _object(properties: Json, *, closed: bool = True) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": not closed,
    }


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Json) -> Json:
    return {"type": "array", "items": schema}


_TEXT: Json = {"type": "string"}
_MOMENT: Json = {"type": "string", "pattern": _TIME}
_COUNT: Json = {"type": "integer", "minimum": 0}
_MAYBE_TEXT = _or_null(_TEXT)
_MAYBE_COUNT = _or_null(_COUNT)
_MAYBE_VERSION = _or_null({"type": "string", "pattern": _VERSION})


def _schemas() -> Json:
    uid = {"type": "string", "pattern": _UID, "maxLength": 64}
    series = _series_properties(uid)
    saved = {"version_id": _MAYBE_VERSION, "retrack_queued": {"const": True}, "queue_position": _COUNT}
    pending = {
        "status": {"const": "pending"},
        "error_code": {"enum": ["TRACK_PENDING", "TRACK_PROCESSING"]},
        "frames_done": _COUNT,
        "frames_total": _COUNT,
    }
    nothing = {"no_available_series": {"const": True}, "error_code": {"enum": ["ALL_DONE", "ALL_ACTIVE"]}}
    return {
        "Error": _object({"error_code": _TEXT, "message": _TEXT, "request_id": _MAYBE_TEXT}, closed=False),
        "Alive": _object({"ok": {"const": True}}),
        "Identity": _object({"valid": {"const": True}, "editor": _MAYBE_TEXT}),
        "Status": _object(_status_properties()),
        "SyncQueued": _object({"sync_queued": {"const": True}}),
        "Mark": _object({"editor": _TEXT, "at": _MOMENT}),
        "Retrack": _object(_retrack_properties()),
        "Series": _object(series),
        "SeriesList": _object({"series": _list(_ref("Series"))}),
        "SeriesWithHistory": _object({**series, "history": _list(_ref("Version"))}),
        "Version": _object(_version_properties()),
        "Next": {"anyOf": [_ref("Series"), _object(nothing)]},
        "Activity": _object({"activity": _list(_ref("Mark"))}),
        "Pending": _object(pending),
        "Saved": _object(saved),
        "Restore": _object(
            {"version_id": {"type": "string", "pattern": _VERSION}, "previous_version_id": _MAYBE_VERSION}
        ),
    }


def _series_properties(uid: Json) -> Json:
    return {
        "study_uid": uid,
        "series_uid": uid,
        "exam_number": {"type": "integer"},
        "series_number": {"type": "integer"},
        "dataset_name": _TEXT,
        "tracking_status": {"enum": [status.value for status in TrackingStatus]},
        "error_code": _MAYBE_TEXT,
        "message": _MAYBE_TEXT,
        "frame_count": _MAYBE_COUNT,
        "width": _MAYBE_COUNT,
        "height": _MAYBE_COUNT,
        "label_counts": {"type": "object", "additionalProperties": _COUNT},
        "version_id": _MAYBE_VERSION,
        "completed": _or_null(_ref("Mark")),
        "activity": _list(_ref("Mark")),
        "retrack": _or_null(_ref("Retrack")),
    }


def _retrack_properties() -> Json:
    return {
        "status": {"enum": [status.value for status in RetrackStatus]},
        "version_id": _MAYBE_VERSION,
        "frames_done": _COUNT,
        "frames_total": _COUNT,
        "error_code": _MAYBE_TEXT,
        "message": _MAYBE_TEXT,
    }


def _version_properties() -> Json:
    return {
        "version_id": {"type": "string", "pattern": _VERSION},
        "previous_version_id": _MAYBE_VERSION,
        "editor": _MAYBE_TEXT,
        "at": _MOMENT,
        "annotation_count": _COUNT,
        "content_sha256": {"type": "string", "pattern": _VERSION},
        "tracked": {"type": "boolean"},
        "is_original": {"type": "boolean"},
    }


def _status_properties() -> Json:
    return {
        "ready": {"type": "boolean"},
        "phase": {"enum": [phase.value for phase in Phase]},
        "series_pending": _COUNT,
        "series_completed": _COUNT,
        "series_failed": _COUNT,
        "queue": _object({"tracking": _COUNT, "retrack": _COUNT}),
        "version": _TEXT,
        "dataset_version": _TEXT,
        "problems": _list(_object({"code": _TEXT, "message": _TEXT, "what": _TEXT})),
        "sync": _or_null(_object({"done": _COUNT, "total": _COUNT})),
        "synced_at": _or_null(_MOMENT),
        "next_sync_at": _or_null(_MOMENT),
    }
