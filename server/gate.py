"""What happens to every request before and after its route? The WSGI application that the HTTP server calls.

In this order: a request id; the token (from the headers alone: nothing else an unknown caller sends is looked at), with
a limit on how often an address may be refused; the request rate of the caller; then the routes. Afterwards one log line
and the metrics.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from server.auth import Authenticator
from server.clock import Clock
from server.errors import ApiError, status_of
from server.identity import Identity
from server.limits import CALLER_BURST, CALLER_RATE, REFUSED_BURST, REFUSED_RATE, RateLimit
from server.metrics import Metrics

log = logging.getLogger("goobusters.requests")

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

OPEN_PATH = "/healthz"
REQUEST_ID = "goobusters.request_id"
IDENTITY = "goobusters.identity"
EDITOR = "goobusters.editor"
SERIES = "goobusters.series"
ROUTE = "goobusters.route"
_GOOD_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]", "::1"}


class Gate:
    """Wraps the Bottle application. With `loopback_only` (AUTH=none) web pages of other hosts are kept out."""

    def __init__(
        self,
        application: Application,
        authenticator: Authenticator,
        metrics: Metrics,
        clock: Clock,
        *,
        loopback_only: bool,
    ) -> None:
        self._application = application
        self._authenticator = authenticator
        self._metrics = metrics
        self._loopback_only = loopback_only
        self._callers = RateLimit(CALLER_RATE, CALLER_BURST, clock)
        self._refused = RateLimit(REFUSED_RATE, REFUSED_BURST, clock)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.perf_counter()
        environ[REQUEST_ID] = _request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        status = ["500"]

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            status[0] = line[:3]
            extra = [("X-Request-ID", environ[REQUEST_ID]), ("X-Content-Type-Options", "nosniff")]
            if not any(name.lower() == "cache-control" for name, _ in headers):
                extra.append(("Cache-Control", "no-store"))
            return (
                start_response(line, headers + extra, exc_info) if exc_info else start_response(line, headers + extra)
            )

        try:
            self._admit(environ)
            answer = self._application(environ, start)
        except ApiError as error:
            answer = _answer(error, environ, start)
        return _Watched(answer, lambda size: self._note(environ, status[0], began, size))

    def _admit(self, environ: Environ) -> None:
        """Lets the caller in or raises ApiError."""
        if environ["PATH_INFO"] == OPEN_PATH:
            return
        address = _address(environ)
        if self._loopback_only:
            _check_loopback(environ)
        try:
            header = environ.get("HTTP_AUTHORIZATION", "")
            identity: Identity = self._authenticator.check(header, lambda: self._refused.take(address, 0))
        except ApiError as error:
            if error.code == "UNAUTHORIZED":
                self._refused.take(address)
            raise
        self._callers.take(f"{identity.token_hash} {address}")
        environ[IDENTITY] = identity

    def _note(self, environ: Environ, status: str, began: float, size: int) -> None:
        seconds = time.perf_counter() - began
        route = environ.get(ROUTE, "none")
        self._metrics.request(environ["REQUEST_METHOD"], route, status, seconds)
        fields = {
            "request_id": environ[REQUEST_ID],
            "method": environ["REQUEST_METHOD"][:10],
            "route": route,
            "status": int(status),
            "ms": round(seconds * 1000, 1),
            "bytes": size,
            "editor": environ.get(EDITOR),
            "series": environ.get(SERIES),
        }
        log.info("request", extra=fields)


class _Watched:
    """A WSGI answer that tells when it was sent: the HTTP server calls close() whatever happens."""

    def __init__(self, answer: Iterable[bytes], done: Callable[[int], None]) -> None:
        self._answer = answer
        self._done = done
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._answer:
            self._size += len(block)
            yield block

    def close(self) -> None:
        if hasattr(self._answer, "close"):
            self._answer.close()
        self._done(self._size)


def error_body(error: ApiError, request_id: str) -> dict[str, Any]:
    """The one error shape."""
    return {"error_code": error.code, "message": error.message, "request_id": request_id, **error.details}


def _answer(error: ApiError, environ: Environ, start: Callable[..., Any]) -> list[bytes]:
    body = json.dumps(error_body(error, environ[REQUEST_ID])).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *error.headers.items()]
    start(f"{status_of(error.code)} {error.code}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _request_id(offered: str) -> str:
    """The caller's own id when it is a harmless one, so that a client's log and ours can be laid side by side."""
    return offered if _GOOD_REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)


def _address(environ: Environ) -> str:
    """The caller's address; behind a proxy on this machine (Caddy), the one the proxy saw."""
    address = str(environ.get("REMOTE_ADDR", ""))
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
    if forwarded and address in ("127.0.0.1", "::1"):
        return str(forwarded).rpartition(",")[2].strip()[:64]
    return address


def _check_loopback(environ: Environ) -> None:
    """With AUTH=none any web page in a browser on this machine could call: only loopback names may be asked for."""
    origin = environ.get("HTTP_ORIGIN")
    hosts = [environ.get("HTTP_HOST", "")] + ([urlsplit(origin).netloc] if origin else [])
    for host in hosts:
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        if name.lower() not in _LOOPBACK_NAMES:
            raise ApiError("FORBIDDEN_HOST", "This server answers to this machine only.")
