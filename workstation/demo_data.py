"""Which clips does the demo show? Makes its folder data set on first start, from what the pydicom package carries.

Called by `workstation.demo`. Three exams: a real echo cine (DICOM, 30 frames) with the left ventricle traced in four of
them; a longer clip made from its first frame by a known smooth motion, called semi-synthetic in its file name and so
wherever it is shown, with three outlines that the motion gives and one frame verified empty; and a clip without any
annotation. The annotations are in MD.ai's export form. No network, no account.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracking.contracts.dataset import ANNOTATIONS, read_index
from tracking.contracts.labels import EMPTY_ID, LABEL_ID

REAL_CLIP = "echo.dcm"
LONG_CLIP = "echo-semi-synthetic.mp4"
BARE_CLIP = "echo-semi-synthetic-without-annotations"
MADE = "made.json"
RECIPE = 1  # raised when this file makes something else than before, so that older folders are made anew

LONG_FRAMES, LONG_SIZE = 150, "640x480"
BARE_FRAMES, BARE_SIZE = 60, "480x360"
OUTLINED = (0, 45, 90)  # frames of the long clip that start with an outline
EMPTY_FRAME = 135

# The left ventricle's inner border in the real clip, traced by eye on the enlarged frames of the apical four-chamber
# view (mitral valve as the lower end): frame_number -> [x, y] in pixels, from the centre of the top left one.
LEFT_VENTRICLE: dict[int, list[list[float]]] = {
    0: [
        [159, 82], [160, 90], [160, 98], [159, 106], [156, 113], [154, 119], [152, 124], [152, 129], [157, 130],
        [164, 131], [172, 127], [180, 125], [187, 123], [194, 125], [197, 120], [196, 113], [194, 106], [192, 99],
        [191, 92], [190, 85], [188, 78], [184, 71], [178, 68], [173, 71], [169, 77], [163, 79],
    ],
    15: [
        [158, 73], [155, 80], [155, 88], [156, 95], [158, 102], [158, 110], [157, 118], [157, 125], [159, 131],
        [164, 129], [170, 126], [177, 123], [184, 123], [192, 127], [198, 130], [203, 128], [206, 122], [208, 115],
        [206, 108], [207, 103], [203, 95], [200, 88], [197, 80], [194, 73], [188, 67], [180, 63], [171, 64], [164, 68],
    ],
    22: [
        [157, 77], [155, 86], [156, 94], [158, 101], [160, 108], [159, 116], [158, 123], [160, 129], [164, 134],
        [170, 135], [180, 134], [190, 135], [197, 136], [203, 133], [207, 127], [209, 118], [209, 110], [208, 102],
        [205, 95], [201, 88], [199, 80], [196, 73], [190, 67], [181, 63], [171, 64], [162, 69],
    ],
    29: [
        [164, 80], [164, 88], [166, 95], [165, 102], [163, 108], [161, 114], [159, 119], [163, 123], [168, 125],
        [176, 124], [183, 122], [190, 123], [196, 125], [201, 122], [202, 114], [202, 106], [201, 98], [200, 90],
        [198, 84], [195, 78], [191, 71], [184, 67], [176, 66], [169, 70], [166, 75],
    ],
}  # fmt: skip


def make_clips(directory: Path, say: Callable[[str], None]) -> None:
    """Makes the data set at `directory` unless it is there and whole. `say` gets one line a step.

    Whatever else a person put into the folder stays there.
    Raises OSError when the place cannot be written, subprocess.CalledProcessError when a clip cannot be made.
    """
    if is_whole(directory):
        return
    fresh = directory.with_name(f"{directory.name}.new-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _fill(fresh, say)
        for name in [*_digests(fresh), MADE]:  # MADE last: before it is there, the folder does not count as whole
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).replace(directory / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def is_whole(directory: Path) -> bool:
    """True when every file of this recipe is there as it was made. A few megabytes are read."""
    try:
        made = json.loads((directory / MADE).read_text("utf-8"))
        found = _digests(directory)
        return bool(made["recipe"] == RECIPE and made["files"].items() <= found.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _fill(directory: Path, say: Callable[[str], None]) -> None:
    from pydicom.examples import get_path  # here: importing pydicom loads NumPy, which the core must not need

    say("copying the real echo clip (30 frames)")
    real = directory / REAL_CLIP
    shutil.copyfile(get_path("ybr_color"), real)
    region, outlines = directory / "region.json", directory / "outlines.json"
    region.write_text(json.dumps(LEFT_VENTRICLE[0]))
    say(f"making a semi-synthetic clip of {LONG_FRAMES} frames from it")
    long = directory / LONG_CLIP
    _make(real, long, LONG_FRAMES, LONG_SIZE, 1, "--region", str(region), "--outlines", str(outlines))
    say(f"making one of {BARE_FRAMES} frames without annotations")
    _make(real, directory / BARE_CLIP, BARE_FRAMES, BARE_SIZE, 2)
    moved = {entry["frame_number"]: entry["vertices"] for entry in json.loads(outlines.read_text())}
    region.unlink()
    outlines.unlink()
    export = _export(directory, {number: moved[number] for number in OUTLINED})
    (directory / ANNOTATIONS).write_text(json.dumps(export, indent=1))
    (directory / MADE).write_text(json.dumps({"recipe": RECIPE, "files": _digests(directory)}))


def _make(source: Path, target: Path, frame_count: int, size: str, seed: int, *more: str) -> None:
    # A process of its own: the workstation imports nothing of tracking but its contracts (SPEC 1).
    command = [sys.executable, "-m", "tracking.semisynthetic", str(source), str(target)]
    command += ["--frames", str(frame_count), "--size", size, "--seed", str(seed), *more]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _export(directory: Path, outlines: dict[int, list[list[float]]]) -> dict[str, Any]:
    """MD.ai's annotation export for the three clips. outlines: frame_number -> polygon on the long clip."""
    ids = {series.clip.name: (series.study_uid, series.series_uid) for series in read_index(directory).series}
    real, long, bare = ids[REAL_CLIP], ids[LONG_CLIP], ids[BARE_CLIP]
    drawn = [(real, number, LABEL_ID, {"vertices": polygon}) for number, polygon in LEFT_VENTRICLE.items()]
    drawn += [(long, number, LABEL_ID, {"vertices": polygon}) for number, polygon in outlines.items()]
    everything = [*drawn, (long, EMPTY_FRAME, EMPTY_ID, None)]
    labels = [
        {"id": LABEL_ID, "name": "Left ventricle (demo)", "color": "#00C853", "annotationMode": "polygon"},
        {"id": EMPTY_ID, "name": "Empty", "color": "#B0BEC5", "annotationMode": "none"},
    ]
    return {
        "labelGroups": [{"id": "G_demo", "name": "Demo", "labels": labels}],
        "datasets": [
            {
                "id": "D_demo",
                "name": "Demo (exam 1 real, exams 2 and 3 semi-synthetic)",
                "studies": [
                    {"StudyInstanceUID": study, "number": number}
                    for number, (study, _) in enumerate((real, long, bare), 1)
                ],
                "annotations": [
                    {
                        "id": f"A_demo{count}",
                        "labelId": label_id,
                        "StudyInstanceUID": study,
                        "SeriesInstanceUID": series,
                        "frameNumber": number,
                        "data": data,
                    }
                    for count, ((study, series), number, label_id, data) in enumerate(everything, 1)
                ],
            }
        ],
    }


def _digests(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MADE)
    return {path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
