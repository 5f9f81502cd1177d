"""Waits for the server to track a version: woken by its events, asking itself now and then when none come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core

_ASK_EVERY = 5.0


@hookimpl
def wait_retrack(core: Core, key: SeriesKey, version_id: str, job: Job) -> bool:
    """True as soon as the retrack of `version_id`, or of a later version, is done."""
    while True:
        seen = core.session.remote_count
        status = core.server.retrack_status(key)
        state, total = status.get("status"), status.get("frames_total")
        if state == "RETRACK_DONE":
            return True
        if state == "RETRACK_FAILED":
            message = str(status.get("message") or "Tracking failed on the server.")
            raise CoreError("RETRACK_FAILED", message, 500, version_id=version_id)
        if isinstance(total, int) and total > 0:
            job.progress(min(int(status.get("frames_done") or 0), total), total)
        core.session.wait_remote(seen, _ASK_EVERY, job)
