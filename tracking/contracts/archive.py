"""Packs, unpacks and validates mask archives (.tgz) for both sides: server, workstation and `goobusters track`.

Masks are opaque bytes here; `tracking.contracts.masks` looks inside them. Standard library only.
An archive holds `metadata.json` and one WebP per mask (SPEC 6). pack() is a pure function of its input, so
pack, unpack, pack gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from tracking.contracts.labels import MAX_FRAMES, TRACK_ID, is_label_id, parse_mask_filename

METADATA = "metadata.json"


class ArchiveError(ValueError):
    """An archive or its metadata is not acceptable. `code` is stable, `message` one sentence without identifiers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """What an archive may weigh, in bytes and members."""

    members: int = 20_000
    member_bytes: int = 8 << 20
    metadata_bytes: int = 16 << 20
    packed_bytes: int = 64 << 20
    unpacked_bytes: int = 256 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class Archive:
    """An unpacked archive: metadata as parsed JSON, masks as {file name: WebP bytes}."""

    metadata: dict[str, Any]
    masks: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation:
    """What a person verified on one frame: frame_number 0-based; filename None means verified empty."""

    frame_number: int
    label_id: str
    filename: str | None


@dataclass(frozen=True)
class Submission:
    """A checked save: `annotations` is the whole truth of the series, sorted by frame and label."""

    study_uid: str
    series_uid: str
    previous_version_id: str | None
    editor: str
    edited_at: str
    annotations: tuple[Annotation, ...]


def pack(metadata: Mapping[str, Any], masks: Mapping[str, bytes]) -> bytes:
    """The .tgz bytes: metadata.json first, then masks by name; no times, owners or other chance in it.

    Raises ArchiveError FILENAME_INVALID for a mask name that unpack() would refuse.
    """
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        _add(tar, METADATA, dump_metadata(metadata))
        for name in sorted(masks):
            if parse_mask_filename(name) is None:
                raise ArchiveError("FILENAME_INVALID", "A mask has a file name that archives do not allow.")
            _add(tar, name, masks[name])
    return buffer.getvalue()


def dump_metadata(metadata: Mapping[str, Any]) -> bytes:
    """metadata.json as bytes: ASCII, compact, keys in the order given. Raises ValueError for NaN."""
    return json.dumps(metadata, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o600
    tar.addfile(info, io.BytesIO(data))


class _Bounded(io.RawIOBase):
    """Reads through, and refuses to hand out more than `limit` bytes: the guard against compression bombs."""

    def __init__(self, source: Any, limit: int) -> None:
        self._source = source
        self._left = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._source.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError("ARCHIVE_TOO_LARGE", "The archive is larger than allowed.")
        return data


def unpack(source: bytes | IO[bytes], limits: Limits = LIMITS) -> Archive:
    """Reads an archive from bytes or a binary stream into memory; nothing touches the disk.

    Raises ArchiveError: ARCHIVE_UNREADABLE, ARCHIVE_TRUNCATED, ARCHIVE_TOO_LARGE, MEMBER_NOT_A_FILE, FILENAME_INVALID,
    FILENAME_DUPLICATE, METADATA_MISSING, METADATA_INVALID.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        metadata, masks = _read_members(stream, limits)
    except ArchiveError:
        raise
    except EOFError as error:
        raise ArchiveError("ARCHIVE_TRUNCATED", "The archive ends too early.") from error
    except (tarfile.TarError, zlib.error, OSError, ValueError, OverflowError) as error:
        raise ArchiveError("ARCHIVE_UNREADABLE", "The archive is not a readable .tgz file.") from error
    if metadata is None:
        raise ArchiveError("METADATA_MISSING", "The archive has no metadata.json.")
    return Archive(metadata, masks)


def _read_members(stream: IO[bytes], limits: Limits) -> tuple[dict[str, Any] | None, dict[str, bytes]]:
    metadata: dict[str, Any] | None = None
    masks: dict[str, bytes] = {}
    packed: Any = _Bounded(stream, limits.packed_bytes)
    with gzip.GzipFile(fileobj=packed, mode="rb") as zipped:
        plain: Any = _Bounded(zipped, limits.unpacked_bytes)
        with tarfile.open(fileobj=plain, mode="r|", format=tarfile.USTAR_FORMAT) as tar:
            for count, member in enumerate(tar, 1):
                data = _read_member(tar, member, count, limits)
                if member.name in masks or (member.name == METADATA and metadata is not None):
                    raise ArchiveError("FILENAME_DUPLICATE", "The archive holds the same file twice.")
                if member.name == METADATA:
                    metadata = load_metadata(data)
                else:
                    masks[member.name] = data
        while plain.read(1 << 16):  # the gzip checksum stands at the very end
            pass
    return metadata, masks


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, count: int, limits: Limits) -> bytes:
    if count > limits.members:
        raise ArchiveError("ARCHIVE_TOO_LARGE", "The archive holds too many files.")
    if not member.isreg() or member.issparse():
        raise ArchiveError("MEMBER_NOT_A_FILE", "The archive holds something that is not a plain file.")
    if member.name != METADATA and parse_mask_filename(member.name) is None:
        raise ArchiveError("FILENAME_INVALID", "The archive holds a file whose name is not allowed.")
    if member.size > (limits.metadata_bytes if member.name == METADATA else limits.member_bytes):
        raise ArchiveError("ARCHIVE_TOO_LARGE", "The archive holds a file that is larger than allowed.")
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise ArchiveError("ARCHIVE_TRUNCATED", "The archive ends too early.")
    return data


def load_metadata(data: bytes) -> dict[str, Any]:
    """metadata.json's object. Raises ArchiveError METADATA_INVALID on anything but a JSON object without NaN."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
        dump_metadata({"": value})  # refuses what could not be written again: overflowing floats, endless nesting
    except (ValueError, RecursionError) as error:
        raise ArchiveError("METADATA_INVALID", "metadata.json is not readable JSON.") from error
    if not isinstance(value, dict):
        raise ArchiveError("METADATA_INVALID", "metadata.json is not a JSON object.")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def read_submission(
    archive: Archive, *, study_uid: str, series_uid: str, empty_id: str, frame_count: int | None = None
) -> Submission:
    """Checks a client's archive against the series it is meant for and returns what it says.

    Both forms of SPEC 6 are read: `annotations[]`, or `frames[]` with `is_annotation: true`. frame_count None skips
    the range check (not known yet). Mask pixels are not looked at: see tracking.contracts.masks.decode_mask.
    Raises ArchiveError: METADATA_INVALID, UID_MISMATCH, FRAME_OUT_OF_RANGE, FILENAME_INVALID, FILENAME_DUPLICATE,
    MASK_MISSING, MASK_NOT_LISTED, ANNOTATION_DUPLICATE, ANNOTATION_CONTRADICTION.
    """
    metadata = archive.metadata
    if (metadata.get("study_uid"), metadata.get("series_uid")) != (study_uid, series_uid):
        raise ArchiveError("UID_MISMATCH", "The archive belongs to another series.")
    annotations = sorted(
        (_annotation(entry, empty_id, frame_count) for entry in _entries(metadata)),
        key=lambda a: (a.frame_number, a.label_id),
    )
    _check_annotations(annotations, archive.masks, by_frames="annotations" not in metadata)
    return Submission(
        study_uid,
        series_uid,
        _text(metadata, "previous_version_id", 128),
        _text(metadata, "editor", 254) or "",
        _text(metadata, "edited_at", 64) or "",
        tuple(annotations),
    )


def _text(metadata: Mapping[str, Any], key: str, longest: int) -> str | None:
    value = metadata.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > longest):
        raise ArchiveError("METADATA_INVALID", f"metadata.json has no usable {key}.")
    return value


