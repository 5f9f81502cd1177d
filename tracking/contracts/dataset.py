"""Which series a data set on disk holds, and what was annotated in it. Used by the server and the workstation core.

Reads a directory of clips (SPEC 4, folder source; MD.ai's own layout is a case of it) and MD.ai's annotation export.
Standard library, and pydicom where a DICOM header must be read. Whatever is wrong with one clip or one annotation is
reported as a problem and the rest goes on.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracking.contracts.labels import MAX_FRAMES, is_label_id, is_uid

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mpeg", ".mpg", ".m4v", ".h264")
DICOM_SUFFIXES = (".dcm", ".dicom")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
ANNOTATIONS = "annotations.json"
_MAX_EXPORT_BYTES = 1 << 30


class DatasetError(ValueError):
    """The data set as a whole cannot be read. `code` is stable, `message` one sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Problem:
    """Something that was left out, and why: `what` is a relative path or a count, never an identifier of a patient."""

    code: str
    message: str
    what: str = ""


@dataclass(frozen=True)
class Series:
    """One clip of a data set. `clip` is a file (video, DICOM) or a directory of images."""

    study_uid: str
    series_uid: str
    clip: Path
    exam_number: int
    series_number: int = 1
    dataset_name: str = ""


@dataclass(frozen=True)
class ExportedAnnotation:
    """One annotation of MD.ai's export, shape checked: frame_number 0-based; data as in SPEC 4 (None = no polygons)."""

    study_uid: str
    series_uid: str
    frame_number: int
    label_id: str
    data: dict[str, Any] | None


@dataclass
class Export:
    """What an annotation export says. exam_numbers: {study_uid: exam number}."""

    dataset_name: str = ""
    exam_numbers: dict[str, int] = field(default_factory=dict)
    annotations: list[ExportedAnnotation] = field(default_factory=list)
    label_names: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    digest: str = ""


@dataclass
class Index:
    """A data set on disk: series in exam order, the export, everything that was left out, and a version to compare.

    `version` is equal on two machines when clips (names, sizes) and annotations are.
    """

    series: list[Series]
    export: Export
    problems: list[Problem]
    version: str


def read_export(path: Path) -> Export:
    """Reads MD.ai's annotation export. A broken entry is left out and counted in `problems`.

    Raises DatasetError ANNOTATIONS_UNREADABLE when the file is no JSON of that form.
    """
    try:
        if path.stat().st_size > _MAX_EXPORT_BYTES:
            raise DatasetError("ANNOTATIONS_UNREADABLE", f"{path.name} is larger than allowed.")
        raw = path.read_bytes()
        value = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError("ANNOTATIONS_UNREADABLE", f"{path.name} is not readable JSON.") from error
    datasets = value.get("datasets") if isinstance(value, dict) else None
    if not isinstance(datasets, list):
        raise DatasetError("ANNOTATIONS_UNREADABLE", f"{path.name} is not an annotation export of MD.ai.")
    export = Export(digest=hashlib.sha256(raw).hexdigest())
    _read_labels(value.get("labelGroups"), export)
    dropped = sum(_read_dataset(dataset, export) for dataset in datasets)
    if dropped:
        export.problems.append(
            Problem(
                "ANNOTATION_INVALID", "Annotations without a usable series, frame or label were left out.", str(dropped)
            )
        )
    return export


def _read_labels(groups: Any, export: Export) -> None:
    for group in groups if isinstance(groups, list) else []:
        labels = group.get("labels") if isinstance(group, dict) else None
        for label in labels if isinstance(labels, list) else []:
            if isinstance(label, dict) and is_label_id(label.get("id")) and isinstance(label.get("name"), str):
                export.label_names[label["id"]] = label["name"][:200]


def _read_dataset(dataset: Any, export: Export) -> int:
    """Adds one entry of `datasets[]` to the export; returns how many annotations were left out."""
    if not isinstance(dataset, dict):
        return 1
    if isinstance(dataset.get("name"), str) and not export.dataset_name:
        export.dataset_name = dataset["name"][:200]
    studies, annotations = dataset.get("studies"), dataset.get("annotations")
    for study in studies if isinstance(studies, list) else []:
        if isinstance(study, dict) and is_uid(study.get("StudyInstanceUID")) and type(study.get("number")) is int:
            export.exam_numbers[study["StudyInstanceUID"]] = study["number"]
    dropped = 0
    for entry in annotations if isinstance(annotations, list) else []:
        annotation = _read_annotation(entry)
        if annotation is None:
            dropped += 1
        else:
            export.annotations.append(annotation)
    return dropped


def _read_annotation(entry: Any) -> ExportedAnnotation | None:
    if not isinstance(entry, dict):
        return None
    study, series = entry.get("StudyInstanceUID"), entry.get("SeriesInstanceUID")
    number, label_id, data = entry.get("frameNumber"), entry.get("labelId"), entry.get("data")
    if number is None:
        number = 0  # MD.ai leaves it out for single images
    if not (is_uid(study) and is_uid(series) and is_label_id(label_id) and type(number) is int):
        return None
    if not 0 <= number < MAX_FRAMES or not (data is None or isinstance(data, dict)):
        return None
    return ExportedAnnotation(str(study), str(series), number, str(label_id), data)


