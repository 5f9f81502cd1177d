"""The real thing behind the viewer: server process, core process (`goobusters backend`) and a small data set."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.helpers.kill import KILL
from tests.helpers.server_process import ROOT, ServerProcess

EDITOR = "ann@example.org"


class CoreProcess:
    """`goobusters backend` with a cache and settings of its own in `directory`; its address opens the viewer once."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.address = ""
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None

    def start(self, timeout: float = 90) -> CoreProcess:
        """Starts the process and waits until it has printed its address."""
        self.directory.mkdir(parents=True, exist_ok=True)
        known = ("MDAI_", "SERVER_", "USER_EMAIL", "DATASET", "CLIENT_PORT", "VIDEO_CACHE_PATH")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(known)}
        environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **self._settings}
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # never a developer's own keyring
        command = [sys.executable, "-m", "workstation", "backend", "--print-address", "--settings", str(self.directory)]
        with (self.directory / "core.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--user", str(self.directory / "user")],
                cwd=self.directory,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.address = self._first_line(timeout).strip()
        if not self.address:
            self.kill()
            raise RuntimeError(f"the core did not start:\n{self.log()[-2000:]}")
        return self

    def _first_line(self, timeout: float) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self._process is not None and self._process.stdout is not None
        reader = threading.Thread(target=lambda out=self._process.stdout: lines.put(out.readline()), daemon=True)
        reader.start()
        try:
            return lines.get(timeout=timeout)
        except queue.Empty:
            return ""

    def log(self) -> str:
        """Everything the core wrote to standard error so far, over all starts."""
        return (self.directory / "core.log").read_text("utf-8")

    def kill(self) -> None:
        """kill -9, as a crash would."""
        self._end(KILL)

    def stop(self) -> None:
        """Asks the process to end."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)
        assert process.stdout is not None
        process.stdout.close()
        self._process = None


class Stack:
    """A server on `clips` (a folder data set) and as many cores as a test wants, in `directory`. Stop it at the end."""

    def __init__(self, directory: Path, clips: Path) -> None:
        self.directory = directory
        self.clips = clips
        home = directory / "server"
        home.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.server = ServerProcess(home, DATASET=f"folder:{clips}", SERVER_PORT=str(port), RETRACK_WORKERS="1")
        self.url = f"http://127.0.0.1:{port}"
        self._cores: list[CoreProcess] = []

    def start(self) -> Stack:
        """Starts the server. It tracks in the background; what a test opens jumps the line."""
        self.server.start()
        return self

    def core(self, editor: str = EDITOR, **settings: str | None) -> CoreProcess:
        """A started core of one person; the same `editor` again has the same cache. None leaves a setting out."""
        defaults = {"DATASET": f"folder:{self.clips}", "SERVER_URL": self.url, "USER_EMAIL": editor}
        chosen = {name: value for name, value in {**defaults, **settings}.items() if value is not None}
        core = CoreProcess(self.directory / editor.partition("@")[0], **chosen)
        self._cores.append(core)
        return core.start()

    def stop(self) -> None:
        """Ends every process."""
        for core in self._cores:
            core.stop()
        if self.server.address:
            self.server.stop()


def free_port() -> int:
    """A port that was free a moment ago: a server that goes away and comes back needs the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