def _entries(metadata: Mapping[str, Any]) -> list[Any]:
    if "annotations" in metadata:
        entries = metadata["annotations"]
    else:
        entries = metadata.get("frames")
        if isinstance(entries, list):
            entries = [e for e in entries if not isinstance(e, dict) or e.get("is_annotation") is True]
    if not isinstance(entries, list):
        raise ArchiveError("METADATA_INVALID", "metadata.json lists no annotations.")
    return entries


def _annotation(entry: Any, empty_id: str, frame_count: int | None) -> Annotation:
    if not isinstance(entry, dict):
        raise ArchiveError("METADATA_INVALID", "An annotation is not a JSON object.")
    number, label_id, filename = entry.get("frame_number"), entry.get("label_id"), entry.get("filename")
    if type(number) is not int or not isinstance(label_id, str) or not is_label_id(label_id) or label_id == TRACK_ID:
        raise ArchiveError("METADATA_INVALID", "An annotation has no valid frame number or label.")
    if not 0 <= number < (MAX_FRAMES if frame_count is None else frame_count):
        raise ArchiveError("FRAME_OUT_OF_RANGE", "An annotation lies outside the clip's frames.")
    if (label_id == empty_id) != (filename is None):
        raise ArchiveError("METADATA_INVALID", "Just the verified-empty annotations go without a mask file.")
    if filename is not None:
        parsed = parse_mask_filename(filename) if isinstance(filename, str) else None
        if parsed is None or parsed[0] != number or parsed[1] not in (None, label_id):
            raise ArchiveError("FILENAME_INVALID", "An annotation names a mask file of another frame or label.")
    return Annotation(number, label_id, filename)


def _check_annotations(annotations: list[Annotation], masks: Mapping[str, bytes], *, by_frames: bool) -> None:
    seen: set[tuple[int, str]] = set()
    empty_frames = {a.frame_number for a in annotations if a.filename is None}
    names = [a.filename for a in annotations if a.filename is not None]
    for annotation in annotations:
        key = (annotation.frame_number, annotation.label_id)
        if key in seen:
            raise ArchiveError("ANNOTATION_DUPLICATE", "A frame is annotated twice with the same label.")
        seen.add(key)
        if annotation.filename is not None and annotation.frame_number in empty_frames:
            raise ArchiveError("ANNOTATION_CONTRADICTION", "A frame is both marked empty and annotated.")
    if len(set(names)) != len(names):
        raise ArchiveError("FILENAME_DUPLICATE", "Two annotations share one mask file.")
    if not set(names) <= set(masks):
        raise ArchiveError("MASK_MISSING", "A mask that metadata.json names is not in the archive.")
    if not by_frames and not set(masks) <= set(names):
        raise ArchiveError("MASK_NOT_LISTED", "The archive holds a mask that metadata.json does not name.")
