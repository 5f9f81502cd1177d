"""When is the data set brought up to date, and what becomes of what came? Run by `startup` in its thread.

At start; every SYNC_HOURS; when somebody asks (`POST /api/sync`); and whenever the last attempt did not get what the
source has, after a time that grows from a minute to an hour. Series that people have saved keep their saves; new and
changed ones are queued for tracking. Nothing that is served stops being served because a source is away or broken.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from server.clock import to_text
from server.dataset import Source
from server.records import Phase, SeriesEntry, render
from server.services import Services
from tracking.contracts.dataset import DatasetError, Index, Problem

log = logging.getLogger("goobusters.dataset")

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 60.0, 3600.0
LEAST_SECONDS = 10.0
"""Between two syncs that people ask for: MD.ai makes an export for each."""

_POLL_SECONDS = 0.25


class DatasetSync:
    """Keeps store, jobs and status in step with a source."""

    def __init__(self, services: Services, source: Source, stopped: threading.Event) -> None:
        self._services = services
        self._source = source
        self._stopped = stopped
        self._is_first = True
        self._retry_seconds = FIRST_RETRY_SECONDS

    def run(self) -> None:
        """Until the server stops."""
        clock, wanted = self._services.clock, self._services.sync_wanted
        while not self._stopped.is_set():
            wanted.clear()
            wait = self._sync()
            ended = clock.monotonic()
            while not self._stopped.wait(_POLL_SECONDS):
                waited = clock.monotonic() - ended
                if (wait is not None and waited >= wait) or (wanted.is_set() and waited >= LEAST_SECONDS):
                    break

    def _sync(self) -> float | None:
        """Brings everything up to date once; returns the seconds until the next time, None for never."""
        self._begin(Phase.SYNCING)
        is_fresh = False
        try:
            loaded = self._source.load(self._progress, self._stopped.is_set)
            self._begin(Phase.INDEXING)
            is_fresh = self._index(loaded.index) and loaded.is_fresh
        except DatasetError as error:
            self._go_on_without(Problem(error.code, error.message))
        except OSError as error:
            self._go_on_without(Problem("STORAGE_FAILED", f"The data set cannot be read: {error.strerror}."))
        except Exception as error:  # a thread that dies silently would leave "syncing" for ever
            log.exception("sync_crashed")
            text = f"The data set could not be read ({type(error).__name__}); the log says more."
            self._go_on_without(Problem("INTERNAL_ERROR", text))
        self._services.status.sync = None
        self._begin(Phase.TRACKING)
        self._is_first = False
        return self._plan_next(is_fresh)

    def _begin(self, phase: Phase) -> None:
        """Tells how far the start is; a later sync goes on beside the work and changes nothing of that."""
        if self._is_first:
            self._services.status.begin(phase)
            log.info("phase", extra={"phase": phase.value})

    def _progress(self, done: int, total: int) -> None:
        self._services.status.sync = (done, total)

    def _plan_next(self, is_fresh: bool) -> float | None:
        status, now = self._services.status, self._services.clock.now()
        wait: float | None = self._services.settings.sync_hours * 3600.0 or None
        if is_fresh:
            status.synced_at = to_text(now)
            self._retry_seconds = FIRST_RETRY_SECONDS
        elif not self._stopped.is_set():
            wait = self._retry_seconds
            self._retry_seconds = min(2 * wait, LAST_RETRY_SECONDS)
            log.warning("sync_again", extra={"seconds": wait, "reason": "the data set is not what its source has"})
        status.next_sync_at = to_text(now + timedelta(seconds=wait)) if wait is not None else None
        return wait

    def _index(self, index: Index) -> bool:
        """Joins the data set with what is known; false when it was not believed."""
        services = self._services
        before = services.store.listed()
        if before and not index.series:  # an unmounted disk looks like this; nobody deletes all clips at once
            text = "The data set has no clips any more; what was there before stays."
            self._go_on_without(Problem("DATASET_EMPTY", text), *index.problems)
            return False
        are_annotations_read = all(problem.code != "ANNOTATIONS_UNREADABLE" for problem in index.problems)
        if before and not are_annotations_read:
            self._go_on_without(*index.problems)  # half written, maybe: without them all would be tracked anew
            return False
        looked = {entry.key: render(entry) for entry in before}
        wanted = {services.settings.label_id, services.settings.empty_id}
        index.export.annotations = [a for a in index.export.annotations if a.label_id in wanted]
        entries = services.store.index(index)
        services.status.problems = [*index.problems, *_without_clip(index), *services.store.problems()]
        for entry in before:
            if not entry.is_listed:
                services.jobs.drop(entry)
                services.events.publish("removed", {"study_uid": entry.key[0], "series_uid": entry.key[1]})
        for entry in sorted(entries, key=_oldest_save_first):
            services.jobs.plan(entry)
        services.jobs.start()
        log.info("indexed", extra={"count": len(entries), "problems": len(services.status.problems)})
        for entry in entries:
            if not self._is_first and render(entry) != looked.get(entry.key):
                services.announce(entry)
        return are_annotations_read

    def _go_on_without(self, problem: Problem, *others: Problem) -> None:
        """The data set cannot be had: what is known is served all the same, and the status says why."""
        if self._stopped.is_set():
            return
        log.error("dataset_missing", extra={"code": problem.code, "reason": problem.message})
        services = self._services
        services.status.problems = [problem, *others, *services.store.problems()]
        if self._is_first:
            for entry in services.store.listed():
                if entry.production is None:
                    services.jobs.plan(entry)  # fails at once, with the reason
            services.jobs.start()


def _oldest_save_first(entry: SeriesEntry) -> tuple[bool, str]:
    return entry.current is None, entry.current.at if entry.current else ""


def _without_clip(index: Index) -> list[Problem]:
    keys = {(s.study_uid, s.series_uid) for s in index.series}
    count = sum((a.study_uid, a.series_uid) not in keys for a in index.export.annotations)
    text = "Annotations of series that are not here were left out."
    return [Problem("ANNOTATION_WITHOUT_CLIP", text, str(count))] if count else []
