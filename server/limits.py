"""How much may one caller ask? Request rates (429) and request bodies (413, 408), used by `gate` and the routes."""

from __future__ import annotations

import threading
from typing import Any

from server.clock import Clock
from server.errors import ApiError
from tracking.contracts.archive import LIMITS

CALLER_RATE, CALLER_BURST = 200.0, 600.0
REFUSED_RATE, REFUSED_BURST = 5.0, 50.0
MAX_JSON = 16 << 10
MAX_ARCHIVE = LIMITS.packed_bytes
_BLOCK = 1 << 16
_CALLERS_KEPT = 10_000


class RateLimit:
    """A bucket of `burst` requests a caller, refilled by `rate` a second."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, amount: float = 1.0) -> None:
        """Counts one request. Raises ApiError RATE_LIMITED when the bucket is empty; amount 0 only looks."""
        now = self._clock.monotonic()
        with self._lock:
            level, at = self._buckets.get(caller, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._rate)
            if level < max(amount, 1.0):
                raise ApiError("RATE_LIMITED", "Too many requests; wait a moment.", headers={"Retry-After": "1"})
            if len(self._buckets) >= _CALLERS_KEPT:
                self._buckets.clear()  # everybody starts afresh: cheaper than remembering a flood of callers
            self._buckets[caller] = (level - amount, now)


def read_body(environ: dict[str, Any], limit: int) -> bytes:
    """The whole body of a request. Raises ApiError ARCHIVE_TOO_LARGE, LENGTH_REQUIRED, REQUEST_INVALID, BODY_TIMEOUT.

    The deadline for slow bodies is the HTTP server's (`http_server`): it closes the connection.
    """
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH", "")
    is_chunked = environ.get("wsgi.input_terminated") is True
    if not is_chunked:
        if not length:
            raise ApiError("LENGTH_REQUIRED", "The request does not say how long its body is.")
        if not (length.isascii() and length.isdigit()):
            raise ApiError("REQUEST_INVALID", "The request's length is not a number.")
        if int(length) > limit:
            raise ApiError("ARCHIVE_TOO_LARGE", "The request's body is larger than allowed.")
    blocks, size = [], 0
    try:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > limit:
                raise ApiError("ARCHIVE_TOO_LARGE", "The request's body is larger than allowed.")
            blocks.append(block)
    except OSError as error:
        raise ApiError("BODY_TIMEOUT", "The request's body did not arrive in time.") from error
    except ValueError as error:
        raise ApiError("REQUEST_INVALID", "The request's body is not readable.") from error
    if not is_chunked and size != int(length):
        raise ApiError("REQUEST_INVALID", "The request's body ended too early.")
    return b"".join(blocks)
