"""A small data set as MD.ai would export it, for tests against the stand-in: moving discs, drawn and encoded here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tracking.contracts.labels import EMPTY_ID, LABEL_ID

WIDTH, HEIGHT, FRAMES = 64, 48, 6
STUDIES = [f"1.2.826.0.1.3680043.8.498.{n}" for n in (101, 102, 103)]
SERIES = [f"1.2.826.0.1.3680043.8.498.{n}" for n in (201, 202, 203)]


def clip(number: int, frames: int = FRAMES) -> bytes:
    """An .mp4 of a bright disc that moves to the right."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "clip.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
        for frame in range(frames):
            picture = np.full((HEIGHT, WIDTH, 3), 30 + 10 * number, np.uint8)
            cv2.circle(picture, (16 + 2 * frame, 24), 8, (220, 220, 220), -1)
            writer.write(picture)
        writer.release()
        return path.read_bytes()


def clips(count: int = 2) -> dict[str, bytes]:
    """{"STUDY/SERIES.mp4": bytes} of the first `count` exams."""
    return {f"{STUDIES[n]}/{SERIES[n]}.mp4": clip(n) for n in range(count)}


def export(count: int = 2) -> dict[str, Any]:
    """The annotation export: frame 0 of each exam has a square, the last frame is verified empty."""
    square = [[9, 17], [23, 17], [23, 31], [9, 31]]
    annotations = []
    for number in range(count):
        ids = {"StudyInstanceUID": STUDIES[number], "SeriesInstanceUID": SERIES[number]}
        marks = [(0, LABEL_ID, {"foreground": [square], "background": []}), (FRAMES - 1, EMPTY_ID, None)]
        for frame, label, data in marks:
            annotation = {"id": f"A_{number}_{frame}", "labelId": label, "frameNumber": frame, "data": data, **ids}
            annotations.append({**annotation, "SOPInstanceUID": f"{SERIES[number]}.1", "createdById": "U_1"})
    labels = [{"id": LABEL_ID, "name": "Fluid"}, {"id": EMPTY_ID, "name": "No Fluid"}]
    details = {"annotationMode": "mask", "color": "#2ecc71", "scope": "INSTANCE", "type": "local"}
    return {
        "labelGroups": [{"id": "G_1", "name": "Group", "labels": [{**label, **details} for label in labels]}],
        "datasets": [
            {
                "id": "D_vBnWb1",
                "name": "Clips",
                "studies": [{"StudyInstanceUID": STUDIES[n], "number": 194 + n} for n in range(count)],
                "annotations": annotations,
            }
        ],
    }
