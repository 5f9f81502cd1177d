"""What did people verify in this clip? Reads the directory of an unpacked archive for track.py.

Both forms of SPEC 6 are read: a client's `annotations[]` and a server's `frames[]`. Masks come back as arrays.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tracking.clip import Clip
from tracking.contracts.archive import METADATA, Archive, ArchiveError, load_metadata, read_submission
from tracking.contracts.masks import decode_mask
from tracking.errors import AnnotationsError
from tracking.flow import Mask


@dataclass(frozen=True)
class AnnotatedMask:
    """One verified mask: `pixels` uint8 (height, width) of 0 and 255, `encoded` the bytes of its file, `digest` of its
    pixels."""

    frame_number: int
    label_id: str
    pixels: Mask = field(repr=False)
    encoded: bytes = field(repr=False)
    digest: str

    @property
    def is_blank(self) -> bool:
        """Whether a person painted nothing: verified empty, for this label alone."""
        return not self.pixels.any()


@dataclass(frozen=True)
class Annotations:
    """The whole truth about a series: masks by (frame_number, label_id), and the frames verified empty for every
    label."""

    study_uid: str
    series_uid: str
    masks: dict[tuple[int, str], AnnotatedMask]
    empty_frames: frozenset[int]

    @property
    def labels(self) -> list[str]:
        """Labels with at least one mask, sorted."""
        return sorted({label for _, label in self.masks})


def read_annotations(directory: Path, clip: Clip, empty_id: str) -> Annotations:
    """Read and check `directory` against the clip's size and length (asked only when there are annotations).

    Raises AnnotationsError: ANNOTATIONS_MISSING, ANNOTATIONS_UNREADABLE, or a code of contracts.archive and
    contracts.masks: METADATA_INVALID, FRAME_OUT_OF_RANGE, FILENAME_INVALID, MASK_MISSING, MASK_WRONG_SIZE,
    MASK_WRONG_VALUES, …
    """
    try:
        archive = _load(directory)
        study, series = archive.metadata.get("study_uid"), archive.metadata.get("series_uid")
        if not isinstance(study, str) or not isinstance(series, str):
            raise ArchiveError("METADATA_INVALID", "metadata.json names no study and series.")
        submission = read_submission(archive, study_uid=study, series_uid=series, empty_id=empty_id)
        if submission.annotations:
            last, count = submission.annotations[-1].frame_number, clip.frame_count
            if last >= count:
                raise ArchiveError("FRAME_OUT_OF_RANGE", f"Frame {last} is annotated, but the clip has {count} frames.")
        masks = {}
        for entry in submission.annotations:
            if entry.filename is not None:
                clip.stop_if_cancelled()
                encoded = archive.masks[entry.filename]
                flat = np.frombuffer(decode_mask(encoded, clip.width, clip.height), np.uint8)
                pixels = flat.reshape(clip.height, clip.width)
                key = (entry.frame_number, entry.label_id)
                masks[key] = AnnotatedMask(*key, pixels, encoded, hashlib.sha256(pixels.tobytes()).hexdigest())
    except ArchiveError as error:
        raise AnnotationsError(error.code, error.message) from error
    empty = frozenset(entry.frame_number for entry in submission.annotations if entry.filename is None)
    return Annotations(study, series, masks, empty)


def _load(directory: Path) -> Archive:
    try:
        if not (directory / METADATA).is_file():
            raise AnnotationsError("ANNOTATIONS_MISSING", "The annotations directory holds no metadata.json.")
        metadata = load_metadata((directory / METADATA).read_bytes())
        named = [entry.get("filename") for entry in _all_entries(metadata) if isinstance(entry, dict)]
        masks = {}
        for name in named:
            # Only plain names of files right here are read; read_submission says what is wrong with any other.
            if isinstance(name, str) and Path(name).name == name and (directory / name).is_file():
                masks[name] = (directory / name).read_bytes()
    except OSError as error:
        raise AnnotationsError(
            "ANNOTATIONS_UNREADABLE", f"The annotations cannot be read: {error.strerror}."
        ) from error
    return Archive(metadata, masks)


def _all_entries(metadata: dict[str, object]) -> list[object]:
    entries = metadata["annotations"] if "annotations" in metadata else metadata.get("frames")
    if not isinstance(entries, list):
        return []
    return [e for e in entries if "annotations" in metadata or (isinstance(e, dict) and e.get("is_annotation") is True)]
