"""What is asked of a place where jobs run? `jobs` calls it; `assemble` chooses `local_workers` or `dask_workers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from server.track_job import JobResult, TrackJob

STALL_SECONDS = 300.0
ATTEMPTS = 2

JobFunction = Callable[[TrackJob, Callable[[int, int], None], Callable[[], bool]], JobResult]
"""What runs there: (job, progress(frames done, frames in all), cancelled()). Raises JobFailed."""


class Workers(Protocol):
    """What `jobs` needs of a pool."""

    slots: int

    def run(self, job: TrackJob, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> JobResult:
        """Runs one job to its end; called from up to `slots` threads at once. progress(frames done, frames in all).

        Raises JobFailed, also WORKER_DIED (after the second try), STALLED and CANCELLED.
        """
        ...

    def close(self) -> None:
        """Ends every worker."""
        ...
