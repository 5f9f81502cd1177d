"""Stands between a workstation and a real server as the network does, and can be cut. For tests."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from typing import Any

import requests


class Relay:
    """A port that passes bytes on to the server, and can be cut: the network between the two.

    meanwhile: what happens once, by how a POST's path ends, after the server has acted and before it is heard of.
    """

    def __init__(self, address: str) -> None:
        relay = self
        self.is_cut = False
        self.swallow_answer_to = b""
        self.meanwhile: dict[bytes, Callable[[], Any]] = {}

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                relay.pass_on(self)

        socketserver.ThreadingTCPServer.daemon_threads = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._target = ("127.0.0.1", int(address.rpartition(":")[2]))
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def pass_on(self, handler: Any) -> None:
        """One request a connection; an answer may get lost after the server has acted."""
        if self.is_cut:
            return
        head = b""
        while line := handler.rfile.readline():
            head += line
            if line == b"\r\n":
                break
        length = next(
            (int(v.split(b":")[1]) for v in head.split(b"\r\n") if v.lower().startswith(b"content-length")), 0
        )
        body = handler.rfile.read(length)
        method, path = head.split(b" ", 2)[:2]
        headers = {
            k.decode(): v.strip().decode()
            for k, _, v in (line.partition(b":") for line in head.split(b"\r\n")[1:])
            if k
        }
        is_stream = path == b"/api/events"
        with requests.request(
            method.decode(),
            f"http://{self._target[0]}:{self._target[1]}{path.decode()}",
            data=body,
            headers={k: v for k, v in headers.items() if k.lower() not in ("host", "connection")},
            timeout=30,
            stream=True,
        ) as answer:
            is_lost = self.swallow_answer_to and path.startswith(self.swallow_answer_to) and method == b"POST"
            if is_lost or is_stream or self.is_cut:
                self.swallow_answer_to = b"" if is_lost else self.swallow_answer_to
                return
            content = answer.raw.read()
            for ending in [ending for ending in self.meanwhile if method == b"POST" and path.endswith(ending)]:
                self.meanwhile.pop(ending)()
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in ("connection", "transfer-encoding")}
            kept |= {"Connection": "close", "Content-Length": str(len(content))}
            lines = "".join(f"{name}: {value}\r\n" for name, value in kept.items())
            handler.wfile.write(f"HTTP/1.1 {answer.status_code} x\r\n{lines}\r\n".encode() + content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
