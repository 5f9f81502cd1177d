"""How do tracking jobs run on this machine? A pool of processes, one executor a slot: a dying one takes nobody along.

`jobs` calls `run` from as many threads as there are `slots` and knows nothing else. A job whose worker dies is tried
once more in a fresh process; one that makes no progress for `STALL_SECONDS` is given up and its process ended.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from server import logs
from server.clock import Clock
from server.track_job import JobFailed, JobResult, TrackJob
from server.workers import ATTEMPTS, STALL_SECONDS, JobFunction

log = logging.getLogger("goobusters.workers")

_POLL_SECONDS = 0.02
_PID, _DONE, _TOTAL, _CANCELLED = range(4)


class LocalWorkers:
    """Worker processes on this machine. `function` is what they run: `track_job.run`, or a test's."""

    def __init__(
        self, slots: int, clock: Clock, function: JobFunction, *, stall_seconds: float = STALL_SECONDS
    ) -> None:
        self.slots = slots
        self._clock = clock
        self._function = function
        self._stall_seconds = stall_seconds
        self._idle: list[_Slot] = []
        self._all: list[_Slot] = []
        self._lock = threading.Lock()

    def run(self, job: TrackJob, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> JobResult:
        for attempt in range(1, ATTEMPTS + 1):
            slot, future = self._start(job)
            try:
                result = self._wait(slot, future, progress, cancelled)
            except BrokenProcessPool:
                slot.end()
                log.warning("worker_died", extra={"series": (job.study_uid, job.series_uid), "attempt": attempt})
                continue
            except JobFailed:
                self._give_back(slot)
                raise
            self._give_back(slot)
            return result
        raise JobFailed("WORKER_DIED", "The worker process died twice at this clip.")

    def _wait(
        self,
        slot: _Slot,
        future: Future[JobResult],
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> JobResult:
        seen, moved_at = (0, 0), self._clock.monotonic()
        while True:
            try:
                return future.result(_POLL_SECONDS)
            except TimeoutError:
                pass
            done = slot.progress()
            if done != seen:
                seen, moved_at = done, self._clock.monotonic()
                progress(*done)
            if cancelled():
                slot.end()
                raise JobFailed("CANCELLED", "Tracking was cancelled.")
            if self._clock.monotonic() - moved_at > self._stall_seconds:
                slot.end()
                raise JobFailed("STALLED", "Tracking made no progress for minutes and was given up.")

    def _start(self, job: TrackJob) -> tuple[_Slot, Future[JobResult]]:
        while True:
            slot = self._take()
            try:
                return slot, slot.start(self._function, job)
            except BrokenProcessPool:  # its process died while it was idle: not this job's fault
                slot.end()

    def _take(self) -> _Slot:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            slot = _Slot()
            self._all.append(slot)
            return slot

    def _give_back(self, slot: _Slot) -> None:
        with self._lock:
            if not slot.is_ended:
                self._idle.append(slot)
            self._all = [s for s in self._all if not s.is_ended]

    def process_ids(self) -> list[int]:
        """The worker processes that are up; for tests and the log."""
        with self._lock:
            return [slot.pid for slot in self._all if slot.pid and not slot.is_ended]

    def close(self) -> None:
        with self._lock:
            slots = list(self._all)
        for slot in slots:
            slot.end()


class _Slot:
    """One executor with one process, and four numbers in shared memory: its id, the progress, the wish to stop.

    Shared memory and not a pipe: a process that is killed in the middle of a message leaves nothing half said.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._shared: Any = context.RawArray("q", 4)
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=_enter_worker, initargs=(self._shared,))
        self.is_ended = False

    @property
    def pid(self) -> int:
        return int(self._shared[_PID])

    def start(self, function: JobFunction, job: TrackJob) -> Future[JobResult]:
        self._shared[_DONE] = self._shared[_TOTAL] = self._shared[_CANCELLED] = 0
        return self._executor.submit(_run_in_worker, function, job)

    def progress(self) -> tuple[int, int]:
        return int(self._shared[_DONE]), int(self._shared[_TOTAL])

    def end(self) -> None:
        """Stops the process, the hard way: it may hang anywhere."""
        self.is_ended = True
        self._shared[_CANCELLED] = 1
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._executor.shutdown(wait=False, cancel_futures=True)


_in_worker: Any = None
"""The slot's shared numbers, in the worker process; set once by `_enter_worker`."""


def _enter_worker(shared: Any) -> None:
    """First thing in a worker: be gentle to the process that answers requests, and end when it is gone."""
    global _in_worker
    _in_worker = shared
    shared[_PID] = os.getpid()
    if shared[_CANCELLED]:
        os._exit(0)  # given up before it had come up
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.set_up_worker()
    if hasattr(os, "nice"):
        os.nice(5)
    threading.Thread(target=_end_with_server, daemon=True).start()


def _end_with_server() -> None:
    """A killed server cannot stop its workers, and they would write into the files of the next one."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
    os._exit(1)


def _run_in_worker(function: JobFunction, job: TrackJob) -> JobResult:
    shared = _in_worker

    def progress(done: int, total: int) -> None:
        shared[_DONE], shared[_TOTAL] = done, total

    return function(job, progress, lambda: bool(shared[_CANCELLED]))
