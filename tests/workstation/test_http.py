"""The local HTTP app: who is let in, what every answer carries, and connections that are kept."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.helpers.clips import uids, write_dataset
from tests.helpers.workstation import Workstation, edit, mark_empty
from workstation.backend import Backend, start_backend
from workstation.errors import CoreError
from workstation.settings import SettingsStore

KEY = uids(0)
S = f"{KEY[0]}/{KEY[1]}"


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workstation]:
    directory = tmp_path_factory.mktemp("http")
    write_dataset(directory / "clips", 1)
    with Workstation(directory, directory / "clips") as station:
        station.listed(1)
        yield station


def port(station: Workstation) -> int:
    return int(station.base.rpartition(":")[2])


ROUTES = [
    ("GET", "/"),
    ("GET", "/viewer/viewer.js"),
    ("GET", "/api/session"),
    ("GET", "/api/events"),
    ("GET", "/api/series"),
    ("GET", f"/api/frames/{S}/0"),
    ("GET", f"/api/masks/{S}"),
    ("GET", "/api/settings"),
    ("PUT", "/api/settings"),
    ("POST", f"/api/journal/{S}"),
    ("POST", "/api/cache/purge"),
    ("GET", "/nothing"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_comes_in_without_the_key(station: Workstation, method: str, path: str) -> None:
    for cookies in ({}, {f"goobusters_{port(station)}": "guess"}):
        answer = requests.request(method, station.base + path, cookies=cookies, timeout=10)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "KEY_REQUIRED")


def test_every_route_of_the_app_is_guarded(station: Workstation) -> None:
    app = station.backend._app.wsgi
    assert len(app.routes) > 25
    for route in app.routes:
        path = route.rule.replace("<study:re:[0-9.]+>/<series:re:[0-9.]+>", S)
        path = path.replace("<action:re:complete|reopen>", "reopen").replace("<number:int>", "0")
        path = path.replace("<path:path>", "x").replace("<name>", "x").replace("<label_id>", "x")
        path = path.replace("<version>", "x").replace("<filename>", "x")
        assert "<" not in path, f"this test does not know how to fill {route.rule}"
        answer = requests.request(route.method, station.base + path, timeout=10)
        assert answer.status_code == 403, f"{route.method} {route.rule} answered {answer.status_code}"


def test_an_old_key_opens_nothing(station: Workstation) -> None:
    answer = requests.get(f"{station.base}/?key=old", timeout=10, allow_redirects=False)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_key_becomes_a_cookie_that_scripts_cannot_read(station: Workstation) -> None:
    answer = requests.get(station.backend.address, timeout=10, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]", ""])
def test_another_host_name_is_refused(station: Workstation, host: str) -> None:
    """DNS rebinding: a page of another name that points to this machine."""
    answer = station.session.get(f"{station.base}/api/session", headers={"Host": host}, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "HOST_FORBIDDEN")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
def test_another_origin_is_refused(station: Workstation, origin: str) -> None:
    headers = {"Origin": origin}
    answer = station.session.post(f"{station.base}/api/refresh", headers=headers, json={}, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "ORIGIN_FORBIDDEN")
    headers = {"Origin": station.base}
    assert station.session.post(f"{station.base}/api/refresh", headers=headers, json={}, timeout=10).ok


@pytest.mark.parametrize("path", ["/", "/api/session", "/viewer/viewer.js", "/nothing", f"/api/frames/{S}/0"])
def test_every_answer_forbids_what_the_page_does_not_need(station: Workstation, path: str) -> None:
    headers = station.request("GET", path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_and_its_modules_are_served(station: Workstation) -> None:
    page = station.request("GET", "/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    script = station.request("GET", "/viewer/api.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/viewer/../workstation/core.py", "/viewer/__init__.py", "/viewer/%2e%2e/x.js", "/viewer//etc/passwd"]
)
def test_nothing_else_is_served(station: Workstation, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port(station), timeout=10)
    cookies = "; ".join(f"{c.name}={c.value}" for c in station.session.cookies)
    connection.request("GET", path, headers={"Cookie": cookies})
    answer = connection.getresponse()
    assert answer.status == 404
    assert json.loads(answer.read())["error_code"] == "NOT_FOUND"
    connection.close()


def test_connections_are_kept(station: Workstation) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port(station), timeout=10)
    cookies = "; ".join(f"{c.name}={c.value}" for c in station.session.cookies)
    for body in (None, b'{"theme": "dark"}', b"not json", None):
        method = "PUT" if body else "GET"
        connection.request(method, "/api/settings", body, {"Cookie": cookies})
        first = connection.sock
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (400 if body == b"not json" else 200)
        assert connection.sock is first, "the connection was closed"
    connection.close()


def raw(station: Workstation, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port(station)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /api/refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /api/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /api/refresh HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"411"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_requests_that_are_no_good_are_refused(station: Workstation, request_bytes: bytes, status: bytes) -> None:
    answer = raw(station, request_bytes)
    assert status in answer.split(b"\r\n", 1)[0]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error_code"] == "REQUEST_INVALID"


def test_unknown_things_have_codes(station: Workstation) -> None:
    for path, status, code in (
        ("/api/series/1.9/1.9", 404, "SERIES_UNKNOWN"),
        (f"/api/frames/{S}/0", 404, "NOT_FOUND"),
        (f"/api/masks/{S}", 409, "NOT_OPEN"),
        (f"/api/conflict/{S}", 404, "CONFLICT_NONE"),
        (f"/api/series/{S}/history", 503, "SERVER_UNSET"),
        ("/api/nothing", 404, "NOT_FOUND"),
    ):
        answer = station.request("GET", path)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code)
        assert set(answer.json()) >= {"error_code", "message", "request_id"}
    assert station.request("DELETE", "/api/session").json()["error_code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b"null", b'{"x": NaN}', b"[" * 100_000])
def test_bodies_that_are_no_json_are_refused(station: Workstation, body: bytes) -> None:
    answer = station.request("PUT", "/api/settings", data=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "REQUEST_INVALID")


def test_edits_need_an_open_series(station: Workstation) -> None:
    answer = station.append(KEY, edit(), mark_empty(1))
    assert (answer.status_code, answer.json()["error_code"]) == (409, "NOT_OPEN")


def test_news_arrive_and_can_be_caught_up_with(station: Workstation) -> None:
    events = station.session.get(f"{station.base}/api/events", stream=True, timeout=20)
    assert events.headers["Content-Type"].startswith("text/event-stream")
    lines = events.iter_lines(chunk_size=1)
    assert next(lines) == b"retry: 1000"
    station.backend.core.events.notice("TEST", "one")
    now = list(iter(lambda: next(lines).decode(), "event: notice"))
    assert [line for line in now if line.startswith("event:")] == ["event: session", "event: series"], "as it is now"
    number = now[-1].partition("id: ")[2]
    events.close()
    station.backend.core.events.notice("TEST", "two")
    again = station.session.get(
        f"{station.base}/api/events", headers={"Last-Event-ID": number}, stream=True, timeout=20
    )
    lines = again.iter_lines(chunk_size=1)
    text = [next(lines).decode() for _ in range(5)]
    assert any('"two"' in line for line in text)
    assert not any('"one"' in line or "event: session" in line for line in text)
    again.close()


def test_who_was_away_too_long_gets_everything(station: Workstation) -> None:
    again = station.session.get(
        f"{station.base}/api/events", headers={"Last-Event-ID": "999999"}, stream=True, timeout=20
    )
    lines = again.iter_lines(chunk_size=1)
    text = [next(lines).decode() for _ in range(8)]
    assert "event: session" in text
    assert "event: series" in text
    again.close()


def test_settings_over_http(station: Workstation) -> None:
    answer = station.request("PUT", "/api/settings", json={"theme": "dark", "shortcuts": {"undo": ["U"]}})
    assert answer.json()["theme"] == "dark"
    assert station.get("/api/settings")["shortcuts"] == {"undo": ["U"]}
    assert station.request("PUT", "/api/settings", json={"theme": 1}).status_code == 400


def test_a_port_in_use_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path / "clips", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {"DATASET": f"folder:{tmp_path / 'clips'}", "CLIENT_PORT": str(taken.getsockname()[1])}
        backend = Backend(SettingsStore(tmp_path, tmp_path / "user", environment))
        with pytest.raises(CoreError) as refused:
            backend.start()
    assert refused.value.code == "PORT_IN_USE"
    assert "CLIENT_PORT" in refused.value.message


def test_a_start_that_fails_says_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workstation.backend import parser

    options = parser("backend").parse_args(["--settings", str(tmp_path), "--user", str(tmp_path)])
    monkeypatch.setenv("CLIENT_PORT", "many")
    assert start_backend(options) is None
    assert capsys.readouterr().err.strip() == "goobusters: CLIENT_PORT: expects a whole number from 0 to 65535"
    monkeypatch.delenv("CLIENT_PORT")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("VIDEO_CACHE_PATH", str(tmp_path / "file" / "cache"))
    assert start_backend(options) is None
    assert "[CACHE_NOT_WRITABLE]" in capsys.readouterr().err
