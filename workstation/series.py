"""What is known about one series on this machine, and how the viewer sees it. The session owns one per series."""

from __future__ import annotations

import enum
import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workstation.jobs import Job
from workstation.journal import Journal
from workstation.masks import MaskSet

SeriesKey = tuple[str, str]
"""(study_uid, series_uid)."""


class State(enum.StrEnum):
    """The one vocabulary of SPEC 9."""

    NOT_DOWNLOADED = "not_downloaded"
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    EXTRACTING = "extracting"
    EXTRACTED = "extracted"
    PENDING = "pending"
    TRACKING = "tracking"
    READY = "ready"
    EDITED = "edited"
    SAVED = "saved"
    ERROR = "error"


class SaveState(enum.StrEnum):
    """Where a save is; no save under way is None."""

    SAVING = "saving"
    WAITING = "waiting"
    RETRACKING = "retracking"
    CONFLICT = "conflict"
    OFFLINE = "offline"
    FAILED = "failed"


@dataclass(frozen=True)
class ListedSeries:
    """One series as a source plugin lists it. clip: the file or directory, None while it is not on this disk."""

    study_uid: str
    series_uid: str
    exam_number: int
    series_number: int = 1
    dataset_name: str = ""
    clip: Path | None = None

    @property
    def key(self) -> SeriesKey:
        """(study_uid, series_uid)."""
        return self.study_uid, self.series_uid

    @property
    def is_semi_synthetic(self) -> bool:
        """Whether the clip's file name says that it was made from a real one by a known motion."""
        name = self.clip.name.lower() if self.clip else ""
        return "semi-synthetic" in name or "semisynthetic" in name


@dataclass(frozen=True)
class Listing:
    """A data set as a source plugin sees it. version: equal to the server's when both have the same data.

    problems: (code, message, what) of everything that was left out.
    """

    series: tuple[ListedSeries, ...]
    version: str = ""
    problems: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What the extraction of a clip gave. times_ms: time of each frame in ms from the first, or None.

    digest: SHA-256 of all frames' PNG bytes in order; bit_depth: bits a sample in the clip (the PNGs have 8).
    """

    frame_count: int
    width: int
    height: int
    times_ms: tuple[float, ...] | None
    bit_depth: int
    digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """As in a Local series object."""
        return {
            "frame_count": self.frame_count,
            "width": self.width,
            "height": self.height,
            "times_ms": None if self.times_ms is None else list(self.times_ms),
            "digest": self.digest,
            "bit_depth": self.bit_depth,
        }


def series_tag(key: SeriesKey) -> str:
    """A short hash for logs and directory names, which never carry UIDs."""
    return hashlib.sha256("/".join(key).encode()).hexdigest()[:12]


@dataclass
class SeriesModel:
    """Everything about one series. Fields are changed by the session, its jobs and its saver, under `lock`."""

    listed: ListedSeries
    remote: dict[str, Any] | None = None
    is_gone: bool = False  # the server had it, and has it no longer
    state: State = State.NOT_DOWNLOADED
    progress: tuple[int, int] | None = None
    error_code: str | None = None
    message: str | None = None
    action: str | None = None
    save: dict[str, Any] | None = None
    manifest: Manifest | None = None
    shape: Manifest | None = None  # like manifest, also when the frames were purged: what edits must fit into
    masks: MaskSet | None = None
    journal: Journal | None = None
    job: Job | None = None
    is_saved: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)  # always taken before the journal's lock
    store_lock: threading.Lock = field(default_factory=threading.Lock)  # one at a time keeps masks that have come

    @property
    def key(self) -> SeriesKey:
        """(study_uid, series_uid)."""
        return self.listed.key

    @property
    def is_dirty(self) -> bool:
        """Whether a person drew something that no accepted save contains."""
        return self.journal is not None and self.journal.is_dirty

    def shown_problem(self) -> dict[str, str | None]:
        """error_code, message and action; what the server lacks is a problem too, though one can edit."""
        if self.error_code is None and self.is_gone:
            return {"error_code": "SERIES_UNKNOWN", "message": "The server has this exam no longer.", "action": None}
        if self.error_code is None and self.state is State.READY and self.save is None:
            retrack = (self.remote or {}).get("retrack") or {}
            if retrack.get("status") == "RETRACK_FAILED" and self.journal and self.journal.accepted():
                return {"error_code": "RETRACK_FAILED", "message": retrack.get("message"), "action": None}
            if self.masks and self.masks.missing_because:
                return {"error_code": "MASKS_MISSING", "message": self.masks.missing_because, "action": None}
        return {"error_code": self.error_code, "message": self.message, "action": self.action}

    def shown_state(self) -> State:
        """`state`, with edited and saved on top of ready."""
        if self.state is State.READY and self.is_dirty:
            return State.EDITED
        if self.state is State.READY and self.is_saved:
            return State.SAVED
        return self.state

    def to_json(self) -> dict[str, Any]:
        """The Local series object of docs/contracts.md."""
        with self.lock:
            return {
                **_EMPTY_REMOTE,
                **(self.remote or {}),
                "study_uid": self.listed.study_uid,
                "series_uid": self.listed.series_uid,
                "exam_number": self.listed.exam_number,
                "series_number": self.listed.series_number,
                "dataset_name": self.listed.dataset_name,
                "semi_synthetic": self.listed.is_semi_synthetic,
                "state": str(self.shown_state()),
                "progress": None if self.progress is None else dict(zip(("done", "total"), self.progress, strict=True)),
                **self.shown_problem(),
                "save": self.save,
                "is_dirty": self.is_dirty,
                "base_version_id": self.masks.version_id if self.masks else None,
                "manifest": self.manifest.to_json() if self.manifest else None,
            }


_EMPTY_REMOTE: dict[str, Any] = {
    "tracking_status": "pending",
    "frame_count": None,
    "width": None,
    "height": None,
    "label_counts": {},
    "version_id": None,
    "completed": None,
    "activity": [],
    "retrack": None,
}
