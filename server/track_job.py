"""How does a worker process turn annotations into the masks that are served? `run` is what `workers` sends there.

The only module of the server that imports OpenCV (through `tracking`), and it does so when it runs: the process that
answers requests never pays for it. Everything in and out is plain values that survive pickling.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server import original
from server.files import make_directory, write_atomic
from server.production import MASKS, NEW_ARCHIVE, NEW_MASKS
from tracking.contracts.archive import METADATA, Annotation, ArchiveError, dump_metadata, load_metadata, pack, unpack
from tracking.contracts.dataset import ExportedAnnotation, Problem
from tracking.contracts.labels import mask_filename

if TYPE_CHECKING:
    from tracking.clip import Clip


@dataclass(frozen=True)
class TrackJob:
    """What to track: the annotations in `annotations`, a save's archive or the series' original.tgz.

    When `exported` is not None, original.tgz in `directory` is made of that first (dated `began_at`). `mask_directory`
    is the series' own: the result goes to its masks_temp/ and masks_temp.tgz, its masks/ is looked at for what has not
    changed. `inputs` is written into the result, see `jobs.inputs_of`.
    """

    study_uid: str
    series_uid: str
    clip: Path
    mask_directory: Path
    flow_cache: Path
    flow_method: str
    label_id: str
    empty_id: str
    version_id: str | None
    inputs: str
    directory: Path
    annotations: Path
    exported: tuple[ExportedAnnotation, ...] | None
    began_at: str


@dataclass(frozen=True)
class JobResult:
    """What came out; the masks themselves lie in the mask directory. Sizes in pixels, `seconds` wall-clock time."""

    frame_count: int
    width: int
    height: int
    mask_count: int
    frames_redone: int
    seconds: float
    problems: tuple[Problem, ...] = ()


class JobFailed(Exception):
    """The job cannot give masks. `code` is stable, `message` one sentence without identifiers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def run(job: TrackJob, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> JobResult:
    """Tracks one series. progress(frames done, frames in all). Raises JobFailed, leaving only temporary files."""
    from tracking.errors import TrackingError
    from tracking.open_clip import open_clip
    from tracking.polygons import PolygonError

    try:
        clip = open_clip(job.clip, cancelled)
        problems = _draw_original(job, clip)
        return _track(job, clip, problems, progress, cancelled)
    except (TrackingError, ArchiveError, PolygonError) as error:
        raise JobFailed(error.code, str(error)) from None
    except OSError as error:
        raise JobFailed("STORAGE_FAILED", f"A file cannot be read or written: {error.strerror}.") from None
    except MemoryError:
        raise JobFailed("OUT_OF_MEMORY", "The machine ran out of memory.") from None


def _draw_original(job: TrackJob, clip: Clip) -> list[Problem]:
    """Keeps what the data set says, when that is asked for. Returns what had to be left out."""
    if job.exported is None:  # then a save was checked against the size: counting frames means decoding the clip
        return []
    size = (clip.frame_count, clip.width, clip.height)
    annotations, masks, problems = draw_exported(job.exported, size, job.label_id, job.empty_id)
    original.write(job.directory, (job.study_uid, job.series_uid), annotations, masks, size, job.began_at)
    return problems


def _track(
    job: TrackJob,
    clip: Clip,
    problems: list[Problem],
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> JobResult:
    from tracking.flow_store import FlowStore
    from tracking.track import track

    out = job.mask_directory / NEW_MASKS
    previous = job.mask_directory / MASKS
    annotations = job.mask_directory / f"{NEW_MASKS}.annotations"
    _unpack_annotations(job, annotations)
    result = track(
        clip,
        annotations,
        out,
        flow_method=job.flow_method,
        flow_cache=FlowStore(job.flow_cache),
        previous=previous if previous.is_dir() else None,
        label_id=job.label_id,
        empty_id=job.empty_id,
        version_id=job.version_id,
        progress=progress,
        cancelled=cancelled,
    )
    shutil.rmtree(annotations)
    metadata = {
        **load_metadata((out / METADATA).read_bytes()),
        "inputs": job.inputs,
        "width": clip.width,
        "height": clip.height,
    }
    (out / METADATA).write_bytes(dump_metadata(metadata))
    names = {entry["filename"] for entry in metadata["frames"] if entry["filename"] is not None}
    packed = pack(metadata, {name: (out / name).read_bytes() for name in names})
    write_atomic(job.mask_directory / NEW_ARCHIVE, packed)
    size = (result.frame_count, clip.width, clip.height)
    return JobResult(*size, result.mask_count, result.frames_redone, result.seconds["total"], tuple(problems))


def _unpack_annotations(job: TrackJob, directory: Path) -> None:
    """Writes what people verified as an unpacked client archive."""
    shutil.rmtree(directory, ignore_errors=True)
    make_directory(directory)
    archive = unpack(job.annotations.read_bytes())
    for name, data in {METADATA: dump_metadata(archive.metadata), **archive.masks}.items():
        (directory / name).write_bytes(data)


def draw_exported(
    exported: tuple[ExportedAnnotation, ...], size: tuple[int, int, int], label_id: str, empty_id: str
) -> tuple[list[Annotation], dict[str, bytes], list[Problem]]:
    """Annotations and their masks from MD.ai's polygons; what does not fit the clip is left out and said.

    size: (frame_count, width, height). Several annotations of one frame and label are joined; a frame that is both
    marked and verified empty counts as marked, because somebody saw something there.
    """
    import numpy as np

    from tracking.contracts.masks import encode_mask
    from tracking.polygons import PolygonError, rasterise

    frame_count, width, height = size
    drawn: dict[tuple[int, str], Any] = {}
    empty_frames: set[int] = set()
    left_out: dict[str, int] = {}
    for entry in exported:
        key = (entry.frame_number, entry.label_id)
        if entry.frame_number >= frame_count:
            left_out["ANNOTATION_BEYOND_END"] = left_out.get("ANNOTATION_BEYOND_END", 0) + 1
            continue
        if entry.label_id == empty_id:
            empty_frames.add(entry.frame_number)
            continue
        try:
            mask = rasterise(entry.data, width, height)
        except PolygonError as error:
            left_out[error.code] = left_out.get(error.code, 0) + 1
            continue
        if entry.data is not None and not mask.any():
            left_out["ANNOTATION_OUTSIDE"] = left_out.get("ANNOTATION_OUTSIDE", 0) + 1
            continue
        drawn[key] = np.logical_or(drawn[key], mask) if key in drawn else mask
    contradictions = empty_frames & {number for number, _ in drawn}
    if contradictions:
        left_out["ANNOTATION_CONTRADICTION"] = len(contradictions)
    problems = [replace(_LEFT_OUT[code], what=str(count)) for code, count in sorted(left_out.items())]
    annotations = [Annotation(number, empty_id, None) for number in empty_frames - contradictions]
    masks = {}
    for (number, label), mask in drawn.items():
        filename = mask_filename(number, None if label == label_id else label)
        annotations.append(Annotation(number, label, filename))
        masks[filename] = encode_mask((mask.astype(np.uint8) * 255).tobytes(), width, height)
    return sorted(annotations, key=lambda a: (a.frame_number, a.label_id)), masks, problems


_BROKEN = "Annotations whose polygons cannot be drawn were left out."
_LEFT_OUT = {
    "ANNOTATION_BEYOND_END": Problem("ANNOTATION_BEYOND_END", "Annotations beyond the last frame were left out."),
    "ANNOTATION_OUTSIDE": Problem("ANNOTATION_OUTSIDE", "Annotations outside the picture were left out."),
    "ANNOTATION_CONTRADICTION": Problem(
        "ANNOTATION_CONTRADICTION", "Frames both marked and verified empty count as marked."
    ),
    "ANNOTATION_SHAPE_UNKNOWN": Problem("ANNOTATION_SHAPE_UNKNOWN", _BROKEN),
    "POLYGON_INVALID": Problem("POLYGON_INVALID", _BROKEN),
    "POLYGONS_TOO_MANY": Problem("POLYGONS_TOO_MANY", _BROKEN),
    "SIZE_INVALID": Problem("SIZE_INVALID", _BROKEN),
}
