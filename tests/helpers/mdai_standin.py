"""A stand-in for MD.ai on loopback, for tests: what the SDK talks to, over real HTTPS, with faults to switch on.

The unmodified SDK insists on https and on a name such as `standin.mdai.dev`. It goes through `requests`, which honours
HTTPS_PROXY and REQUESTS_CA_BUNDLE: the stand-in is the proxy, answers CONNECT for that name itself, and shows a
certificate of its own authority. So nothing leaves the machine and nothing is patched.

    with MdaiStandin(export, clips) as standin:
        environment = standin.environment()          # for a child process, or monkeypatch.setenv
        standin.fail("images", status=403)
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.helpers.mdai_zip import zip_parts

DOMAIN = "standin.mdai.dev"
TOKEN = "token-of-a-clinician"
PROJECT, DATASET = "aGq4k6NW", "D_vBnWb1"


@dataclass
class Fault:
    """What goes wrong at one endpoint, the next `times` times (None: from now on).

    status: answer with it · cut: close after half the body · unsaid: and without having said its length · length: say
    that many bytes more (or fewer) than there are · slow: seconds between 20 pieces of the body · body: send this
    instead · job: the export job's answers end in this status.
    """

    status: int | None = None
    cut: bool = False
    unsaid: bool = False
    length: int = 0
    slow: float = 0
    body: bytes | None = None
    job: str | None = None
    times: int | None = None


@dataclass
class MdaiStandin:
    """One project with one data set. `export` is the annotation export, `clips` {"STUDY/SERIES.mp4": bytes}.

    generation: counts up when MD.ai makes a new image export · running: how often a job says "running" first ·
    seen: (method, path) of every request · sent: bytes of file bodies sent · allow_post: else downloads want GET.
    """

    export: dict[str, Any]
    clips: dict[str, bytes]
    parts: int = 1
    generation: int = 1
    running: int = 0
    allow_post: bool = True
    unsafe_name: str | None = None
    keys: Any = None
    seen: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._polls: dict[str, int] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(_certificates() / "server.pem", _certificates() / "server.key")
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`base` with what makes requests reach the stand-in and trust it, and no other host by https."""
        proxy = f"http://127.0.0.1:{self.server.server_address[1]}"
        proxies = {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return {**base, **proxies, "REQUESTS_CA_BUNDLE": str(_certificates() / "ca.pem")}

    def fail(self, endpoint: str, **fault: Any) -> None:
        """Switches a fault on at test, annotations, images, progress, done, error, download-request, download-images or
        download-annotations; `images-progress` and the like for one of both jobs."""
        self.faults[endpoint] = Fault(**fault)

    def mend(self) -> None:
        """Switches every fault off."""
        self.faults.clear()

    def count(self, path: str) -> int:
        """How many requests there were whose path holds `path`."""
        return sum(path in seen for _, seen in self.seen)

    def file_keys(self, kind: str) -> Any:
        """What `/done` names: one JSON file, or the parts of the image export."""
        name = f"mdai_standin_project_{PROJECT}_{kind}_dataset_{DATASET}_2026-01-15-{self.generation:06d}"
        if kind == "annotations":
            return [f"{name}.json"]
        if self.keys is not None:
            return self.keys
        if self.parts == 1:
            return [f"{name}.zip"]
        return [f"{name}_part{n}of{self.parts}.zip" for n in range(1, self.parts + 1)]

    def file(self, key: str) -> bytes | None:
        """The bytes of an exported file, None when there is none of that name."""
        if key in self.file_keys("annotations"):
            return json.dumps(self.export).encode()
        keys = self.file_keys("images")
        if key in keys:
            folder = key.removesuffix(".zip").partition("_part")[0]
            return zip_parts(self.clips, folder, self.parts, self.unsafe_name)[keys.index(key)]
        return None

    def fault(self, *endpoints: str) -> Fault:
        """The fault that is on at one of these endpoints, counted as used."""
        for endpoint in endpoints:
            found = self.faults.get(endpoint)
            if found is not None and found.times != 0:
                found.times = None if found.times is None else found.times - 1
                return found
        return Fault()

    def job_status(self, kind: str, fault: Fault) -> dict[str, Any]:
        """The answer of `/progress`: "running" a few times, then "done" (or what the fault says)."""
        polls = self._polls[kind] = self._polls.get(kind, 0) + 1
        if polls <= self.running:
            return {"status": "running", "progress": 100 * polls // (self.running + 1), "timeRemaining": 5}
        return {"status": fault.job or "done"}

    def restart_job(self, kind: str) -> None:
        """A new export job was asked for."""
        self._polls[kind] = 0


@functools.cache
def _certificates() -> Path:
    """A directory with an authority and a certificate for DOMAIN, by the openssl command: Python cannot make any.

    Made once a process, and gone with it.
    """
    directory = Path(tempfile.mkdtemp(prefix="standin-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    subject = ["-x509", "-subj", "/CN=stand-in authority", "-days", "2"]
    openssl("req", *subject, *key, *authority, "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-subj", f"/CN={DOMAIN}", *key, "-keyout", "server.key", "-out", "server.csr")
    (directory / "server.ext").write_text(
        f"subjectAltName=DNS:{DOMAIN}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "server.ext"]
    openssl("x509", "-req", "-in", "server.csr", *sign, "-out", "server.pem")
    return directory


def _handler(standin: MdaiStandin) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.standin = standin
    return Handler


class _Handler(BaseHTTPRequestHandler):
    standin: MdaiStandin
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_CONNECT(self) -> None:
        if self.path.rpartition(":")[0] != DOMAIN:  # whatever else a client wants to reach, it does not get there
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        try:
            self.connection = self.standin.tls.wrap_socket(self.connection, server_side=True)
        except OSError:
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        with contextlib.suppress(OSError):
            self.connection.close()

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # a client that was killed
            super().handle()

    def do_GET(self) -> None:
        self._answer(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._answer(json.loads(self.rfile.read(length) or b"{}"))

    def _answer(self, body: dict[str, Any]) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.standin.seen.append((self.command, path))
        if not path.startswith("/api/data-export/download/") and self.headers.get("x-access-token") != TOKEN:
            self._json({"error": "unauthorized"}, 401)
        elif path == "/api/test":
            fault = self.standin.fault("test")
            self._send(b"{}" if fault.body is None else fault.body, fault.status or 200, fault)
        elif path == "/api/data-export/download-request":
            fault = self.standin.fault("download-request")
            token = {"token": f"{body['key']} for {body['sessionId']}"}
            self._json(token if fault.status is None else {"error": "no"}, fault.status or 200)
        elif path.startswith("/api/data-export/download/"):
            self._file(path.removeprefix("/api/data-export/download/"), body)
        elif path.startswith("/api/data-export/"):
            self._job(path.removeprefix("/api/data-export/").split("/"), body)
        else:
            self._json({"error": "not found"}, 404)

    def _job(self, path: list[str], body: dict[str, Any]) -> None:
        kind, step = path[0], path[1] if len(path) > 1 else None
        wanted = {"images": "zip", "annotations": "json"}.get(kind)
        if body.get("exportFormat") != wanted:
            self._json({"error": "bad request"}, 400)
        elif (body.get("projectHashId"), body.get("datasetHashId")) != (PROJECT, DATASET):
            self._json({"error": "no such project"}, 401)
        elif step is None:
            fault = self.standin.fault(kind)
            self.standin.restart_job(kind)
            self._json({}, fault.status or 202)
        else:
            fault = self.standin.fault(f"{kind}-{step}", step)
            answers = {"progress": self.standin.job_status, "done": self._done, "error": lambda kind, fault: {}}
            if fault.body is not None:
                self._send(fault.body, fault.status or 200, fault)
            else:
                self._json(answers[step](kind, fault), fault.status or 200)

    def _done(self, kind: str, fault: Fault) -> dict[str, Any]:
        return {"fileKeys": self.standin.file_keys(kind)}

    def _file(self, key: str, body: dict[str, Any]) -> None:
        kind = "annotations" if key.endswith(".json") else "images"
        if self.command == "POST" and not self.standin.allow_post:
            self._json({"error": "use GET"}, 405)
            return
        data = self.standin.file(key)
        if data is None or body.get("token") != f"{urllib.parse.quote(key)} for {body.get('sessionId')}":
            self._json({"error": "no such download"}, 403)
            return
        fault = self.standin.fault(f"download-{kind}")
        self._send(data if fault.body is None else fault.body, fault.status or 200, fault)

    def _json(self, value: Any, status: int) -> None:
        self._send(json.dumps(value).encode(), status, Fault())

    def _send(self, body: bytes, status: int, fault: Fault) -> None:
        self.send_response(status)
        if fault.unsaid:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body) + fault.length))
        self.end_headers()
        body = body[: len(body) // 2] if fault.cut else body
        pieces = 20 if fault.slow else 1
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            self.standin.sent += len(body[start : start + size])
            time.sleep(fault.slow)
        self.close_connection |= fault.cut or fault.unsaid or bool(fault.length)
