"""Which errors does the server answer with? Raised anywhere below the routes, rendered in `server.app` alone.

One shape (docs/contracts.md): `{"error_code", "message", "request_id", …}`. Messages never hold a UID, a token, a
path or an e-mail address.
"""

from __future__ import annotations

from typing import Any

STATUS_BY_CODE = {
    "UNAUTHORIZED": 401,
    "AUTH_UNAVAILABLE": 503,
    "FORBIDDEN_HOST": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "SERIES_UNKNOWN": 404,
    "VERSION_UNKNOWN": 404,
    "UID_INVALID": 400,
    "EDITOR_INVALID": 400,
    "REQUEST_INVALID": 400,
    "BODY_TIMEOUT": 408,
    "LENGTH_REQUIRED": 411,
    "ARCHIVE_TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "TOO_MANY_STREAMS": 503,
    "SERVER_STARTING": 503,
    "STORAGE_FAILED": 507,
    "VERSION_MISMATCH": 409,
    "RETRACK_IN_PROGRESS": 409,
    "NOTHING_TO_RETRACK": 409,
    "SERIES_NOT_READY": 409,
    "TRACK_FAILED": 500,
    "INTERNAL_ERROR": 500,
}
"""HTTP status of every code that is not an archive's refusal (those are 400, see `status_of`)."""


class ApiError(Exception):
    """Something the caller must be told. `details` are further fields of the answer, `headers` of the response."""

    def __init__(self, code: str, message: str, *, headers: dict[str, str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def status_of(code: str) -> int:
    """The HTTP status that goes with an error code; 400 for those of ArchiveError."""
    return STATUS_BY_CODE.get(code, 400)
