"""May this save become the next version? Used by the mask routes; `versions` does the writing.

The order matters: everything is checked before anything is written, the version is compared and replaced under the
series' lock, and the caller is answered only when the version is on the disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from server import original, production, versions
from server.clock import to_text
from server.errors import ApiError
from server.identity import check_editor
from server.records import RetrackStatus, SeriesEntry, TrackingStatus
from server.services import Services
from tracking.contracts.archive import Archive, ArchiveError, Submission, pack, read_submission, unpack
from tracking.contracts.masks import decode_mask


def save(
    services: Services, entry: SeriesEntry, body: bytes, previous: str | None, editor: str | None
) -> dict[str, Any]:
    """Accepts a client's archive as the new version and queues its tracking.

    previous: the version that the request's header names. Raises ApiError VERSION_MISMATCH, RETRACK_IN_PROGRESS,
    SERIES_NOT_READY, REQUEST_INVALID, EDITOR_INVALID; ArchiveError; OSError when the disk refuses.
    """
    _check_size_known(entry)
    archive = unpack(body)
    submission = _submission(services, entry, archive)
    if submission.previous_version_id != previous:
        raise ApiError("REQUEST_INVALID", "X-Previous-Version-ID and the archive name different versions.")
    _check_masks(entry, submission, archive)
    editor = editor or check_editor(submission.editor) or "unknown"
    return _accept(services, entry, submission, archive, hashlib.sha256(body).hexdigest(), editor)


def restore(
    services: Services, entry: SeriesEntry, version_id: str, previous: str | None, editor: str | None
) -> dict[str, Any]:
    """Makes the annotations of an earlier version current again, as a new version. Raises like `save`, and
    ApiError VERSION_UNKNOWN."""
    _check_size_known(entry)
    archive = _read(entry, version_id)
    submission = _submission(services, entry, archive)
    _check_masks(entry, submission, archive)  # the clip may have been replaced since
    editor = editor or "unknown"
    submission = replace(
        submission, previous_version_id=previous, editor=editor, edited_at=to_text(services.clock.now())
    )
    content = hashlib.sha256(pack({"restored": version_id}, archive.masks)).hexdigest()
    return _accept(services, entry, submission, archive, content, editor)


def retrack(services: Services, entry: SeriesEntry) -> dict[str, Any]:
    """Tracks again what a failed job left untracked. Raises ApiError RETRACK_IN_PROGRESS, NOTHING_TO_RETRACK."""
    with entry.lock:
        _check_not_busy(entry)
        if entry.job is None or entry.job.status is not RetrackStatus.FAILED:
            raise ApiError("NOTHING_TO_RETRACK", "The last tracking of this series did not fail.")
        answer = _queue(services, entry)
    services.announce(entry)
    return answer


def _accept(
    services: Services, entry: SeriesEntry, submission: Submission, archive: Archive, content_sha256: str, editor: str
) -> dict[str, Any]:
    with entry.lock:
        try:
            _check_not_busy(entry)
            if submission.previous_version_id != entry.version_id:
                raise ApiError(
                    "VERSION_MISMATCH",
                    "Somebody else saved this series in the meantime.",
                    current_version=entry.version_id,
                    your_version=submission.previous_version_id,
                )
        except ApiError:
            services.metrics.conflicts.inc()
            raise
        versions.commit(
            entry, submission, archive, content_sha256=content_sha256, editor=editor, now=services.clock.now()
        )
        services.metrics.saves.inc()
        answer = _queue(services, entry)
    services.announce(entry)
    return answer


def _queue(services: Services, entry: SeriesEntry) -> dict[str, Any]:
    position = services.jobs.enqueue(entry, urgent=True)
    return {"version_id": entry.version_id, "retrack_queued": True, "queue_position": position}


def _check_not_busy(entry: SeriesEntry) -> None:
    if entry.is_busy:
        raise ApiError("RETRACK_IN_PROGRESS", "This series is being tracked; save again when that is done.")


def _check_size_known(entry: SeriesEntry) -> None:
    """Masks can be checked only against a clip that was opened once."""
    if entry.width is not None:
        return
    if entry.tracking is TrackingStatus.FAILED:
        raise ApiError("SERIES_NOT_READY", "The clip of this series cannot be opened.", tracking_status="failed")
    raise ApiError("SERIES_NOT_READY", "This series is being prepared.", tracking_status=entry.tracking.value)


def _submission(services: Services, entry: SeriesEntry, archive: Archive) -> Submission:
    """What an archive says, when it fits the series. Raises ArchiveError."""
    return read_submission(
        archive,
        study_uid=entry.key[0],
        series_uid=entry.key[1],
        empty_id=services.settings.empty_id,
        frame_count=entry.frame_count,
    )


def _check_masks(entry: SeriesEntry, submission: Submission, archive: Archive) -> None:
    """Every submitted mask must decode to the clip's size. Raises ArchiveError."""
    for annotation in submission.annotations:
        if annotation.filename is not None:
            decode_mask(archive.masks[annotation.filename], entry.width or 0, entry.height or 0)


def _read(entry: SeriesEntry, version_id: str) -> Archive:
    """What people verified in a version, or the data set's own annotations. Raises ApiError, OSError."""
    with entry.lock:
        try:
            if version_id in entry.versions:
                return versions.read(entry, version_id)
            if entry.original and version_id == entry.original.version_id:
                return original.read(entry)
        except ArchiveError:
            if version_id in entry.versions:
                versions.forget(entry, version_id)
            else:
                original.forget(entry)
            raise ApiError("STORAGE_FAILED", "The file of this version is damaged and was set aside.") from None
    raise ApiError("VERSION_UNKNOWN", "The series has no such version.")


def serve_version(entry: SeriesEntry, version_id: str) -> bytes:
    """The archive of any version: with its tracked masks while they are the ones served, otherwise its annotations.

    Raises ApiError VERSION_UNKNOWN, STORAGE_FAILED, OSError.
    """
    with entry.lock:
        if entry.production and entry.production.version_id == version_id:
            return production.read_archive(entry)
        if version_id in entry.versions and (kept := production.kept_archive(entry, version_id)).exists():
            return kept.read_bytes()
        archive = _read(entry, version_id)
    annotated = {a["frame_number"] for a in archive.metadata["annotations"]}
    frames = [_entry(a["frame_number"], a["label_id"], a["filename"]) for a in archive.metadata["annotations"]]
    frames += [_entry(number, None, None) for number in range(entry.frame_count or 0) if number not in annotated]
    frames.sort(key=lambda frame: (frame["frame_number"], frame["label_id"] or ""))
    metadata = {
        "study_uid": entry.key[0],
        "series_uid": entry.key[1],
        "version_id": version_id,
        "flow_method": None,
        "generated_at": archive.metadata.get("received_at") or archive.metadata["at"],
        "frame_count": entry.frame_count,
        "mask_count": len(archive.masks),
        "frames": frames,
    }
    return pack(metadata, archive.masks)


def _entry(frame_number: int, label_id: str | None, filename: str | None) -> dict[str, Any]:
    return {
        "frame_number": frame_number,
        "has_mask": filename is not None,
        "is_annotation": label_id is not None,
        "label_id": label_id,
        "filename": filename,
        "confidence": None,
    }
