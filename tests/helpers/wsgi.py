"""Calls a WSGI application as an HTTP server would, without a port. Used by the server's tests."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from wsgiref.util import setup_testing_defaults

from requests.structures import CaseInsensitiveDict


@dataclass
class Answer:
    """One response, read to its end."""

    status: int
    headers: CaseInsensitiveDict[str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Caller:
    """`caller("GET", "/api/status")`; keyword arguments are headers (X_Editor="…") and `body`."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
        }
        setup_testing_defaults(environ)
        if body is not None:
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        seen: list[Any] = []
        answer = self._application(environ, lambda line, fields, exc_info=None: seen.extend((line, fields)))
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        return Answer(int(seen[0][:3]), CaseInsensitiveDict(seen[1]), content)

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return self("POST", path, body, **headers)

    def wait_for(self, path: str, condition: Callable[[Any], bool], timeout: float = 60) -> Any:
        """Asks `path` until `condition` of its JSON holds; returns that JSON."""
        end, pause = time.monotonic() + timeout, 0.01
        value: Any = None
        while time.monotonic() < end:
            value = self.get(path).json()
            if condition(value):
                return value
            time.sleep(pause)
            pause = min(1.2 * pause, 0.2)  # a clock that stands still gives no more than a burst of requests
        raise TimeoutError(f"{path} still answers {value}")

    def wait_ready(self) -> Any:
        return self.wait_for("/api/status", lambda status: status["ready"])
