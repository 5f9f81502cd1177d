"""What goes into the log? JSON lines on standard error, without anything that names a patient, a person or a secret.

Callers log an event word and plain fields (`log.info("tracked", extra={"series": key})`). Here series become a short
hash, editors a salted one, and of an exception only its type and places in the code: its text may hold a path.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from server.clock import to_text
from server.files import make_directory, write_atomic

FIELDS = (
    "request_id", "method", "route", "status", "ms", "bytes", "series", "editor", "code", "reason", "file", "attempt",
    "seconds", "frames_redone", "address", "problems", "versions", "phase", "count", "to",
)  # fmt: skip
"""Fields that may appear in a log line. Others are dropped, so that nothing slips in by accident."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line. `salt` is secret and stays the same, so that one person can be followed through a log."""

    def __init__(self, salt: bytes) -> None:
        super().__init__()
        self._salt = salt

    def format(self, record: logging.LogRecord) -> str:
        is_ours = record.name.startswith("goobusters")
        line: dict[str, Any] = {
            "at": to_text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "event": record.getMessage() if is_ours else record.name,
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = self._safe(name, value)
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = record.exc_info[0].__name__
            line["where"] = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-8:]]
        return json.dumps(line)

    def _safe(self, name: str, value: Any) -> Any:
        if name == "series":
            return hashlib.sha256("_".join(value).encode()).hexdigest()[:8]
        if name == "editor":
            return hmac.new(self._salt, str(value).encode(), "sha256").hexdigest()[:12]
        if name == "file":
            return _without_uid(str(value))
        return value


def _without_uid(name: str) -> str:
    """A file's name, unless it begins like a UID or a version id."""
    return name if not name[:1].isdigit() and len(name) < 48 else "…" + name[-24:].lstrip("0123456789abcdef.")


def set_up(state_path: Path, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Sends every log record of the process to `stream` (standard error). Raises OSError (the salt)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(_salt(state_path)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("goobusters").setLevel(level)


def set_up_worker() -> None:
    """The same for a worker process, which knows no editors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(b""))
    logging.getLogger().handlers[:] = [handler]


def _salt(state_path: Path) -> bytes:
    path = state_path / "log_salt"
    try:
        salt = path.read_bytes()
    except FileNotFoundError:
        salt = b""
    if len(salt) != 32:
        make_directory(state_path)
        salt = secrets.token_bytes(32)
        write_atomic(path, salt)
    return salt
