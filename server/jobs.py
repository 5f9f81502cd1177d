"""Which series is tracked next, and what becomes of the result? The queue between the routes and the workers.

`plan` is called for every series after indexing, `enqueue` after a save, `hurry` when a client asks for a series. As
many threads as there are worker slots take the next series, hand its job to `workers` and put the result in place.
Saved versions and series that somebody waits for go first, each group in order of arrival.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server import original, production, versions
from server.clock import Clock, to_text
from server.metrics import Metrics
from server.records import Failure, Key, Production, Progress, RetrackStatus, SeriesEntry, TrackingStatus
from server.track_job import JobFailed, JobResult, TrackJob
from server.workers import Workers
from tracking.contracts.dataset import Problem
from tracking.params import Params

log = logging.getLogger("goobusters.jobs")

_NEWS_SECONDS = 0.2


@dataclass(frozen=True)
class JobSettings:
    """What every job is told besides its series."""

    flow_method: str
    flow_cache: Path
    label_id: str
    empty_id: str


class Jobs:
    """The queue and its threads. `announce(entry)` is called after every change of a series, without its lock."""

    def __init__(
        self,
        settings: JobSettings,
        workers: Workers,
        clock: Clock,
        announce: Callable[[SeriesEntry], None],
        metrics: Metrics,
    ) -> None:
        self.problems: dict[Key, tuple[Problem, ...]] = {}
        self._settings = settings
        self._workers = workers
        self._clock = clock
        self._announce = announce
        self._metrics = metrics
        self._changed = threading.Condition()
        self._urgent: deque[SeriesEntry] = deque()
        self._background: deque[SeriesEntry] = deque()
        self._again: set[Key] = set()
        self._is_closed = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to work; called whenever the clips are known anew."""
        with self._changed:
            if self._is_closed or self._threads:
                return
            for number in range(self._workers.slots):
                thread = threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """Gives up what runs (it is queued again at the next start) and ends threads and workers."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(5)
        self._workers.close()

    def plan(self, entry: SeriesEntry) -> None:
        """Queues a series unless its masks were made from exactly what is there now; a busy one when that is done."""
        with entry.lock:
            status = entry.job.status if entry.job else None
            if status is RetrackStatus.PENDING:
                return  # it will take what is there then
            if status is RetrackStatus.PROCESSING:
                self._again.add(entry.key)
                return
            if entry.production and self._is_fresh(entry, entry.production):
                entry.tracking = TrackingStatus.COMPLETED
                return
            if entry.current is None:
                entry.tracking = TrackingStatus.PENDING
            self.enqueue(entry, urgent=entry.is_untracked)

    def _is_fresh(self, entry: SeriesEntry, served: Production) -> bool:
        try:
            return served.inputs == self.inputs_of(entry)
        except OSError:
            return False  # the clip went away this moment: the job will say so

    def enqueue(self, entry: SeriesEntry, *, urgent: bool) -> int:
        """Queues a series; returns how many are ahead of it. The caller holds its lock."""
        entry.job = Progress(RetrackStatus.PENDING, entry.version_id, 0, entry.frame_count or 0)
        if entry.tracking is not TrackingStatus.COMPLETED:
            entry.tracking = TrackingStatus.PENDING
        with self._changed:
            for queue in (self._urgent, self._background):
                if entry in queue:
                    queue.remove(entry)
            (self._urgent if urgent else self._background).append(entry)
            self._changed.notify()
            return len(self._urgent) - 1 if urgent else len(self._urgent) + len(self._background) - 1

    def drop(self, entry: SeriesEntry) -> None:
        """Forgets a series that is no longer in the data set; what runs already runs to its end."""
        with entry.lock, self._changed:
            for queue in (self._urgent, self._background):
                if entry in queue:
                    queue.remove(entry)
                    entry.job = None
            self._again.discard(entry.key)
            self.problems.pop(entry.key, None)

    def hurry(self, entry: SeriesEntry) -> None:
        """Somebody waits for this series: lets it jump the line."""
        with self._changed:
            if entry in self._background:
                self._background.remove(entry)
                self._urgent.append(entry)

    def lengths(self) -> dict[str, int]:
        """Waiting jobs: {"tracking": first trackings, "retrack": saved versions}."""
        with self._changed:
            waiting = [*self._urgent, *self._background]
        retracks = sum(entry.current is not None for entry in waiting)
        return {"tracking": len(waiting) - retracks, "retrack": retracks}

    def inputs_of(self, entry: SeriesEntry) -> str:
        """A digest of all that the masks of a series are made from. Raises OSError when the clip is gone."""
        annotations: object = entry.version_id
        if annotations is None:
            annotations = [[a.frame_number, a.label_id, a.data] for a in entry.annotations]
        clip = entry.series.clip if entry.series else None
        text = json.dumps(
            [
                annotations,
                _weights(clip) if clip else None,
                Params().digest(),
                self._settings.flow_method,
                self._settings.label_id,
                self._settings.empty_id,
            ]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            try:
                self._track(entry)
            except Exception as error:  # whatever goes wrong with one series, the others go on
                log.exception("job_crashed", extra={"series": entry.key})
                self._fail(
                    entry, JobFailed("INTERNAL_ERROR", f"The server failed at this series ({type(error).__name__}).")
                )

            with entry.lock:
                if entry.key in self._again:
                    self._again.discard(entry.key)
                    self.plan(entry)

    def _next(self) -> SeriesEntry | None:
        with self._changed:
            while not self._is_closed:
                if self._urgent:
                    return self._urgent.popleft()
                if self._background:
                    return self._background.popleft()
                self._changed.wait()
        return None

    def _track(self, entry: SeriesEntry) -> None:
        started = self._clock.monotonic()
        try:
            with entry.lock:
                job = self._begin(entry)
            self._announce(entry)
            result = self._workers.run(job, self._reporter(entry), lambda: self._is_closed)
            with entry.lock:
                production.swap_in(entry)
                self._finish(entry, result)
        except JobFailed as error:
            if not self._is_closed:
                self._fail(entry, error)
            return
        except OSError as error:
            self._fail(entry, JobFailed("STORAGE_FAILED", f"The masks cannot be written: {error.strerror}."))
            return
        seconds = round(self._clock.monotonic() - started, 3)
        log.info("tracked", extra={"series": entry.key, "seconds": seconds, "frames_redone": result.frames_redone})
        self._metrics.jobs.labels("done").inc()
        self._metrics.job_seconds.observe(seconds)
        self._announce(entry)

    def _begin(self, entry: SeriesEntry) -> TrackJob:
        assert entry.job is not None
        if entry.series is None:
            raise JobFailed("CLIP_MISSING", "The clip is no longer in the data set.")
        try:
            inputs = self.inputs_of(entry)
        except OSError:
            raise JobFailed("CLIP_MISSING", "The clip is not on the server's disk at the moment.") from None
        entry.job.status = RetrackStatus.PROCESSING
        if entry.tracking is not TrackingStatus.COMPLETED:
            entry.tracking = TrackingStatus.PROCESSING
        began_at = to_text(self._clock.now())
        production.begin(entry, entry.version_id, began_at)
        version_id = entry.version_id
        return TrackJob(
            *entry.key,
            entry.series.clip,
            entry.mask_directory,
            self._settings.flow_cache,
            self._settings.flow_method,
            self._settings.label_id,
            self._settings.empty_id,
            version_id,
            inputs,
            entry.directory,
            versions.archive_path(entry, version_id) if version_id else entry.directory / original.ARCHIVE,
            entry.annotations if version_id is None or entry.original is None else None,
            began_at,
        )

    def _finish(self, entry: SeriesEntry, result: JobResult) -> None:
        assert entry.job is not None
        entry.job.status = RetrackStatus.DONE
        entry.job.frames_done = entry.job.frames_total = result.frame_count
        entry.tracking = TrackingStatus.COMPLETED
        original.take(entry)
        self.problems.pop(entry.key, None)
        if result.problems:
            self.problems[entry.key] = result.problems

    def _fail(self, entry: SeriesEntry, error: JobFailed) -> None:
        """Marks the job as failed; masks that were served before stay."""
        with entry.lock:
            production.discard(entry)
            original.take(entry)
            entry.job = entry.job or Progress(RetrackStatus.FAILED, entry.version_id)
            entry.job.status = RetrackStatus.FAILED
            entry.job.failure = Failure(error.code, error.message)
            if entry.tracking is not TrackingStatus.COMPLETED:
                entry.tracking = TrackingStatus.FAILED
        self._metrics.jobs.labels(error.code).inc()
        log.error("tracking_failed", extra={"series": entry.key, "code": error.code, "reason": error.message})
        self._announce(entry)

    def _reporter(self, entry: SeriesEntry) -> Callable[[int, int], None]:
        told_at = float("-inf")

        def report(done: int, total: int) -> None:
            nonlocal told_at
            if entry.job:
                entry.job.frames_done, entry.job.frames_total = done, total
            if self._clock.monotonic() - told_at >= _NEWS_SECONDS:
                told_at = self._clock.monotonic()
                self._announce(entry)

        return report


def _weights(clip: Path) -> list[list[object]]:
    """Name, size and time of change of every file of a clip: what tells cheaply that it is still the same."""
    files = sorted(p for p in clip.iterdir() if p.is_file()) if clip.is_dir() else [clip]
    return [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files]
