"""Starts a real mask server as a process of its own, on a free port. Used by the server's and the end-to-end tests."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]


class ServerProcess:
    """`with ServerProcess(directory, DATASET="folder:clips") as server:`; state, masks and data lie in `directory`."""

    def __init__(self, directory: Path, *, code: str | None = None, **settings: str) -> None:
        self.directory = directory
        self.address = ""
        self.log_path = directory / "server.log"
        self.start_seconds = 0.0
        self.headers: dict[str, str] = {}
        self._settings = {"AUTH": "none", "SERVER_PORT": "0", **settings}
        self._code = code
        self._process: subprocess.Popen[str] | None = None

    def start(self, timeout: float = 90) -> ServerProcess:
        """Starts the process and waits until it has printed its address."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MDAI_", "SERVER_"))}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **self._settings}
        command = ["-c", self._code] if self._code else ["-m", "server"]
        began = time.monotonic()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.directory,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._first_line(timeout)
        self.start_seconds = time.monotonic() - began
        if not line:
            self.stop()
            raise RuntimeError(f"the server did not start:\n{self.log()[-2000:]}")
        self.address = json.loads(line)["address"]
        return self

    def _first_line(self, timeout: float) -> str:
        lines: queue.Queue[str] = queue.Queue()
        stdout = self.process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            return lines.get(timeout=timeout)
        except queue.Empty:
            return ""

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        """Everything the server wrote to standard error so far, over all starts."""
        return self.log_path.read_text("utf-8")

    def kill(self) -> None:
        """kill -9, as a crash would."""
        self.process.kill()
        self._reap()

    def stop(self, timeout: float = 15) -> int:
        """Asks the process to end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(15)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request on a connection of its own; `headers` of the object go with it."""
        options["headers"] = {**self.headers, **options.get("headers", {})}
        return requests.request(method, self.address + path, timeout=options.pop("timeout", 30), **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def wait_ready(self, timeout: float = 120) -> dict[str, Any]:
        """Waits until nothing is pending; returns the status."""
        return self.wait_for("/api/status", lambda status: status["ready"], timeout)

    def wait_for(self, path: str, condition: Any, timeout: float = 60) -> Any:
        """Asks `path` until `condition` of its JSON holds; returns that JSON."""
        end = time.monotonic() + timeout
        answer: Any = None
        while time.monotonic() < end:
            answer = self.get(path).json()
            if condition(answer):
                return answer
            time.sleep(0.05)
        raise TimeoutError(f"{path} still answers {answer}\n{self.log()[-2000:]}")
