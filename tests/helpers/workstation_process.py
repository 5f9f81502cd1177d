"""Starts a real workstation core without its window, as a process of its own. Used by the end-to-end tests."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from tracking.contracts.settings import BY_KEY

ROOT = Path(__file__).resolve().parents[2]


class WorkstationProcess:
    """`with WorkstationProcess(directory, DATASET=…, SERVER_URL=…) as station:`; its cache and settings lie there."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.address = ""
        self.log_path = directory / "workstation.log"
        self._settings = {"VIDEO_CACHE_PATH": str(directory / "cache"), **settings}
        self._process: subprocess.Popen[str] | None = None

    def start(self, timeout: float = 30) -> WorkstationProcess:
        """Starts the process; `address` is then what a browser opens. Raises RuntimeError when it does not start."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in BY_KEY}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **self._settings}
        command = [sys.executable, "-m", "workstation", "backend", "--print-address"]
        command += ["--user", str(self.directory / "user"), "--verbose"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.directory, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        lines: queue.Queue[str] = queue.Queue()
        stdout = self._process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            self.address = lines.get(timeout=timeout).strip()
        except queue.Empty:
            self.address = ""
        if not self.address:
            self.stop()
            raise RuntimeError(f"the workstation did not start:\n{self.log()[-2000:]}")
        return self

    def log(self) -> str:
        """Everything it wrote to standard error so far."""
        return self.log_path.read_text("utf-8")

    def stop(self, timeout: float = 20) -> int:
        """Asks the process to end; returns its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait(timeout)
        if self._process.stdout:
            self._process.stdout.close()
        return code

    def __enter__(self) -> WorkstationProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
