"""Tiny generated clips and data sets for tests: a texture that slides by a known number of pixels a frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tracking.contracts.archive import pack
from tracking.contracts.labels import EMPTY_ID, LABEL_ID, mask_filename
from tracking.contracts.masks import encode_mask

WIDTH, HEIGHT, FRAMES = 96, 64, 8


def texture(width: int, height: int, seed: int) -> npt.NDArray[np.uint8]:
    """Smooth random grey values, (height, width)."""
    noise = np.random.default_rng(seed).random((height, width), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def write_clip(
    path: Path, *, frames: int = FRAMES, width: int = WIDTH, height: int = HEIGHT, shift: int = 1, seed: int = 7
) -> Path:
    """An .avi whose picture moves `shift` pixels to the left each frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = texture(width + frames * abs(shift), height, seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (width, height))
    for number in range(frames):
        view = picture[:, number * shift : number * shift + width]
        writer.write(cv2.cvtColor(np.ascontiguousarray(view), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def uids(number: int) -> tuple[str, str]:
    """(study, series) of the data set's clip number `number`."""
    return f"1.2.{number + 1}", f"1.2.{number + 1}.1"


def write_dataset(root: Path, count: int, *, annotated: bool = True, **clip: Any) -> list[tuple[str, str]]:
    """`count` clips in MD.ai's layout with one polygon on frame 0 and an empty last frame each; returns their keys."""
    studies, annotations = [], []
    frames = clip.get("frames", FRAMES)
    for number in range(count):
        study, series = uids(number)
        write_clip(root / study / f"{series}.avi", seed=number, **clip)
        studies.append({"StudyInstanceUID": study, "number": number + 1})
        square = {"vertices": [[30, 20], [60, 20], [60, 44], [30, 44]]}
        for frame, label, data in ((0, LABEL_ID, square), (frames - 1, EMPTY_ID, None)):
            annotations.append(
                {
                    "StudyInstanceUID": study,
                    "SeriesInstanceUID": series,
                    "frameNumber": frame,
                    "labelId": label,
                    "data": data,
                }
            )
    if annotated:
        export = {"datasets": [{"name": "Test set", "studies": studies, "annotations": annotations}]}
        (root / "annotations.json").write_text(json.dumps(export), "utf-8")
    return [uids(number) for number in range(count)]


def rectangle(left: int, top: int, right: int, bottom: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A mask with a filled rectangle, as WebP."""
    mask = np.zeros((height, width), np.uint8)
    mask[top:bottom, left:right] = 255
    return encode_mask(mask.tobytes(), width, height)


def submission(
    key: tuple[str, str],
    previous: str | None,
    masks: dict[int, bytes],
    *,
    empty: tuple[int, ...] = (),
    editor: str = "ann@example.org",
    **more: Any,
) -> bytes:
    """A client's archive: {frame_number: WebP}, and the frames verified empty."""
    annotations = [
        {"frame_number": number, "label_id": LABEL_ID, "filename": mask_filename(number)} for number in sorted(masks)
    ]
    annotations += [{"frame_number": number, "label_id": EMPTY_ID, "filename": None} for number in empty]
    metadata = {
        "study_uid": key[0],
        "series_uid": key[1],
        "previous_version_id": previous,
        "editor": editor,
        "edited_at": "2026-01-15T12:34:56.123456Z",
        "annotations": annotations,
        **more,
    }
    return pack(metadata, {mask_filename(number): data for number, data in masks.items()})