def read_index(root: Path, annotations: Path | None = None, absent: Mapping[str, int] | None = None) -> Index:
    """Lists the clips below `root` and joins them with the export (default: root/annotations.json, if there).

    Ids: `STUDY_UID/SERIES_UID.ext` from the path, DICOM from its header, others from a hash of the relative path.
    Exam numbers: from the export, the others counted on in name order. absent: {relative path: bytes} of clip files
    that belong to the data set and are not on this disk; they are listed as if they were. Raises DatasetError
    DATASET_MISSING.
    """
    if not root.is_dir():
        raise DatasetError("DATASET_MISSING", "The folder with the clips does not exist or cannot be opened.")
    problems: list[Problem] = []
    export = Export()
    path = annotations or root / ANNOTATIONS
    if path.exists():
        try:
            export = read_export(path)
        except DatasetError as error:
            problems.append(Problem(error.code, error.message, path.name))
    found: dict[tuple[str, str], Path] = {}
    sizes = hashlib.sha256(export.digest.encode())
    away = {root / name: size for name, size in (absent or {}).items()}
    for clip in sorted({*list_clips(root), *away}, key=lambda p: natural_key(p.relative_to(root).as_posix())):
        relative = clip.relative_to(root)
        name = relative.as_posix().encode(errors="replace").decode()
        ids = _ids(clip, relative) if name == relative.as_posix() else ("", "")
        if ids == ("", ""):
            problems.append(Problem("CLIP_LEFT_OUT", "This file has a name that is not text (UTF-8).", name))
        elif ids is None:
            problems.append(Problem("CLIP_LEFT_OUT", "This file is not a readable DICOM clip.", name))
        elif ids in found:
            problems.append(Problem("SERIES_DUPLICATE", "Another clip has the same series.", name))
        else:
            found[ids] = clip
            sizes.update(f"{ids}{away[clip] if clip in away else _weight(clip)}".encode())
    series = _numbered(found, export)
    return Index(series, export, problems + export.problems, sizes.hexdigest()[:16])


def list_clips(root: Path) -> list[Path]:
    """Clip files and image directories below `root`, in name order, without hidden ones and links out of `root`."""
    clips: list[Path] = []
    top = root.resolve()
    for directory in [root, *sorted(p for p in root.rglob("*") if p.is_dir())]:
        if _is_hidden(directory, root) or not directory.resolve().is_relative_to(top):
            continue
        files = sorted(p for p in directory.iterdir() if p.is_file() and not p.name.startswith("."))
        clips += [p for p in files if p.suffix.lower() in VIDEO_SUFFIXES + DICOM_SUFFIXES]
        if directory != root and any(p.suffix.lower() in IMAGE_SUFFIXES for p in files):
            clips.append(directory)
    return sorted(clips, key=lambda p: natural_key(p.relative_to(root).as_posix()))


def image_files(directory: Path) -> list[Path]:
    """A clip's images in frame order: natural name order, so that 2.png comes before 10.png."""
    images = (p for p in directory.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    return sorted(images, key=lambda p: natural_key(p.name))


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that reads digit runs as numbers."""
    return [
        (0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part
    ]


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _weight(clip: Path) -> int:
    return sum(p.stat().st_size for p in image_files(clip)) if clip.is_dir() else clip.stat().st_size


def _ids(clip: Path, relative: Path) -> tuple[str, str] | None:
    study, series = relative.parent.name, clip.name if clip.is_dir() else clip.stem
    if is_uid(study) and is_uid(series) and "." in study and "." in series:
        if clip.suffix.lower() in DICOM_SUFFIXES and is_uid(relative.parent.parent.name):
            return relative.parent.parent.name, study  # MD.ai's STUDY/SERIES/SOP.dcm
        return study, series
    if clip.suffix.lower() in DICOM_SUFFIXES:
        return _dicom_ids(clip)
    stable = [
        uuid.uuid5(uuid.NAMESPACE_URL, f"goobusters:{kind}:{relative.as_posix()}") for kind in ("study", "series")
    ]
    return f"2.25.{stable[0].int}", f"2.25.{stable[1].int}"


def _dicom_ids(clip: Path) -> tuple[str, str] | None:
    import pydicom  # here and not above: only a folder of DICOM needs it
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(clip, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])
        ids = str(header.get("StudyInstanceUID", "")), str(header.get("SeriesInstanceUID", ""))
    except (OSError, ValueError, EOFError, KeyError, AttributeError, NotImplementedError, InvalidDicomError):
        return None
    return ids if is_uid(ids[0]) and is_uid(ids[1]) else None


def _numbered(found: dict[tuple[str, str], Path], export: Export) -> list[Series]:
    exams = {study: n for study, n in export.exam_numbers.items() if any(ids[0] == study for ids in found)}
    following = max(exams.values(), default=0) + 1
    counts: dict[str, int] = {}
    series = []
    for (study, series_uid), clip in found.items():
        if study not in exams:
            exams[study], following = following, following + 1
        counts[study] = counts.get(study, 0) + 1
        series.append(Series(study, series_uid, clip, exams[study], counts[study], export.dataset_name))
    return sorted(series, key=lambda s: (s.exam_number, s.series_number))
