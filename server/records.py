"""What does the server know about one series, and which words does it use for it? Made by the store, read everywhere.

All of these are plain values; files are written by `versions`, `production` and `activity`, and `render` makes the
JSON of docs/contracts.md out of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tracking.contracts.dataset import ExportedAnnotation, Series

Key = tuple[str, str]
"""(study_uid, series_uid)."""


class TrackingStatus(StrEnum):
    """Where the first tracking of a series stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class RetrackStatus(StrEnum):
    """Where the tracking of the last saved version stands."""

    PENDING = "RETRACK_PENDING"
    PROCESSING = "RETRACK_PROCESSING"
    FAILED = "RETRACK_FAILED"
    DONE = "RETRACK_DONE"


class Phase(StrEnum):
    """How far the server's own start is."""

    STARTING = "starting"
    SYNCING = "syncing"
    INDEXING = "indexing"
    TRACKING = "tracking"
    READY = "ready"


@dataclass(frozen=True)
class Failure:
    """Why a job did not give masks: `code` is stable, `message` one sentence without identifiers."""

    code: str
    message: str


@dataclass(frozen=True)
class Version:
    """One accepted save. `at` is RFC 3339; `content_sha256` is that of the request's body, so that a client whose
    connection broke recognises its own save."""

    version_id: str
    previous_version_id: str | None
    editor: str
    at: str
    annotation_count: int
    content_sha256: str
    label_counts: dict[str, int]


@dataclass(frozen=True)
class Original:
    """What the data set says of a series, drawn to the clip's size: the state before the first save. See `original`."""

    version_id: str
    at: str
    annotation_count: int
    content_sha256: str
    frame_count: int
    width: int
    height: int


@dataclass(frozen=True)
class Production:
    """The masks that are served now. `inputs` names all that they were made from; `etag` is the archive's SHA-256."""

    version_id: str | None
    inputs: str
    flow_method: str
    generated_at: str
    frame_count: int
    mask_count: int
    width: int
    height: int
    etag: str


@dataclass(frozen=True)
class Mark:
    """Somebody at some time: a view, or the completion of a series."""

    editor: str
    at: str


@dataclass
class Progress:
    """The job of a series: what it is for and how far it is."""

    status: RetrackStatus
    version_id: str | None
    frames_done: int = 0
    frames_total: int = 0
    failure: Failure | None = None


@dataclass(eq=False)
class SeriesEntry:
    """Everything about one series. Whoever changes it holds `lock`; `series` and `annotations` come from the data set.

    `is_listed` is false for a series that is on disk from earlier but no longer in the data set.
    """

    key: Key
    directory: Path
    mask_directory: Path
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    series: Series | None = None
    annotations: tuple[ExportedAnnotation, ...] = ()
    exam_number: int = 0
    series_number: int = 1
    dataset_name: str = ""
    is_listed: bool = False
    versions: dict[str, Version] = field(default_factory=dict)
    current: Version | None = None
    original: Original | None = None
    production: Production | None = None
    tracking: TrackingStatus = TrackingStatus.PENDING
    job: Progress | None = None
    frame_count: int | None = None
    width: int | None = None
    height: int | None = None
    activity: list[Mark] = field(default_factory=list)
    completed: Mark | None = None

    @property
    def version_id(self) -> str | None:
        """The last accepted version; None while nobody has saved."""
        return self.current.version_id if self.current else None

    @property
    def readable_id(self) -> str | None:
        """The id of what people verified last, for `?version=`: the last save, or the data set's own annotations."""
        return self.version_id or (self.original.version_id if self.original else None)

    @property
    def is_untracked(self) -> bool:
        """Whether a save was accepted whose masks are not served yet."""
        return self.current is not None and (not self.production or self.production.version_id != self.version_id)

    @property
    def is_busy(self) -> bool:
        """Whether a save must wait: a job runs, or one waits for an accepted save.

        A job that merely waits to make the same masks anew, after an upgrade, keeps nobody from saving.
        """
        if self.job is None:
            return False
        is_waiting = self.job.status is RetrackStatus.PENDING and self.is_untracked
        return is_waiting or self.job.status is RetrackStatus.PROCESSING


def render(entry: SeriesEntry) -> dict[str, Any]:
    """The Series object of docs/contracts.md."""
    failure = entry.job.failure if entry.job and entry.tracking is TrackingStatus.FAILED else None
    return {
        "study_uid": entry.key[0],
        "series_uid": entry.key[1],
        "exam_number": entry.exam_number,
        "series_number": entry.series_number,
        "dataset_name": entry.dataset_name,
        "tracking_status": entry.tracking.value,
        "error_code": failure.code if failure else None,
        "message": failure.message if failure else None,
        "frame_count": entry.frame_count,
        "width": entry.width,
        "height": entry.height,
        "label_counts": label_counts(entry),
        "version_id": entry.version_id,
        "completed": render_mark(entry.completed) if entry.completed else None,
        "activity": [render_mark(mark) for mark in entry.activity],
        "retrack": render_retrack(entry),
    }


def label_counts(entry: SeriesEntry) -> dict[str, int]:
    """{label id: annotated frames}, of the last version or, before the first, of the data set."""
    if entry.current:
        return dict(entry.current.label_counts)
    counts: dict[str, int] = {}
    for _, label_id in {(a.frame_number, a.label_id) for a in entry.annotations}:
        counts[label_id] = counts.get(label_id, 0) + 1
    return dict(sorted(counts.items()))


def render_mark(mark: Mark) -> dict[str, str]:
    return {"editor": mark.editor, "at": mark.at}


def render_retrack(entry: SeriesEntry) -> dict[str, Any] | None:
    """The `retrack` field: the job of a series that has a saved version, unless it is done or merely an upgrade's."""
    if entry.current is None or entry.job is None or entry.job.status is RetrackStatus.DONE:
        return None
    if entry.job.status is RetrackStatus.PENDING and not entry.is_untracked:
        return None
    return render_job(entry.job)


def render_job(job: Progress) -> dict[str, Any]:
    return {
        "status": job.status.value,
        "version_id": job.version_id,
        "frames_done": job.frames_done,
        "frames_total": job.frames_total,
        "error_code": job.failure.code if job.failure else None,
        "message": job.failure.message if job.failure else None,
    }


def render_version(entry: SeriesEntry, version: Version, *, is_kept: bool) -> dict[str, Any]:
    """One line of the history; `is_kept`: its tracked masks are still there, though others are served."""
    return {
        "version_id": version.version_id,
        "previous_version_id": version.previous_version_id,
        "editor": version.editor,
        "at": version.at,
        "annotation_count": version.annotation_count,
        "content_sha256": version.content_sha256,
        "tracked": is_kept or (entry.production is not None and entry.production.version_id == version.version_id),
        "is_original": False,
    }


def render_original(original: Original) -> dict[str, Any]:
    """The last line of the history: what was there before the first save. Nobody saved it, so it has no editor."""
    return {
        "version_id": original.version_id,
        "previous_version_id": None,
        "editor": None,
        "at": original.at,
        "annotation_count": original.annotation_count,
        "content_sha256": original.content_sha256,
        "tracked": False,
        "is_original": True,
    }
