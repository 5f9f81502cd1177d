"""The shipped Caddyfile in a real Caddy, before a real server: certificate, live news, limits, headers, and its log."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.auth import make_token
from tests.helpers.clips import uids, write_dataset
from tests.helpers.dask_cluster import free_port
from tests.helpers.server_process import ROOT, ServerProcess

pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="no caddy on this machine")
STUDY, SERIES = uids(0)
PATH = f"{STUDY}/{SERIES}"


class Caddy:
    """Caddy with the shipped Caddyfile for https://localhost, on free ports, its certificates in `directory`."""

    def __init__(self, directory: Path, upstream: str, *, debug: bool = False) -> None:
        self.directory = directory
        self._debug = debug
        self.https, self.http = free_port(), free_port()
        self.address = f"https://localhost:{self.https}"
        self.root = directory / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        ports = {"CADDY_HTTPS_PORT": str(self.https), "CADDY_HTTP_PORT": str(self.http)}
        places = {"XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "HOME": str(directory)}
        self._environment = {**os.environ, **ports, **places, "CADDY_SITE": "localhost", "CADDY_UPSTREAM": upstream}

    def __enter__(self) -> Caddy:
        self.directory.mkdir()
        text = (ROOT / "Caddyfile").read_text("utf-8")
        if self._debug:
            text = text.replace("admin off", "admin off\n\tdebug", 1)
        (self.directory / "Caddyfile").write_text(text, "utf-8")
        command = ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
        with (self.directory / "caddy.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.directory, env=self._environment, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while not (self.root.exists() and self._answers()):
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _answers(self) -> bool:
        try:
            return self.get("/healthz").status_code in (200, 502)
        except requests.RequestException:
            return False

    def get(self, path: str, **options: object) -> requests.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        return requests.request(method, self.address + path, verify=str(self.root), timeout=60, **options)  # type: ignore[arg-type]

    def log(self) -> str:
        return (self.directory / "caddy.log").read_text("utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("served")
    write_dataset(directory / "clips", 1)
    return directory


@pytest.fixture(scope="module")
def token(place: Path) -> str:
    return make_token(place / "tokens.json", "ann@example.org")


@pytest.fixture(scope="module")
def server(place: Path, token: str) -> Iterator[ServerProcess]:
    with ServerProcess(place, DATASET="folder:clips", AUTH="tokens", RETRACK_WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def caddy(place: Path, server: ServerProcess) -> Iterator[Caddy]:
    with Caddy(place / "front", server.address.removeprefix("http://")) as running:
        yield running


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "X-Editor": "ann@example.org"}


def test_the_certificate_is_verified_and_plain_http_is_sent_to_https(caddy: Caddy, headers: dict[str, str]) -> None:
    status = caddy.get("/api/status", headers=headers)
    assert (status.status_code, status.json()["phase"] != "") == (200, True)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{caddy.address}/healthz", timeout=20)
    plain = requests.get(f"http://localhost:{caddy.http}/healthz", timeout=20, allow_redirects=False)
    assert plain.status_code == 308
    assert plain.headers["Location"].startswith("https://localhost")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_http_2_is_spoken(caddy: Caddy) -> None:
    command = [
        "curl",
        "--silent",
        "--output",
        os.devnull,
        "--cacert",
        str(caddy.root),
        "--write-out",
        "%{http_version}",
    ]
    result = subprocess.run(
        [*command, f"{caddy.address}/healthz"], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == "2"


def test_every_answer_has_the_security_headers(caddy: Caddy, headers: dict[str, str]) -> None:
    for answer in (caddy.get("/api/status", headers=headers), caddy.get("/api/status"), caddy.get("/nothing")):
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers
    assert caddy.get("/api/status").status_code == 401


def test_news_come_at_once(caddy: Caddy, server: ServerProcess, headers: dict[str, str]) -> None:
    end = time.monotonic() + 120
    while not caddy.get("/api/status", headers=headers).json()["ready"]:
        assert time.monotonic() < end
        time.sleep(0.2)
    with caddy.get("/api/events", headers=headers, stream=True) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines(chunk_size=1)
        assert heard(lines, b"event:")
        answer = caddy.request("POST", f"/api/series/{PATH}/complete", headers=headers)
        assert answer.status_code == 200
        # the stream never ends by itself: this only returns because the event is passed on while it is open
        assert heard(lines, b'"completed":{')


def heard(lines: Iterator[bytes], word: bytes) -> bool:
    """Whether the word comes within a minute's heartbeats."""
    return any(word in line for line in itertools.islice(lines, 200))


def test_what_is_too_large_is_refused_in_our_error_shape(caddy: Caddy, headers: dict[str, str]) -> None:
    small = caddy.request("POST", f"/api/masks/{PATH}", headers=headers, data=bytes(1 << 20))
    assert (small.status_code, small.json()["error_code"]) == (400, "ARCHIVE_UNREADABLE")
    for path, size in ((f"/api/masks/{PATH}", (64 << 20) + 1), (f"/api/series/{PATH}/restore", (64 << 10) + 1)):
        large = refused(caddy, path, headers, size)
        assert (large.status_code, large.json()["error_code"]) == (413, "ARCHIVE_TOO_LARGE")
    flood = {**headers, "X-Flood": "x" * 100_000}
    assert caddy.get("/api/status", headers=flood).status_code in (400, 431)


def refused(caddy: Caddy, path: str, headers: dict[str, str], size: int) -> requests.Response:
    """The answer to a body that is too large. Who is still sending when HTTP/1.1 refuses may lose it: tries again."""
    for _ in range(4):
        with contextlib.suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return caddy.request("POST", path, headers=headers, data=endless(size))
    return caddy.request("POST", path, headers=headers, data=endless(size))


def endless(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(-(-size // 65536)):
        yield bytes(65536)


def test_a_server_that_is_away_is_said_and_no_log_names_anybody(
    tmp_path: Path, caddy: Caddy, token: str, headers: dict[str, str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else takes the port
        with Caddy(tmp_path / "front", f"127.0.0.1:{nobody.getsockname()[1]}", debug=True) as alone:
            answer = alone.get(f"/api/masks/{PATH}", headers=headers)
            assert (answer.status_code, answer.json()["error_code"]) == (502, "SERVER_UNREACHABLE")
            assert answer.headers["Strict-Transport-Security"]
        said = alone.log() + caddy.log()
    assert "connection refused" in said
    assert not [secret for secret in (token, PATH, "ann@example.org", "Bearer") if secret in said]
