"""Callers who send too much, too slowly or nonsense get a JSON error or a closed connection; nobody else notices."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from server.assemble import Running
from server.chunked_body import ChunkedBody
from server.errors import ApiError
from server.limits import MAX_JSON, read_body
from tests.helpers.clips import rectangle, submission
from tests.helpers.server_process import ServerProcess
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH
from tracking.contracts.archive import LIMITS

Live = tuple[ServerProcess, str]


def talk(server: ServerProcess, data: bytes, *, wait: float = 10, close: bool = False) -> bytes:
    """Sends bytes as they are and returns all that comes back until the server closes or `wait` seconds are over."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while block := connection.recv(65536):
                received += block
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def head(method: str, path: str, bearer: str, *lines: str) -> bytes:
    fields = ["Host: localhost", f"Authorization: {bearer}", "Connection: close", *lines]
    return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in fields) + "\r\n").encode()


def error_of(answer: bytes) -> tuple[int, str]:
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)["error_code"]


def test_a_body_that_is_too_large_is_refused_unread(live: Live) -> None:
    server, bearer = live
    request = head("POST", f"/api/masks/{PATH}", bearer, f"Content-Length: {LIMITS.packed_bytes + 1}")
    assert error_of(talk(server, request)) == (413, "ARCHIVE_TOO_LARGE")


def test_an_endless_chunked_body_is_cut_off(live: Live) -> None:
    server, bearer = live
    block = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    path = f"/api/series/{PATH}/restore"  # small limit: 16 kB
    answer = talk(server, head("POST", path, bearer, "Transfer-Encoding: chunked") + block * 8)
    assert error_of(answer) == (413, "ARCHIVE_TOO_LARGE")


def test_a_chunked_save_is_accepted(live: Live) -> None:
    server, _ = live
    current = server.get(f"/api/series/{PATH}").json()["version_id"]
    body = submission(KEY, current, {0: rectangle(2, 2, 20, 20)})
    headers = {"X-Previous-Version-ID": current}
    answer = server.post(f"/api/masks/{PATH}", data=iter([body[:100], body[100:]]), headers=headers)
    assert answer.status_code == 200
    server.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")


def test_a_chunk_is_never_held_whole(live: Live) -> None:
    asked: list[int] = []

    class Endless(io.RawIOBase):
        """A chunk of a petabyte that does come."""

        lines = io.BytesIO(b"fffffffffffff\r\n")

        def readline(self, size: int | None = -1, /) -> bytes:
            return self.lines.readline(size)

        def read(self, size: int = -1, /) -> bytes:
            asked.append(size)
            return b"x" * size

    with pytest.raises(ApiError) as caught:
        read_body({"wsgi.input": ChunkedBody(Endless()), "wsgi.input_terminated": True}, MAX_JSON)
    assert caught.value.code == "ARCHIVE_TOO_LARGE"
    assert asked == [1 << 16]
    server, bearer = live
    request = head("POST", f"/api/series/{PATH}/restore", bearer, "Transfer-Encoding: chunked")
    assert error_of(talk(server, request + b"fffffffffffff\r\n" + b"x" * 100_000)) == (413, "ARCHIVE_TOO_LARGE")


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nabc\r\n0\r\n\r\n",  # longer than it says
        b"-5\r\nabc\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"5_0\r\nabcde\r\n0\r\n\r\n",
        b"\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"1" * 100_000,  # a line without an end
        b"f" * 16 + b"\r\nabc",
        b"5; " + b"e" * 300 + b"\r\nabcde\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_are_none(live: Live, body: bytes) -> None:
    server, bearer = live
    request = head("POST", f"/api/series/{PATH}/restore", bearer, "Transfer-Encoding: chunked")
    assert error_of(talk(server, request + body, close=True)) == (400, "REQUEST_INVALID")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Content-Length: 4"),
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ],
)
def test_a_length_is_said_once(live: Live, lines: tuple[str, str]) -> None:
    server, bearer = live
    request = head("POST", f"/api/series/{PATH}/restore", bearer, *lines) + b"2\r\n{}\r\n0\r\n\r\n"
    answer = talk(server, request)
    assert error_of(answer) == (400, "REQUEST_INVALID")
    assert b"twice" in answer


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        ("1.1", [], 400),
        ("1.1", ["Host:"], 400),
        ("1.1", ["Host: localhost", "Host: elsewhere"], 400),
        ("1.1", ["Host: localhost"], 200),
        ("1.0", [], 200),
    ],
)
def test_a_request_names_one_host(live: Live, version: str, hosts: list[str], status: int) -> None:
    lines = [f"GET /healthz HTTP/{version}", *hosts, "Connection: close", "", ""]
    answer = talk(live[0], "\r\n".join(lines).encode())
    assert int(answer.split()[1]) == status
    assert status == 200 or error_of(answer) == (400, "REQUEST_INVALID")


