"""How do tracking jobs run on a Dask cluster? The same interface as `workers.LocalWorkers`, for WORKERS=dask://HOST:PORT.

The cluster's workers have the same goobusters installed and see the same directories by the same paths (a shared file
system); only small messages travel through Dask. A worker cannot be killed from here, so a job that was given up may go
on for a while: every attempt writes into a scratch directory of its own, and only the server, which has one attempt's
word that it is whole, moves its result to where `jobs` expects it.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker, get_worker

from server.clock import Clock
from server.files import make_directory
from server.production import MASKS, NEW_ARCHIVE, NEW_MASKS
from server.track_job import JobFailed, JobResult, TrackJob
from server.workers import ATTEMPTS, STALL_SECONDS, JobFunction
from tracking.params import Params

log = logging.getLogger("goobusters.workers")

_SCRATCH = ".dask-"
_TOPIC = "goobusters"
_POLL_SECONDS = 0.1
_NEWS_SECONDS = 0.2
_CONNECT_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0  # without any worker taking a job, before the log says so


@dataclass(frozen=True)
class _Outcome:
    """What a worker answers. Failures are values: Dask would log a raised one with its arguments, ids among them."""

    scratch: Path | None = None
    result: JobResult | None = None
    failure: JobFailed | None = None


@dataclass
class _News:
    """What a running job last said, written by Dask's thread. count: how many messages, the first at its start."""

    done: int = 0
    total: int = 0
    count: int = 0
    worker: str = ""


class _Lost(Exception):
    """The scheduler is gone, and its jobs with it."""


def _died() -> JobFailed:
    return JobFailed("WORKER_DIED", "The worker process died twice at this clip.")


