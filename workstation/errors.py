"""Which errors the core reports, and how they look to the viewer. Raised everywhere in the core, rendered by http_app.

One shape for all: a stable code, one plain sentence without identifiers, an HTTP status and whatever data the code
needs. The viewer turns codes into words (`web_viewer/messages.js`); the sentence is for logs and for the terminal.
"""

from __future__ import annotations

from typing import Any


class CoreError(Exception):
    """Something a person or the viewer must hear about. `details` travel in the JSON beside code and message."""

    def __init__(self, code: str, message: str, status: int = 400, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details


class JobCancelledError(CoreError):
    """The person stopped a download, an extraction or a pull."""

    def __init__(self) -> None:
        super().__init__("CANCELLED", "This was stopped.", 409)


class ServerOfflineError(CoreError):
    """The mask server cannot be reached. What was being sent may or may not have arrived."""

    def __init__(self, message: str = "The server cannot be reached.") -> None:
        super().__init__("SERVER_UNREACHABLE", message, 503)


def error_body(error: CoreError, request_id: str = "") -> dict[str, Any]:
    """The one JSON shape of every error (docs/contracts.md)."""
    return {**error.details, "error_code": error.code, "message": error.message, "request_id": request_id}