def test_a_header_with_an_underscore_passes_for_no_other(live: Live) -> None:
    server, bearer = live
    answer = talk(server, head("POST", f"/api/series/{PATH}/reopen", bearer, "X_Request_ID: 0123456789abcdef"))
    assert b"200" in answer.partition(b"\r\n")[0]
    assert b"0123456789abcdef" not in answer


@pytest.mark.parametrize("name", ["Last-Event-ID", "If-None-Match", "X-Previous-Version-ID", "X-Request-ID"])
def test_headers_of_any_bytes_are_read(live: Live, name: str) -> None:
    server, bearer = live
    path = "/api/events" if name == "Last-Event-ID" else f"/api/masks/{PATH}"
    for value in (b"\xff\xfe", b"9" * 6000, "ä💩".encode()):
        top = head("POST" if name.startswith("X-Prev") else "GET", path, bearer, "Content-Length: 0")
        request = top.removesuffix(b"\r\n") + name.encode() + b": " + value + b"\r\n\r\n"
        answer = talk(server, request, wait=0.5)
        assert answer.split()[1] in (b"200", b"400"), answer[:200]


def test_an_editor_of_no_text_is_refused(indexed: Callable[..., tuple[Running, Caller]]) -> None:
    _, caller = indexed(1)
    for value in ("\xff\xfe", "a\x00b", "x" * 300):
        answer = caller.post(f"/api/series/{PATH}/activity", X_Editor=value)
        assert (answer.status, answer.json()["error_code"]) == (400, "EDITOR_INVALID")
    for name in ("Zoë Ä. <zoe@example.org>", "Ã¤", "山田"):
        answer = caller.post(f"/api/series/{PATH}/activity", X_Editor=name.encode().decode("latin-1"))
        assert answer.json()["activity"][0]["editor"] == name


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("", 411, "LENGTH_REQUIRED"),
        ("Content-Length: -5", 400, "REQUEST_INVALID"),
        ("Content-Length: ten", 400, "REQUEST_INVALID"),
        ("Transfer-Encoding: gzip", 501, "REQUEST_INVALID"),
    ],
)
def test_bodies_of_unclear_length(live: Live, line: str, status: int, code: str) -> None:
    server, bearer = live
    request = head("POST", f"/api/masks/{PATH}", bearer, *([line] if line else []))
    assert error_of(talk(server, request)) == (status, code)


def test_a_body_that_ends_too_early(live: Live) -> None:
    server, bearer = live
    request = head("POST", f"/api/masks/{PATH}", bearer, "Content-Length: 1000") + b"short"
    assert error_of(talk(server, request, close=True)) == (400, "REQUEST_INVALID")


@pytest.mark.parametrize("chunk", [b"", b"x"])
def test_a_body_that_trickles_or_never_comes_is_given_up(live: Live, chunk: bytes) -> None:
    server, bearer = live
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head("POST", f"/api/masks/{PATH}", bearer, "Content-Length: 100000"))
        answer = trickle(connection, chunk)
    assert answer == b"" or error_of(answer)[0] in (400, 408)


