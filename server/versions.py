"""Is this save accepted, and what did every earlier one hold? Used by `saving`, `store` and the worker's job.

A version is `history/VERSION_ID.tgz`: the client's archive, repacked, with who and when in its metadata. It is written
and flushed first; replacing `version_current.json` is the moment of acceptance. So after a crash a save is either
whole and current or was never acknowledged. `history/VERSION_ID.json` repeats the few facts a list needs and is made
again from the archive when it is missing or broken.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from server import production
from server.clock import to_text
from server.files import (
    expect,
    is_whole_file,
    make_directory,
    read_json_object,
    remove_leftovers,
    set_aside,
    write_atomic,
    write_json,
)
from server.records import Key, SeriesEntry, Version
from tracking.contracts.archive import Annotation, Archive, ArchiveError, Submission, pack, unpack
from tracking.contracts.disk import sync_directory

log = logging.getLogger("goobusters.versions")

HISTORY = "history"
CURRENT = "version_current.json"


def make_version_id(key: Key, received_at: datetime, editor: str, content_sha256: str, previous: str | None) -> str:
    """SHA-256 over series, time, editor, content and the version before.

    Versions of a series form a chain, so ids differ even when the same person saves the same content while the clock
    stands still.
    """
    text = json.dumps([*key, to_text(received_at), editor, content_sha256, previous])
    return hashlib.sha256(text.encode()).hexdigest()


def commit(
    entry: SeriesEntry, submission: Submission, archive: Archive, *, content_sha256: str, editor: str, now: datetime
) -> Version:
    """Makes a checked submission the current version; on return it survives a power cut. The caller holds the lock and
    has compared the versions. Raises OSError with nothing changed."""
    previous = entry.version_id
    version = Version(
        make_version_id(entry.key, now, editor, content_sha256, previous),
        previous,
        editor,
        to_text(now),
        len(submission.annotations),
        content_sha256,
        dict(sorted(Counter(a.label_id for a in submission.annotations).items())),
    )
    history = entry.directory / HISTORY
    if not history.is_dir():
        make_directory(history)
        sync_directory(entry.directory)
    try:
        write_atomic(archive_path(entry, version.version_id), _pack(version, submission, archive))
        write_json(history / f"{version.version_id}.json", asdict(version), durable=False)
        write_json(entry.directory / CURRENT, asdict(version))
    except OSError:
        _take_back(entry, version)
        raise
    entry.versions[version.version_id] = version
    entry.current = version
    return version


def _take_back(entry: SeriesEntry, version: Version) -> None:
    """The disk refused: the caller is told so, and the next start must not find the version either."""
    with contextlib.suppress(OSError):
        if entry.current:
            write_json(entry.directory / CURRENT, asdict(entry.current), durable=False)
        else:
            (entry.directory / CURRENT).unlink(missing_ok=True)
        archive_path(entry, version.version_id).unlink(missing_ok=True)
        archive_path(entry, version.version_id).with_suffix(".json").unlink(missing_ok=True)


def _pack(version: Version, submission: Submission, archive: Archive) -> bytes:
    annotations = [asdict(annotation) for annotation in submission.annotations]
    names = [a.filename for a in submission.annotations if a.filename is not None]
    metadata = {
        "study_uid": submission.study_uid,
        "series_uid": submission.series_uid,
        "previous_version_id": version.previous_version_id,
        "version_id": version.version_id,
        "editor": version.editor,
        "edited_at": submission.edited_at,
        "received_at": version.at,
        "content_sha256": version.content_sha256,
        "annotations": annotations,
    }
    return pack(metadata, {name: archive.masks[name] for name in names})


def archive_path(entry: SeriesEntry, version_id: str) -> Path:
    """Where the annotations of a version lie."""
    return entry.directory / HISTORY / f"{version_id}.tgz"


def read(entry: SeriesEntry, version_id: str) -> Archive:
    """The annotations of a version, in the client's form. Raises OSError, ArchiveError."""
    return unpack(archive_path(entry, version_id).read_bytes())


def forget(entry: SeriesEntry, version_id: str) -> None:
    """Sets the broken archive of an earlier version aside. The caller holds the lock."""
    path = archive_path(entry, version_id)
    set_aside(path)
    if version_id != entry.version_id:
        path.with_suffix(".json").unlink(missing_ok=True)
        del entry.versions[version_id]


def chain(entry: SeriesEntry) -> list[Version]:
    """All versions of the series, newest first, whatever the clock did; behind a gap in the chain time decides."""
    found: dict[str, Version] = {}
    version = entry.current
    while version is not None and version.version_id not in found:
        found[version.version_id] = version
        version = entry.versions.get(version.previous_version_id or "")
    others = [version for version in entry.versions.values() if version.version_id not in found]
    return [*found.values(), *sorted(others, key=lambda version: version.at, reverse=True)]


def load(entry: SeriesEntry) -> None:
    """Reads the versions of a series at start and puts right what a crash or a bad disk left. Raises OSError."""
    history = entry.directory / HISTORY
    entry.versions, entry.current = {}, None
    remove_leftovers(entry.directory)
    expect(history, directory=True)
    if history.is_dir():
        remove_leftovers(history)
        for path in sorted(history.glob("*.tgz")):
            version = _load_version(entry, path)
            if version:
                entry.versions[version.version_id] = version
    recorded = _version(read_json_object(entry.directory / CURRENT))
    if recorded is None and (entry.directory / CURRENT).exists():
        set_aside(entry.directory / CURRENT)
    if recorded:
        _put_right(entry, recorded)
    if recorded and recorded.version_id in entry.versions:
        entry.current = entry.versions[recorded.version_id]
    elif entry.versions:
        entry.current = _newest(entry)
        write_json(entry.directory / CURRENT, asdict(entry.current))
        log.error("current_version_restored", extra={"versions": len(entry.versions)})
    _set_aside_unacknowledged(entry)
    for listed in history.glob("*.json"):
        if listed.stem not in entry.versions:
            log.error("version_missing", extra={"series": entry.key, "file": listed.name})


def _put_right(entry: SeriesEntry, current: Version) -> None:
    """When the archive of the current version is gone or broken: makes it again from the masks that are served of it.

    Without those the version is given up, and the one before it counts.
    """
    path = archive_path(entry, current.version_id)
    if path.exists():
        if is_whole_file(path):
            return
        set_aside(path)
    served = entry.production and entry.production.version_id == current.version_id
    archive = production.read_annotations(entry) if served else None
    if archive is None or len(archive.metadata["annotations"]) != current.annotation_count:
        entry.versions.pop(current.version_id, None)
        path.with_suffix(".json").unlink(missing_ok=True)
        return
    annotations = tuple(Annotation(**value) for value in archive.metadata["annotations"])
    submission = Submission(*entry.key, current.previous_version_id, current.editor, current.at, annotations)
    make_directory(path.parent)
    write_atomic(path, _pack(current, submission, archive))
    write_json(path.with_suffix(".json"), asdict(current), durable=False)
    entry.versions[current.version_id] = current
    log.error("version_made_again", extra={"series": entry.key})


def _load_version(entry: SeriesEntry, path: Path) -> Version | None:
    listed = path.with_suffix(".json")
    version = _version(read_json_object(listed))
    if version is None or version.version_id != path.stem:
        version = _rebuild(entry, path)
        if version:
            write_json(listed, asdict(version), durable=False)
    return version


def _rebuild(entry: SeriesEntry, path: Path) -> Version | None:
    """The facts about a version from its archive; an archive that cannot be read is set aside."""
    try:
        metadata = unpack(path.read_bytes()).metadata
        annotations = metadata["annotations"]
        version = _version(
            {
                **metadata,
                "at": metadata["received_at"],
                "annotation_count": len(annotations),
                "label_counts": dict(sorted(Counter(a["label_id"] for a in annotations).items())),
            }
        )
    except (ArchiveError, KeyError, TypeError, AttributeError):
        version = None
    if version is None or version.version_id != path.stem:
        set_aside(path)
        return None
    return version


def _version(value: dict[str, Any] | None) -> Version | None:
    texts = ("version_id", "editor", "at", "content_sha256")
    if value is None or not all(isinstance(value.get(name), str) for name in texts):
        return None
    previous, counts, count = (value.get(n) for n in ("previous_version_id", "label_counts", "annotation_count"))
    if not isinstance(counts, dict) or type(count) is not int or not isinstance(previous, str | None):
        return None
    return Version(value["version_id"], previous, value["editor"], value["at"], count, value["content_sha256"], counts)


def _newest(entry: SeriesEntry) -> Version:
    """What must have been current when `version_current.json` is lost: a version that no other one followed."""
    followed = {version.previous_version_id for version in entry.versions.values()}
    ends = [version for version in entry.versions.values() if version.version_id not in followed]
    return max(ends or entry.versions.values(), key=lambda version: version.at)


def _set_aside_unacknowledged(entry: SeriesEntry) -> None:
    """Sets aside an archive that was written just before a crash and never became current: nobody got a 200 for it."""
    for version in list(entry.versions.values()):
        if entry.current and version.previous_version_id == entry.version_id:
            set_aside(archive_path(entry, version.version_id))
            (entry.directory / HISTORY / f"{version.version_id}.json").unlink(missing_ok=True)
            del entry.versions[version.version_id]
