"""How is the server doing as a whole? The answer of `GET /api/status`, kept up to date by `startup`."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from server.jobs import Jobs
from server.records import Phase, TrackingStatus
from server.store import Store
from tracking.contracts.dataset import Problem


def program_version() -> str:
    """The installed version of goobusters, `0` when run from a bare directory."""
    try:
        return metadata.version("goobusters")
    except metadata.PackageNotFoundError:
        return "0"


@dataclass
class Status:
    """What the start-up found out. `sync` is (done, total) while a data set is brought here, `synced_at` when it last
    was what its source has, `next_sync_at` when the next attempt begins by itself."""

    version: str = field(default_factory=program_version)
    problems: list[Problem] = field(default_factory=list)
    sync: tuple[int, int] | None = None
    synced_at: str | None = None
    next_sync_at: str | None = None
    _phase: Phase = Phase.STARTING
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, phase: Phase) -> None:
        """Notes that the start-up has come so far."""
        with self._lock:
            self._phase = phase
            self.sync = None

    @property
    def is_loaded(self) -> bool:
        """Whether the series that earlier runs left can be asked for."""
        return self._phase is not Phase.STARTING

    def render(self, store: Store, jobs: Jobs) -> dict[str, Any]:
        """The status object of docs/contracts.md."""
        counts = Counter(entry.tracking for entry in store.listed())
        pending = counts[TrackingStatus.PENDING] + counts[TrackingStatus.PROCESSING]
        phase = Phase.READY if self._phase is Phase.TRACKING and not pending else self._phase
        problems = [*self.problems, *(p for found in list(jobs.problems.values()) for p in found)]
        return {
            "ready": phase is Phase.READY,
            "phase": phase.value,
            "series_pending": pending,
            "series_completed": counts[TrackingStatus.COMPLETED],
            "series_failed": counts[TrackingStatus.FAILED],
            "queue": jobs.lengths(),
            "version": self.version,
            "dataset_version": store.dataset_version,
            "problems": [{"code": p.code, "message": p.message, "what": p.what} for p in problems],
            "sync": {"done": self.sync[0], "total": self.sync[1]} if self.sync else None,
            "synced_at": self.synced_at,
            "next_sync_at": self.next_sync_at,
        }