class DaskWorkers:
    """Jobs on the cluster behind the scheduler at `address` (HOST:PORT). `slots` jobs are given to it at a time."""

    def __init__(
        self,
        address: str,
        slots: int,
        clock: Clock,
        function: JobFunction,
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.slots = slots
        self._address = address
        self._clock = clock
        self._function = function
        self._stall_seconds = stall_seconds
        self._lock = threading.Lock()
        self._client: Any = None
        self._news: dict[str, _News] = {}

    def run(self, job: TrackJob, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> JobResult:
        """See `workers.Workers`. While the scheduler is away, jobs wait for it."""
        for attempt in range(1, ATTEMPTS + 1):
            _sweep(job.mask_directory)
            try:
                return self._attempt(self._connected(cancelled), job, progress, cancelled)
            except _Lost:
                log.warning("cluster_lost", extra={"series": (job.study_uid, job.series_uid), "attempt": attempt})
            finally:
                _sweep(job.mask_directory)
        raise JobFailed("CLUSTER_LOST", "The connection to the cluster broke twice at this clip.")

    def close(self) -> None:
        """Leaves the cluster; its workers are not ours to end."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            _close(client)

    def _connected(self, cancelled: Callable[[], bool]) -> Any:
        """A client with a live connection. Raises JobFailed CANCELLED."""
        is_told = False
        while not cancelled():
            with self._lock:
                if self._client is not None and self._client.status == "running":
                    return self._client
                if self._client is not None:
                    _close(self._client)
                    self._client = None
                with contextlib.suppress(OSError, TimeoutError):
                    self._client = self._connect()
                    return self._client
            if not is_told:
                log.error("dask_unreachable", extra={"reason": "the scheduler does not answer; jobs wait for it"})
                is_told = True
            time.sleep(_POLL_SECONDS)
        raise JobFailed("CANCELLED", "Tracking was cancelled.")

    def _connect(self) -> Any:
        quiet = logging.getLogger("distributed")  # its lines hold addresses, and are no JSON
        quiet.handlers.clear()
        quiet.propagate = True
        quiet.setLevel(logging.ERROR)
        client = Client(self._address, timeout=_CONNECT_SECONDS, set_as_default=False, name="goobusters")
        client.subscribe_topic(_TOPIC, self._hear)
        return client

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]
        news = self._news.get(message["job"])
        if news is not None:
            news.done, news.total, news.worker = message["done"], message["total"], message["worker"]
            news.count += 1

    def _attempt(
        self, client: Any, job: TrackJob, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> JobResult:
        token = uuid.uuid4().hex
        news = self._news[token] = _News()
        arguments = (self._function, job, token, Params().digest())
        try:
            future = client.submit(_run_on_worker, *arguments, key=f"{_TOPIC}-{token}", pure=False)
            outcome = self._wait(client, future, news, progress, cancelled)
        finally:
            del self._news[token]
        if outcome.failure is not None:
            raise outcome.failure
        if outcome.scratch is None or outcome.result is None:
            raise JobFailed("INTERNAL_ERROR", "A worker of the cluster gave no result.")
        _take_over(outcome.scratch, job.mask_directory)
        return outcome.result

    def _wait(
        self,
        client: Any,
        future: Any,
        news: _News,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> _Outcome:
        finished = threading.Event()
        future.add_done_callback(lambda _: finished.set())
        seen, moved_at, is_told = 0, self._clock.monotonic(), False
        while not finished.wait(_POLL_SECONDS):
            if news.count != seen:
                seen, moved_at = news.count, self._clock.monotonic()
                progress(news.done, news.total)
            waited = self._clock.monotonic() - moved_at
            if cancelled():
                future.cancel()
                raise JobFailed("CANCELLED", "Tracking was cancelled.")
            if news.count and waited > self._stall_seconds:
                future.cancel()
                _replace(client, news.worker)
                raise JobFailed("STALLED", "Tracking made no progress for minutes and was given up.")
            if not news.count and waited > _PATIENCE_SECONDS and not is_told:
                log.warning("dask_no_worker", extra={"reason": "no worker of the cluster takes a job"})
                is_told = True
            if client.status != "running":
                raise _Lost
        try:
            outcome: _Outcome = future.result(timeout=_CONNECT_SECONDS)
        except KilledWorker:
            raise _died() from None
        except (CancelledError, TimeoutError, OSError):
            raise _Lost from None
        return outcome


def _close(client: Any) -> None:
    with contextlib.suppress(OSError, TimeoutError, RuntimeError):  # it may be gone already
        client.close(timeout=2)


def _replace(client: Any, worker: str) -> None:
    """Gets a hanging worker out of the way: its nanny starts a fresh one, or, without a nanny, the cluster loses it.

    Other jobs on it begin anew elsewhere.
    """
    errors = (ValueError, KeyError, OSError, TimeoutError, RuntimeError)
    try:
        client.restart_workers([worker], timeout=20)
        return
    except errors:
        log.warning("dask_worker_hangs", extra={"reason": "it has no nanny that could replace it"})
    try:
        client.retire_workers([worker], close_workers=True)
    except errors as error:
        log.error("dask_worker_hangs", extra={"reason": f"it cannot be removed either ({type(error).__name__})"})


def _sweep(mask_directory: Path) -> None:
    """Removes scratch directories: whoever still works in one sees that it is given up, or fails harmlessly."""
    for path in mask_directory.glob(f"{_SCRATCH}*"):
        shutil.rmtree(path, ignore_errors=True)


def _take_over(scratch: Path, mask_directory: Path) -> None:
    """Moves a whole result to where `jobs` looks for it. Raises OSError."""
    shutil.rmtree(mask_directory / NEW_MASKS, ignore_errors=True)
    (scratch / NEW_MASKS).rename(mask_directory / NEW_MASKS)
    (scratch / NEW_ARCHIVE).replace(mask_directory / NEW_ARCHIVE)


def _run_on_worker(function: JobFunction, job: TrackJob, token: str, digest: str) -> _Outcome:
    """The cluster's side of a job."""
    if Params().digest() != digest:
        return _Outcome(failure=JobFailed("WORKER_OUTDATED", "A worker of the cluster has another goobusters."))
    if len(list(job.mask_directory.glob(f"{_SCRATCH}{token}-*"))) >= ATTEMPTS:
        return _Outcome(failure=_died())  # the scheduler itself is more patient
    scratch = job.mask_directory / f"{_SCRATCH}{token}-{uuid.uuid4().hex}"
    tell = _Teller(token)
    try:
        make_directory(scratch)
        (scratch / MASKS).symlink_to(Path("..") / MASKS)  # what is served now: stretches that stay are taken from it
        result = function(replace(job, mask_directory=scratch), tell.progress, _watcher(scratch))
    except JobFailed as failure:
        return _Outcome(failure=failure)
    except OSError as error:
        return _Outcome(failure=JobFailed("STORAGE_FAILED", f"A file cannot be read or written: {error.strerror}."))
    except Exception as error:  # noqa: BLE001 - see _Outcome; the type says enough
        return _Outcome(failure=JobFailed("INTERNAL_ERROR", f"Tracking failed ({type(error).__name__})."))
    return _Outcome(scratch, result)


class _Teller:
    """Sends a job's progress to the server, not more often than it wants to hear it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._worker = get_worker()
        self._told_at = float("-inf")
        self._tell(0, 0)

    def progress(self, done: int, total: int) -> None:
        if time.monotonic() - self._told_at >= _NEWS_SECONDS:
            self._told_at = time.monotonic()
            self._tell(done, total)

    def _tell(self, done: int, total: int) -> None:
        message = {"job": self._token, "done": done, "total": total, "worker": self._worker.address}
        self._worker.log_event(_TOPIC, message)


def _watcher(scratch: Path) -> Callable[[], bool]:
    """Whether the server has given this attempt up, and so swept it away; looks once a second."""
    looked_at, is_stopped = float("-inf"), False

    def cancelled() -> bool:
        nonlocal looked_at, is_stopped
        if time.monotonic() - looked_at >= 1:
            looked_at = time.monotonic()
            is_stopped = not (scratch / MASKS).is_symlink()
        return is_stopped

    return cancelled
