"""Who speaks HTTP? Cheroot, with one error shape, deadlines for slow callers and no reading of bodies nobody wants.

Chosen by measurement (benchmarks/wsgi_servers.py, DECISIONS): threads in the process that owns the state, good at
bodies of a megabyte. Each live stream holds a thread, so there are more threads than streams.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from cheroot import wsgi
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest

from server.chunked_body import ChunkedBody

THREADS = 112
MAX_STREAMS = 72
MAX_HEADER_BYTES = 32 << 10
IDLE_SECONDS = 10
HEADER_SECONDS = 15.0
REQUEST_SECONDS = 120.0
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 8 << 20


class Deadlines:
    """Closes connections that take too long to send. Socket timeouts alone let a caller trickle for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, tuple[float, socket.socket]] = {}
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="deadlines", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def set(self, connection: Any, seconds: float) -> None:
        """From now on the caller has so long; replaces an earlier deadline of the connection."""
        with self._lock:
            self._ends[id(connection)] = (time.monotonic() + seconds, connection.socket)

    def clear(self, connection: Any) -> None:
        with self._lock:
            self._ends.pop(id(connection), None)

    def _watch(self) -> None:
        while not self._stopped.wait(0.25):
            now = time.monotonic()
            with self._lock:
                late = [(key, sock) for key, (end, sock) in self._ends.items() if end < now]
                for key, _ in late:
                    del self._ends[key]
            for _, sock in late:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)  # the reader sees an end; an answer can still be written


class _Unambiguous(HeaderReader):
    """Headers that mean the same to everybody: a proxy in front might believe another one than we do.

    So a request says once how long it is and whom it is for, no name ends in a space, and one with an underscore, which
    WSGI could not tell from a dash, is left out.
    """

    def __init__(self) -> None:
        self._lengths = self._hosts = 0

    def _allow_header(self, key_name: bytes) -> bool:
        self._lengths += key_name in (b"Content-Length", b"Transfer-Encoding")
        self._hosts += key_name == b"Host"
        if self._lengths > 1:
            raise ValueError("The request says twice how long it is.")
        if self._hosts > 1:
            raise ValueError("The request names two hosts.")
        return b"_" not in key_name

    def _transform_key(self, key_name: bytes) -> bytes:
        if key_name != key_name.strip():
            raise ValueError("A header's name has a space.")
        return key_name.title()


class _Gateway(wsgi.Gateway_10):
    """Hands a request to the application, with our own reader of bodies in chunks."""

    def __init__(self, req: Any) -> None:
        super().__init__(req)
        if req.chunked_read:
            req.chunks = self.env["wsgi.input"] = ChunkedBody(req.conn.rfile)


class Request(HTTPRequest):
    """One request: bounded in time, answered in JSON also when cheroot itself refuses it."""

    chunks: ChunkedBody | None = None

    def parse_request(self) -> None:
        deadlines: Deadlines = self.server.deadlines
        self.header_reader = _Unambiguous()
        deadlines.set(self.conn, HEADER_SECONDS)
        try:
            super().parse_request()
        except (ValueError, UnboundLocalError):  # WORKAROUND: cheroot trips over `//[` and over a space at the start
            self.simple_response("400 Bad Request")
        finally:
            deadlines.clear(self.conn)

    def read_request_headers(self) -> bool:
        """False when the request was refused. HTTP/1.1 says that one without a host must be."""
        if not super().read_request_headers():  # type: ignore[no-untyped-call]  # cheroot has no types for it
            return False
        if self.response_protocol == "HTTP/1.1" and not self.inheaders.get(b"Host"):
            self.simple_response("400 Bad Request", "The request names no host.")
            return False
        return True

    def respond(self) -> None:
        deadlines: Deadlines = self.server.deadlines
        has_body = self.chunked_read or b"Content-Length" in self.inheaders
        if has_body:
            deadlines.set(self.conn, REQUEST_SECONDS)
        try:
            super().respond()
            self._linger()
        finally:
            deadlines.clear(self.conn)

    def send_headers(self) -> None:
        if self.chunked_read or self._unread():
            self.close_connection = True  # otherwise cheroot reads all the rest into memory
        super().send_headers()

    def _unread(self) -> int:
        """Bytes of the body that nobody has read; of one in chunks it is only known whether there are any."""
        if self.chunked_read:
            return 0 if self.chunks is None or self.chunks.is_ended else _LINGER_BYTES
        return int(getattr(self.rfile, "remaining", 0))

    def _linger(self) -> None:
        """Throws away a little of an unwanted body: closing at once would reset the answer on its way."""
        left = min(self._unread(), _LINGER_BYTES)
        if not left:
            return
        self.server.deadlines.set(self.conn, _LINGER_SECONDS)
        with contextlib.suppress(OSError):
            while left > 0 and (block := self.conn.rfile.read(min(left, 1 << 16))):
                left -= len(block)

    def simple_response(self, status: str, msg: str | bytes = "") -> None:
        """cheroot's own refusals (broken request line, header too large, …), in our error shape."""
        text = msg.decode("latin-1") if isinstance(msg, bytes) else msg
        code = "HEADERS_TOO_LARGE" if str(status)[:3] in ("413", "414") else "REQUEST_INVALID"
        body = json.dumps({"error_code": code, "message": text or "The request is not valid HTTP.", "request_id": None})
        self.close_connection = True
        lines = [
            f"{self.server.protocol} {status}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "",
            body,
        ]
        with contextlib.suppress(OSError):
            self.conn.wfile.write("\r\n".join(lines).encode("latin-1"))


class Connection(HTTPConnection):
    RequestHandlerClass = Request


class Server(wsgi.Server):
    """The bound server. `deadlines` watches its connections."""

    ConnectionClass = Connection

    def __init__(self, host: str, port: int, application: Callable[..., Any]) -> None:
        super().__init__(
            (host, port), application, numthreads=THREADS, max=THREADS, server_name="goobusters", request_queue_size=256
        )
        self.gateway = _Gateway
        self.timeout = IDLE_SECONDS
        self.max_request_header_size = MAX_HEADER_BYTES
        self.keep_alive_conn_limit = 512
        self.shutdown_timeout = 2
        self.deadlines = Deadlines()
        self.on_error: Callable[[str], None] = lambda message: None
        self.bind_error: OSError | None = None

    def bind(self, family: int, type: int, proto: int = 0) -> Any:
        """Remembers why, because cheroot raises an error of its own without a reason."""
        try:
            return super().bind(family, type, proto)
        except OSError as error:
            self.bind_error = error
            raise

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """cheroot's own complaints (broken connections and the like); never its text, which may quote a request."""
        self.on_error(msg.partition("(")[0].strip()[:40])


def bind(host: str, port: int, application: Callable[..., Any]) -> Server:
    """Binds and listens, with threads ready; `serve()` then answers. Raises OSError."""
    server = Server(host, port, application)
    try:
        server.prepare()
    except OSError as error:
        raise server.bind_error or error from None
    server.deadlines.start()
    return server
