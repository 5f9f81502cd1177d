"""Which sequences with known masks are there to measure on? Used by benchmarks/tracking.py.

Real ones from ../shared/bench beside the clone when they are there, and always semi-synthetic ones: a frame of the echo
cine that pydicom ships, moved by a known smooth motion with decorrelating speckle.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pydicom

from tracking.contracts.labels import LABEL_ID, mask_filename
from tracking.mask_webp import encode_mask_webp
from tracking.semisynthetic import MadeMotion, SemiSynthetic, base_picture, ellipse, write_pictures, write_video

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bench" / "data"
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sequence:
    """A clip and its true mask on every frame (uint8 0/255)."""

    dataset: str
    clip: Path
    masks: list[Mask]


def real_sequences(data: Path = SHARED) -> Iterator[Sequence]:
    """The sequences under a directory of the bench (DATASET/SEQUENCE/{frames,masks}); none when it is not there."""
    for folder in sorted(data.glob("*/*")):
        masks = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted((folder / "masks").iterdir())]
        yield Sequence(folder.parent.name, folder / "frames", [((m > 127) * 255).astype(np.uint8) for m in masks])


def made_sequences(scratch: Path, seeds: range = range(4), frame_count: int = 24) -> Iterator[Sequence]:
    """Semi-synthetic sequences, lively and decorrelating fast, so that there is something to get wrong."""
    picture = base_picture(pydicom.examples.get_path("ybr_color"), 640, 480)
    for seed in seeds:
        motion = MadeMotion(amplitude=0.05, period=18, speckle=0.3, decorrelation=3)
        made = SemiSynthetic(picture, frame_count, seed, motion)
        write_pictures(made.frames(), scratch / f"made{seed}")
        region = ellipse(640, 480, 0.12)
        masks = [made.mask(number, region) for number in range(frame_count)]
        yield Sequence("semi-synthetic", scratch / f"made{seed}", masks)


def demo_clip(scratch: Path) -> tuple[Path, SemiSynthetic]:
    """The semi-synthetic clip of SPEC 13: 150 frames, 640×480, as video."""
    made = SemiSynthetic(base_picture(pydicom.examples.get_path("ybr_color"), 640, 480), 150, seed=1)
    write_video(made.frames(), scratch / "demo.mp4")
    return scratch / "demo.mp4", made


def large_clip(scratch: Path, frame_count: int = 600) -> Path:
    """A video of 1918×1374, made of 20 different frames to and fro."""
    made = SemiSynthetic(base_picture(pydicom.examples.get_path("ybr_color"), 1918, 1374), 20, seed=1)
    frames = list(made.frames())
    write_video(islice(cycle(frames + frames[-2:0:-1]), frame_count), scratch / "large.mp4")
    return scratch / "large.mp4"


def write_annotations(folder: Path, masks: dict[int, Mask]) -> Path:
    """An unpacked client archive of masks by frame number."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, mask in sorted(masks.items()):
        name = mask_filename(number)
        (folder / name).write_bytes(encode_mask_webp(mask))
        entries.append({"frame_number": number, "label_id": LABEL_ID, "filename": name})
    metadata = {"study_uid": "1.2", "series_uid": "1.2.3", "previous_version_id": None, "annotations": entries}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder
