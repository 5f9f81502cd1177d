"""What did the data set itself say of a series, before anybody saved here? Written by workers, read by `saving`.

`original.tgz` in the series' state directory has a client's form, as every version in the history, and can be read and
restored like one; `original.json` repeats the facts that a list needs. A worker writes both as soon as it has opened
the clip and drawn MD.ai's polygons, so they are there also when tracking then fails. While nobody has saved they follow
the data set; from the first save on they stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from server.files import (
    TEMPORARY,
    expect,
    is_whole_file,
    make_directory,
    read_json_object,
    set_aside,
    write_atomic,
    write_json,
)
from server.records import Key, Original, SeriesEntry
from tracking.contracts.archive import Annotation, Archive, ArchiveError, pack, unpack

ARCHIVE, FACTS = "original.tgz", "original.json"


def write(
    directory: Path,
    key: Key,
    annotations: Iterable[Annotation],
    masks: Mapping[str, bytes],
    size: tuple[int, int, int],
    drawn_at: str,
) -> None:
    """Keeps the drawn annotations; what says the same already stays. size: (frame_count, width, height).

    Raises OSError.
    """
    listed = [asdict(annotation) for annotation in annotations]
    content = hashlib.sha256(pack({"annotations": listed, "size": size}, masks)).hexdigest()
    version_id = hashlib.sha256(json.dumps([*key, "original", content]).encode()).hexdigest()
    known = load(directory)
    if known and known.version_id == version_id and is_whole_file(directory / ARCHIVE):
        return
    facts = asdict(Original(version_id, drawn_at, len(listed), content, *size))
    make_directory(directory)
    (directory / FACTS).unlink(missing_ok=True)  # made again from the archive if this ends half-way
    metadata = {"study_uid": key[0], "series_uid": key[1], **facts, "annotations": listed}
    write_atomic(directory / ARCHIVE, pack(metadata, masks))
    write_json(directory / FACTS, facts)


def load(directory: Path) -> Original | None:
    """The facts, made again from the archive when their file is gone or broken; None without one. Raises OSError."""
    expect(directory / ARCHIVE, directory=False)
    if not (directory / ARCHIVE).exists():
        return None
    facts = _facts(read_json_object(directory / FACTS))
    if facts is None:
        facts = _facts(_metadata(directory / ARCHIVE))
        if facts:
            write_json(directory / FACTS, asdict(facts), durable=False)
    return facts


def take(entry: SeriesEntry) -> None:
    """Notes in `entry` what is kept, and the clip's size when nothing was tracked yet. The caller holds the lock."""
    with contextlib.suppress(OSError):  # a disk that fails is told by whoever needs it for more
        for path in entry.directory.glob(f"original.*{TEMPORARY}*"):
            path.unlink(missing_ok=True)  # of a worker that died
        entry.original = load(entry.directory)
    if entry.original and entry.production is None:
        entry.frame_count, entry.width, entry.height = (
            entry.original.frame_count,
            entry.original.width,
            entry.original.height,
        )


def read(entry: SeriesEntry) -> Archive:
    """The annotations, in the client's form. Raises OSError, ArchiveError."""
    return unpack((entry.directory / ARCHIVE).read_bytes())


def forget(entry: SeriesEntry) -> None:
    """Sets an archive aside that is damaged; the next tracking makes it again. The caller holds the lock."""
    set_aside(entry.directory / ARCHIVE)
    entry.original = None


def _metadata(path: Path) -> dict[str, Any] | None:
    try:
        return unpack(path.read_bytes()).metadata
    except ArchiveError:
        set_aside(path)
        return None


def _facts(value: dict[str, Any] | None) -> Original | None:
    if value is None:
        return None
    texts = [value.get(name) for name in ("version_id", "at", "content_sha256")]
    numbers = [value.get(name) for name in ("annotation_count", "frame_count", "width", "height")]
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        return None
    return Original(**{name: value[name] for name in Original.__dataclass_fields__})
