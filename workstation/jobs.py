"""How far is a piece of long work, and should it stop? Handed to every pipeline hook that may take a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from workstation.errors import JobCancelledError

_REPORT_EVERY = 0.1


class Job:
    """Progress and cancel of one piece of work that runs in a thread.

    `report` is called with (done, total) at most ten times a second, and always for the last step.
    """

    def __init__(self, report: Callable[[int, int], None] | None = None) -> None:
        self._report = report
        self._cancelled = threading.Event()
        self._last = 0.0

    def cancel(self) -> None:
        """Asks the work to stop at its next step."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether cancel() was called."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raises JobCancelledError once cancel() was called. To be called in every loop."""
        if self._cancelled.is_set():
            raise JobCancelledError

    def progress(self, done: int, total: int) -> None:
        """Says that `done` of `total` steps (any unit; total 0 = unknown) are finished. Raises JobCancelledError."""
        self.check()
        now = time.monotonic()
        if self._report and (done == total or now - self._last >= _REPORT_EVERY):
            self._last = now
            self._report(done, total)

    def sleep(self, seconds: float) -> None:
        """Waits, but not longer than until cancel(). Raises JobCancelledError."""
        self._cancelled.wait(seconds)
        self.check()
