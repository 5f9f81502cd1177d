"""Builds small clips and annotation directories for the tracking tests: moving discs on smooth texture, exact masks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tracking.contracts.labels import EMPTY_ID, LABEL_ID, mask_filename
from tracking.contracts.masks import encode_mask

Array = npt.NDArray[np.uint8]


def disc(height: int, width: int, x: float, y: float, radius: float) -> Array:
    """Mask of a disc, uint8 0/255."""
    rows, columns = np.mgrid[0:height, 0:width]
    return (((columns - x) ** 2 + (rows - y) ** 2 <= radius**2) * 255).astype(np.uint8)


def texture(height: int, width: int, seed: int = 0) -> Array:
    """Smooth random grey picture."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 50 * smooth / (smooth.std() + 1e-6), 0, 255).astype(np.uint8)


def moving_clip(count: int, height: int = 96, width: int = 128, step: float = 1.0) -> tuple[list[Array], list[Array]]:
    """Frames (BGR) and masks: a dark disc on texture, everything moving right by `step` pixels a frame."""
    wide = texture(height, width + 2 * int(step * count) + 64)
    frames, masks = [], []
    for number in range(count):
        shift = np.array([[1, 0, -(32 + step * count) + step * number], [0, 1, 0]], np.float64)
        grey = cv2.warpAffine(wide, shift, (width, height), flags=cv2.INTER_CUBIC).astype(np.float32)
        mask = disc(height, width, width * 0.3 + step * number, height / 2, height / 5)
        grey[mask > 0] *= 0.4
        frames.append(cv2.cvtColor(np.clip(grey, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))
        masks.append(mask)
    return frames, masks


def write_frames(folder: Path, frames: Sequence[Array]) -> Path:
    """A folder clip of numbered PNG files."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:05d}.png"), frame)
    return folder


def write_annotations(
    folder: Path, masks: Mapping[int, Array | Mapping[str, Array]], empty: Sequence[int] = (), **metadata: Any
) -> Path:
    """An unpacked client archive. A frame's value is a mask of the main label, or masks by label id."""
    folder.mkdir(parents=True)
    entries: list[dict[str, Any]] = [{"frame_number": n, "label_id": EMPTY_ID, "filename": None} for n in empty]
    for number, value in masks.items():
        for label, mask in (value if isinstance(value, Mapping) else {LABEL_ID: value}).items():
            name = mask_filename(number, None if label == LABEL_ID else label)
            (folder / name).write_bytes(encode_mask(mask.tobytes(), mask.shape[1], mask.shape[0]))
            entries.append({"frame_number": number, "label_id": label, "filename": name})
    base = {"study_uid": "1.2.3", "series_uid": "1.2.3.4", "previous_version_id": None}
    content = {**base, "editor": "someone@example.org", "edited_at": "2026-01-01T00:00:00.000000Z", **metadata}
    (folder / "metadata.json").write_text(json.dumps({**content, "annotations": entries}))
    return folder


def entries_of(out: Path) -> dict[int, list[dict[str, Any]]]:
    """frames[] of a result by frame number."""
    found: dict[int, list[dict[str, Any]]] = {}
    for entry in json.loads((out / "metadata.json").read_text())["frames"]:
        found.setdefault(entry["frame_number"], []).append(entry)
    return found


def masks_of(out: Path, height: int, width: int, label: str = LABEL_ID) -> dict[int, Array]:
    """A result's masks of one label by frame number (all zero when there is none)."""
    masks = {}
    for number, entries in entries_of(out).items():
        masks[number] = np.zeros((height, width), np.uint8)
        for entry in entries:
            if entry["has_mask"] and label in (entry["label_id"], entry.get("tracks")):
                masks[number] = cv2.imread(str(out / entry["filename"]), cv2.IMREAD_GRAYSCALE)
    return masks


def dice(one: Array, other: Array) -> float:
    """Overlap of two masks, 1 when both are empty."""
    size = int((one > 0).sum() + (other > 0).sum())
    return 2 * int(((one > 0) & (other > 0)).sum()) / size if size else 1.0
