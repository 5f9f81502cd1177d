"""The masks of one version of a series on disk: written when an archive arrives, read by viewer, replay and saving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracking.contracts.archive import METADATA, Archive, ArchiveError, dump_metadata
from tracking.contracts.labels import TRACK_ID, parse_mask_filename
from tracking.contracts.masks import decode_mask, mask_size
from workstation.errors import CoreError
from workstation.files import make_directory, replace_directory, write_bytes
from workstation.replay import ANNOTATION, EMPTY, NONE, TRACKED, Cell, Key

_MISSING = "masks_missing_because"


class MaskSet:
    """A version's archive, unpacked in `directory` (metadata.json and WebP files).

    width, height: the clip's size in pixels. Implements `workstation.replay.Base`.
    """

    def __init__(self, directory: Path, *, width: int, height: int, label_id: str, empty_id: str) -> None:
        self.directory = directory
        self.width = width
        self.height = height
        self._label_id = label_id
        self._empty_id = empty_id
        self.metadata: dict[str, Any] = json.loads((directory / METADATA).read_text("utf-8"))
        self._entries: dict[Key, tuple[str, str | None]] = {}
        for frame in self.metadata["frames"]:
            self._add(frame)

    def _add(self, frame: dict[str, Any]) -> None:
        filename = frame.get("filename") if frame.get("has_mask") else None
        if frame.get("is_annotation"):
            kind = EMPTY if frame["label_id"] == self._empty_id else ANNOTATION
            self._entries[(frame["frame_number"], frame["label_id"])] = (kind, filename)
        elif filename:
            label_id = frame.get("tracks") or self._label_id
            self._entries.setdefault((frame["frame_number"], label_id), (TRACKED, filename))

    @property
    def version_id(self) -> str | None:
        """The version these masks are of; None: never edited."""
        version: str | None = self.metadata.get("version_id")
        return version

    @property
    def missing_because(self) -> str | None:
        """Why there are no tracked masks in this set, in a sentence of the server; None when it was tracked."""
        reason: str | None = self.metadata.get(_MISSING)
        return reason

    def kind(self, key: Key) -> str:
        """none, tracked, annotation or empty."""
        return self._entries.get(key, (NONE, None))[0]

    def filename(self, key: Key) -> str | None:
        """File name of the mask of one (frame, label), or None when it has none."""
        return self._entries.get(key, (NONE, None))[1]

    def cell(self, key: Key) -> Cell:
        """Kind and pixels of one (frame, label). Raises CoreError MASKS_DAMAGED."""
        kind, filename = self._entries.get(key, (NONE, None))
        if filename is None:
            return Cell(kind, bytes(self.width * self.height))
        try:
            return Cell(kind, decode_mask(self.read(filename), self.width, self.height))
        except ArchiveError as error:
            raise CoreError("MASKS_DAMAGED", f"A mask of this series cannot be read: {error.message}", 500) from error

    def annotation_keys(self) -> set[Key]:
        """Every (frame, label) that a person verified."""
        return {key for key, (kind, _) in self._entries.items() if kind in (ANNOTATION, EMPTY)}

    def read(self, filename: str) -> bytes:
        """A mask file's WebP bytes. Raises CoreError NOT_FOUND."""
        if parse_mask_filename(filename) is None:
            raise CoreError("NOT_FOUND", "There is no such mask.", 404)
        try:
            return (self.directory / filename).read_bytes()
        except OSError as error:
            raise CoreError("NOT_FOUND", "There is no such mask.", 404) from error


def untracked(archive: Archive, version_id: str | None, reason: str) -> Archive:
    """What people verified, as the masks to start from where the server could not track (see missing_because).

    version_id: the version that a save must follow; None: never edited.
    """
    return Archive({**archive.metadata, "version_id": version_id, _MISSING: reason}, archive.masks)


def store_archive(archive: Archive, directory: Path) -> None:
    """Unpacks an archive into `directory` in one step: it is there whole or not at all. If it is there, it stays."""
    if _is_whole(archive, directory):
        return
    temporary = directory.with_name(directory.name + ".new")
    make_directory(temporary, is_fresh=True)
    for name, data in archive.masks.items():
        write_bytes(temporary / name, data, is_durable=False)
    write_bytes(temporary / METADATA, dump_metadata(archive.metadata))
    replace_directory(temporary, directory)


def _is_whole(archive: Archive, directory: Path) -> bool:
    try:
        is_same = (directory / METADATA).read_bytes() == dump_metadata(archive.metadata)
        return is_same and all((directory / n).stat().st_size == len(data) for n, data in archive.masks.items())
    except OSError:
        return False


def check_archive(archive: Archive, *, frame_count: int, width: int, height: int) -> None:
    """Refuses masks that do not fit the clip as extracted here, before anything is written.

    Raises CoreError ARCHIVE_INVALID or FRAMES_DIFFER.
    """
    frames = archive.metadata.get("frames")
    if not isinstance(frames, list) or not all(_is_frame(frame, archive) for frame in frames):
        raise CoreError("ARCHIVE_INVALID", "The masks from the server cannot be understood.", 502)
    theirs = archive.metadata.get("frame_count")
    if theirs != frame_count:
        raise CoreError(
            "FRAMES_DIFFER",
            f"The clip has {frame_count} frames here and {theirs} on the server, so it cannot be edited.",
            409,
        )
    for data in archive.masks.values():
        try:
            size = mask_size(data)
        except ArchiveError as error:
            raise CoreError("ARCHIVE_INVALID", error.message, 502) from error
        if size != (width, height):
            raise CoreError("FRAMES_DIFFER", "The masks from the server have another size than the clip.", 409)


def _is_frame(frame: Any, archive: Archive) -> bool:
    if not isinstance(frame, dict) or type(frame.get("frame_number")) is not int:
        return False
    if frame.get("has_mask") and frame.get("filename") not in archive.masks:
        return False
    if frame.get("is_annotation"):
        return isinstance(frame.get("label_id"), str) and frame["label_id"] != TRACK_ID
    return frame.get("tracks") is None or isinstance(frame["tracks"], str)
