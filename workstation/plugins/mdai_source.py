"""Data sets at MD.ai (DATASET=mdai): lists and hands out the copy on this machine, and brings it here.

Through MD.ai's SDK in a process of its own where the SDK is installed, otherwise (on the iPad) through our own client;
tracking.contracts.mdai_sync looks after everything else. MD.ai exports a data set as a whole: the first clip that
somebody opens brings all of them, and a clip that was purged comes back when it is opened again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.contracts import mdai_client, mdai_sdk
from tracking.contracts.dataset import Index, Problem
from tracking.contracts.mdai_copy import LocalCopy
from tracking.contracts.mdai_sync import SyncResult, sync
from tracking.contracts.mdai_types import Fetch, Source, SyncCancelled, Watch
from workstation.errors import CoreError, JobCancelledError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import ListedSeries, Listing
from workstation.settings import Settings

if TYPE_CHECKING:
    from workstation.core import Core

_busy = threading.Lock()
"""Held while the copy is written to: it is not for two threads at once."""
_WAIT_SECONDS = 0.2


@hookimpl
def list_series(core: Core) -> Listing | None:
    """What is on this machine already; nothing is fetched."""
    if core.settings.dataset != "mdai":
        return None
    copy = LocalCopy(_root(core))
    return _listing(copy.index(), []) if copy.annotations.is_file() else Listing(())


@hookimpl
def refresh_dataset(core: Core, job: Job) -> Listing | None:
    """Fetches what changed at MD.ai; what could not be fetched is a problem of the listing."""
    if core.settings.dataset != "mdai":
        return None
    with _alone(job):
        result = _bring(core, job)
        return _listing(LocalCopy(_root(core)).index(), result.problems)


@hookimpl
def download_clip(core: Core, series: ListedSeries, job: Job) -> Path | None:
    """The clip in the copy; the data set is fetched first when the clip is not there.

    Raises CoreError CLIP_MISSING when MD.ai does not have it, and what mdai_sync says when that could not be found out.
    """
    if core.settings.dataset != "mdai":
        return None
    if series.clip is not None and series.clip.exists():
        return series.clip
    copy = LocalCopy(_root(core))
    clip = _find(copy, series)
    if clip is not None and clip.exists():
        return clip
    with _alone(job):
        if clip is not None:
            copy.want(clip)
        result = _bring(core, job)
        clip = _find(copy, series)
    if clip is not None and clip.exists():
        return clip
    if result.problems:
        raise CoreError(result.problems[0].code, result.problems[0].message, 502)
    raise CoreError("CLIP_MISSING", "The clip of this exam is not in the data set.", 404)


@hookimpl
def purge_clip(core: Core, series: ListedSeries) -> None:
    """Deletes the clip from the copy. Raises CoreError DATASET_BUSY while the data set is being fetched."""
    if core.settings.dataset != "mdai":
        return
    if not _busy.acquire(blocking=False):
        raise CoreError("DATASET_BUSY", "The data set is being downloaded right now. Stop that first.", 409)
    try:
        copy = LocalCopy(_root(core))
        clip = _find(copy, series)
        if clip is not None:
            copy.remove(clip)
    finally:
        _busy.release()


def _root(core: Core) -> Path:
    settings = core.settings
    name = "\n".join([settings.mdai_domain, settings.project_id, settings.dataset_id])
    return core.cache.data / "mdai" / hashlib.sha256(name.encode()).hexdigest()[:16]


def _find(copy: LocalCopy, series: ListedSeries) -> Path | None:
    """The path of a series' clip, also when it was removed; None when the copy knows nothing of it."""
    if not copy.images.is_dir():
        return None
    return next((s.clip for s in copy.index().series if (s.study_uid, s.series_uid) == series.key), None)


def _listing(index: Index, problems: list[Problem]) -> Listing:
    series = tuple(
        ListedSeries(
            s.study_uid,
            s.series_uid,
            s.exam_number,
            s.series_number,
            s.dataset_name,
            s.clip if s.clip.exists() else None,
        )
        for s in index.series
    )
    return Listing(series, index.version, tuple((p.code, p.message, p.what) for p in [*problems, *index.problems]))


def _bring(core: Core, job: Job) -> SyncResult:
    watch = Watch(lambda step: job.progress(step.done, step.total), lambda: job.is_cancelled)
    try:
        return sync(_source(core.settings), _root(core), _fetch(), watch)
    except SyncCancelled:
        raise JobCancelledError from None


def _source(settings: Settings) -> Source:
    return Source(settings.mdai_domain, settings.project_id, settings.dataset_id, settings.mdai_token)


def _fetch() -> Fetch:
    """MD.ai's SDK where it is installed; it is only looked for here, the process that runs it imports it."""
    return mdai_sdk.fetch if importlib.util.find_spec("mdai") else mdai_client.fetch


@contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Waits for whoever is fetching. Raises JobCancelledError."""
    while not _busy.acquire(timeout=_WAIT_SECONDS):
        job.check()
    try:
        yield
    finally:
        _busy.release()
