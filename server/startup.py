"""What happens between binding the port and being ready? One background thread, made by `server.__main__`.

Store (what earlier runs left) -> data set (brought up to date) -> index (joined with the store) -> jobs (every series
whose masks are missing or stale). The server answers all the while; `status` says how far it is.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from server.app import Services
from server.dataset import Source
from server.records import Phase
from tracking.contracts.dataset import DatasetError, ExportedAnnotation, Index, Problem

log = logging.getLogger("goobusters.startup")

_STATUS_SECONDS = 0.25


class Startup:
    """The start-up and, after it, the watch over the status that live clients are told."""

    def __init__(self, services: Services, source: Source) -> None:
        self._services = services
        self._source = source
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begins in the background."""
        threading.Thread(target=self._run, name="startup", daemon=True).start()
        threading.Thread(target=self._tell_status, name="status", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        status = self._services.status
        try:
            self._services.store.load()
            self._begin(Phase.SYNCING)
            index = self._source.load(self._progress, self._stopped.is_set)
            self._begin(Phase.INDEXING)
            self._index(index)
            self._begin(Phase.TRACKING)
        except DatasetError as error:
            self._stay(Problem(error.code, error.message))
        except OSError as error:
            self._stay(Problem("STORAGE_FAILED", f"The server's directories cannot be used: {error.strerror}."))
        except Exception as error:  # a thread that dies silently would leave "syncing" for ever
            log.exception("startup_crashed")
            self._stay(Problem("INTERNAL_ERROR", f"The start-up failed ({type(error).__name__}); the log says more."))
        else:
            log.info("indexed", extra={"count": len(self._services.store.listed()), "problems": len(status.problems)})

    def _begin(self, phase: Phase) -> None:
        self._services.status.begin(phase)
        log.info("phase", extra={"phase": phase.value})

    def _progress(self, done: int, total: int) -> None:
        self._services.status.sync = (done, total)

    def _index(self, index: Index) -> None:
        services = self._services
        services.status.problems = list(index.problems)
        wanted = {services.settings.label_id, services.settings.empty_id}
        index.export.annotations = [a for a in index.export.annotations if a.label_id in wanted]
        lost = _without_clip(index)
        if lost:
            services.status.problems.append(
                Problem("ANNOTATION_WITHOUT_CLIP", "Annotations of series that are not here were left out.", str(lost))
            )
        entries = services.store.index(index)
        for entry in sorted(entries, key=lambda e: (e.current is None, e.current.at if e.current else "")):
            services.jobs.plan(entry)
        services.jobs.start()

    def _stay(self, problem: Problem) -> None:
        """The data set cannot be had: what is on disk is served all the same, and the status says why."""
        log.error("startup_incomplete", extra={"code": problem.code, "reason": problem.message})
        services = self._services
        services.status.problems.append(problem)
        if not services.status.is_loaded:
            return
        for entry in services.store.listed():
            if entry.production is None:
                services.jobs.plan(entry)  # fails at once, with the reason
        services.jobs.start()
        self._begin(Phase.TRACKING)

    def _tell_status(self) -> None:
        """Publishes the status whenever it has changed."""
        told: dict[str, Any] = {}
        while not self._stopped.wait(_STATUS_SECONDS):
            now = self._services.render_status()
            if now != told:
                told = now
                self._services.events.publish("status", now)


def _without_clip(index: Index) -> int:
    keys = {(s.study_uid, s.series_uid) for s in index.series}
    orphans: list[ExportedAnnotation] = [a for a in index.export.annotations if (a.study_uid, a.series_uid) not in keys]
    return len(orphans)
