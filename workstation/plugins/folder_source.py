"""Data sets that are a folder on this machine (DATASET=folder:PATH): lists it, and hands out clips where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tracking.contracts.dataset import DatasetError, read_index
from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import ListedSeries, Listing

if TYPE_CHECKING:
    from workstation.core import Core

_PREFIX = "folder:"


@hookimpl
def list_series(core: Core) -> Listing | None:
    """Every clip of the folder."""
    if not core.settings.dataset.startswith(_PREFIX):
        return None
    try:
        index = read_index(Path(core.settings.dataset.removeprefix(_PREFIX)).expanduser())
    except DatasetError as error:
        raise CoreError(error.code, error.message, 500) from error
    series = tuple(
        ListedSeries(s.study_uid, s.series_uid, s.exam_number, s.series_number, s.dataset_name, s.clip)
        for s in index.series
    )
    return Listing(series, index.version, tuple((p.code, p.message, p.what) for p in index.problems))


@hookimpl
def refresh_dataset(core: Core) -> Listing | None:
    """A folder is always up to date: it is only read again."""
    return list_series(core)


@hookimpl
def download_clip(core: Core, series: ListedSeries, job: Job) -> Path | None:
    """The clip itself, where it lies: nothing is copied. Raises CoreError CLIP_MISSING, CLIP_EMPTY."""
    if not core.settings.dataset.startswith(_PREFIX):
        return None
    clip = series.clip
    if clip is None:  # the server lists it, this folder does not have it
        raise CoreError("CLIP_MISSING", "This clip is not in the folder on this computer.", 404)
    try:
        is_empty = not any(clip.iterdir()) if clip.is_dir() else clip.stat().st_size == 0
    except OSError as error:
        raise CoreError("CLIP_MISSING", "This clip is no longer in the folder, or cannot be opened.", 404) from error
    if is_empty:
        raise CoreError("CLIP_EMPTY", "This clip is an empty file.")
    job.progress(1, 1)
    return clip
