"""How do bytes of the local HTTP app travel? A threaded WSGI server of the standard library with kept connections.

One thread a connection, HTTP/1.1 keep-alive, bodies bounded. Only loopback: for anything else there is `server`.
The iPad has no other WSGI server, so every client uses this one.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import unquote
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIServer

from workstation.errors import CoreError, error_body

log = logging.getLogger("goobusters.http")

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
MAX_BODY = 64 << 20
_IDLE_SECONDS = 60


class _Body:
    """The request's body: reads no further than its length, so that the next request on the connection is whole."""

    def __init__(self, source: BufferedIOBase, length: int) -> None:
        self._source = source
        self._left = length

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(self._left if size is None or size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def drain(self) -> None:
        while self._left and self.read(1 << 16):
            pass


class _Response(SimpleHandler):
    """Writes one response; says `Connection: close` when only the end of the connection ends the body."""

    http_version = "1.1"
    headers: Any
    status: str
    result: Any
    keeps_connection = True

    def send_headers(self) -> None:
        has_no_body = str(self.status)[:3] in ("204", "304")
        if "Content-Length" not in self.headers and not has_no_body:
            if self.result is not None and self._is_single_block():
                self.set_content_length()
            else:
                self.keeps_connection = False
                self.headers["Connection"] = "close"
        super().send_headers()

    def _is_single_block(self) -> bool:
        return isinstance(self.result, (list, tuple)) and len(self.result) == 1

    def cleanup_headers(self) -> None:
        """Content-Length is decided in send_headers."""

    def log_exception(self, exc_info: Any) -> None:
        log.error("a request failed", exc_info=exc_info)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two writes: together with delayed ACKs that would cost 40 ms
    server: LocalServer

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65537)
        except (TimeoutError, ConnectionError):
            self.raw_requestline = b""
        if not self.raw_requestline or len(self.raw_requestline) > 65536:
            self.close_connection = True
            return
        if not self.parse_request():
            return
        length = self._body_length()
        if length is None:
            self.close_connection = True
            return
        body = _Body(self.rfile, length)
        response = _Response(body, self.wfile, self.server.errors, self._environ(length))  # type: ignore[arg-type]
        response.run(self.server.app)
        try:
            body.drain()
        except OSError:
            self.close_connection = True
        if not response.keeps_connection:
            self.close_connection = True

    def _body_length(self) -> int | None:
        text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not text.isascii() or not text.isdigit():
            self.send_error(411)
            return None
        if int(text) > MAX_BODY:
            self.send_error(413)
            return None
        return int(text)

    def _environ(self, length: int) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(length),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"):
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what is no request, in the one shape of errors."""
        error = CoreError("REQUEST_INVALID", "This request cannot be read, or is too large.")
        body = json.dumps(error_body(error)).encode()
        self.request_version = self.protocol_version  # also for a first line that names none
        self.close_connection = True
        self.send_response(code)
        for name, value in (("Content-Type", "application/json"), ("Connection", "close")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: addresses carry ids of series."""


class LocalServer(ThreadingMixIn, WSGIServer):
    """Serves one WSGI app on 127.0.0.1. Raises CoreError PORT_IN_USE."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    # A port that was just given up may be taken again; on Windows this flag would let two programs share one.
    allow_reuse_address = socket.AF_INET is not None and not hasattr(socket, "SO_EXCLUSIVEADDRUSE")

    def __init__(self, app: App, port: int) -> None:
        self.errors = _Errors()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            text = f"Port {port} (CLIENT_PORT) cannot be used: {error.strerror}."
            raise CoreError("PORT_IN_USE", text, 500) from error
        self.app: Any = app
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="local-http", daemon=True)

    def server_bind(self) -> None:
        """Without the look-up of a host name that the standard library does."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is nothing to report."""
        log.debug("a connection ended early", exc_info=True)

    def start(self) -> None:
        """Serves in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests; those under way end with their threads."""
        self.shutdown()
        self.server_close()
        self._thread.join(timeout=5)


class _Errors:
    """wsgi.errors: to the log."""

    def write(self, text: str) -> int:
        if text.strip():
            log.error("%s", text.strip())
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""
