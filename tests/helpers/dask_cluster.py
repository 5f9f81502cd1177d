"""A real Dask scheduler and worker processes on this machine, for the tests of WORKERS=dask://…"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.helpers.server_process import ROOT


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DaskCluster:
    """`with DaskCluster(directory) as cluster:`; workers have one thread each, and no nanny that would replace them."""

    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self._count = workers
        self._scheduler: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DaskCluster:
        host, _, port = self.address.partition(":")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._scheduler = self._start("scheduler", "--host", host, "--port", port, "--no-dashboard", "--no-show")
        self._wait_until_it_listens(int(port))
        for _ in range(self._count):
            self.add_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in [*self.workers, *([self._scheduler] if self._scheduler else [])]:
            process.kill()
            process.wait(20)

    def add_worker(self) -> None:
        """One more worker process."""
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.directory)]
        self.workers.append(self._start("worker", f"tcp://{self.address}", *options))

    def said(self) -> str:
        """Everything that scheduler and workers wrote."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.directory.glob("*.log")))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE"] = "false"  # a loaded test machine is no reason
        with (self.directory / f"{arguments[0]}-{len(self.workers)}.log").open("ab") as log:
            command = [sys.executable, "-m", "dask", *arguments]
            return subprocess.Popen(command, cwd=self.directory, env=environment, stdout=log, stderr=log)

    def _wait_until_it_listens(self, port: int) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(f"the scheduler does not listen:\n{self.said()[-2000:]}")