def test_headers_that_trickle_are_given_up(live: Live) -> None:
    server, _ = live
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /api/status HTTP/1.1\r\nX-Slow: ")
        answer = trickle(connection, b"x")
    assert b" 200 " not in answer


def trickle(connection: socket.socket, chunk: bytes) -> bytes:
    """Sends a little now and then until the server ends the conversation; returns what it said."""
    connection.settimeout(0.1)
    received, end = b"", time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if chunk:
                connection.sendall(chunk)
            block = connection.recv(4096)
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return received
        if not block:
            return received
        received += block
    raise TimeoutError("the server waited for ever")


def test_header_floods_are_refused(live: Live) -> None:
    server, bearer = live
    many = [f"X-Flood-{n}: {'x' * 100}" for n in range(2000)]
    assert error_of(talk(server, head("GET", "/api/status", bearer, *many)))[0] in (400, 413)
    assert error_of(talk(server, head("GET", "/api/status?" + "x" * 100_000, bearer)))[0] in (400, 414)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 100 + b"\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(live: Live, data: bytes) -> None:
    answer = talk(live[0], data)
    assert answer == b"" or int(answer.split()[1]) in (400, 505)


@pytest.mark.parametrize(
    "uid",
    [
        "..",
        "%2e%2e",
        "1.2.1%00",
        "%00",
        "1" * 10_000,
        "1..2",
        "1.2/../1.2",
        "%2e%2e%2f%2e%2e%2fetc",
        "1.2.1 ",
        "%ff",
        "١.٢",
    ],
)
def test_wrong_uids_are_refused_and_touch_nothing(live: Live, uid: str) -> None:
    server, bearer = live
    before = sorted(path for path in server.directory.rglob("*") if path.is_dir())
    for path in (f"/api/series/{uid}/{KEY[1]}", f"/api/masks/{KEY[0]}/{uid}", f"/api/retrack/status/{uid}/{uid}"):
        for method in ("GET", "POST"):
            request = head(method, path, bearer, "Content-Length: 0")
            assert error_of(talk(server, request))[0] in (400, 404, 405, 411)
    assert sorted(path for path in server.directory.rglob("*") if path.is_dir()) == before


def test_a_stranger_may_not_make_the_server_read(live: Live) -> None:
    server, _ = live
    request = head("POST", f"/api/masks/{PATH}", "Bearer wrong", "Content-Length: 60000000") + b"x" * 100_000
    assert error_of(talk(server, request)) == (401, "UNAUTHORIZED")


def test_pipelined_and_kept_connections_work(live: Live) -> None:
    server, bearer = live
    one = head("GET", "/api/status", bearer).replace(b"Connection: close\r\n", b"")
    assert talk(server, one + head("GET", "/healthz", bearer)).count(b"HTTP/1.1 200") == 2


def test_idle_connections_cost_no_threads(live: Live) -> None:
    server, _ = live
    host, _, port = server.address.removeprefix("http://").partition(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        assert server.get("/api/status").status_code == 200
    finally:
        for connection in connections:
            connection.close()


def test_the_start_is_quick_and_heavy_libraries_stay_out(live: Live, tmp_path: Path) -> None:
    code = """
import sys, threading
from server.__main__ import main
def look():
    found = [name for name in ("cv2", "numpy", "mdai", "pandas", "dask", "requests") if name in sys.modules]
    print({"heavy": found}, flush=True)
    import os; os._exit(0)
threading.Timer(2, look).start()
main([])
"""
    (tmp_path / "clips").mkdir()
    server = ServerProcess(tmp_path, DATASET="folder:clips", code=code).start()
    stdout = server.process.stdout
    assert stdout is not None
    assert stdout.readline().strip() == "{'heavy': []}"
    server.stop()
