"""Does a mask end where the thing it marks ends before a verified empty frame, and stay where the thing stays?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, entries_of, masks_of, texture, write_annotations, write_frames
from tracking.track import track

HEIGHT, WIDTH, COUNT = 120, 160, 12


def clip_of(kind: str) -> tuple[list[Array], list[Array]]:
    """Frames and masks: a dark disc on texture that drifts by; what becomes of the disc is in its name."""
    wide = texture(HEIGHT, WIDTH + COUNT)
    frames, masks = [], []
    for number in range(COUNT):
        grey = wide[:, number : number + WIDTH].astype(np.float32)
        radius, depth, x = 18.0, 0.5, 80.0 - number
        if kind == "shrinks":
            radius = 18 - 3 * number
        elif kind == "fades":
            depth *= np.clip((6 - number) / 2, 0, 1)
        elif kind == "leaves":
            x = 140 + 6 * number
        mask = disc(HEIGHT, WIDTH, x, 60, radius) if radius > 0 and depth > 0 else np.zeros((HEIGHT, WIDTH), np.uint8)
        grey[mask > 0] *= 1 - depth
        frames.append(cv2.cvtColor(grey.astype(np.uint8), cv2.COLOR_GRAY2BGR))
        masks.append(mask)
    return frames, masks


@pytest.mark.parametrize("is_backward", [False, True], ids=["F to C", "C to F"])
@pytest.mark.parametrize("kind", ["stays", "shrinks", "fades", "leaves"])
def test_until_a_verified_empty_frame(tmp_path: Path, kind: str, is_backward: bool) -> None:
    frames, masks = clip_of(kind)
    if kind == "stays":  # until the last moment
        frames[-1], masks[-1] = clip_of("fades")[0][-1], np.zeros((HEIGHT, WIDTH), np.uint8)
    order = range(COUNT - 1, -1, -1) if is_backward else range(COUNT)
    clip = write_frames(tmp_path / "clip", [frames[number] for number in order])
    truth = [masks[number] for number in order]
    first, last = (COUNT - 1, 0) if is_backward else (0, COUNT - 1)
    given = write_annotations(tmp_path / "given", {first: truth[first]}, empty=[last])
    track(clip, given, tmp_path / "out")
    tracked = masks_of(tmp_path / "out", HEIGHT, WIDTH)
    allowed = 0.05 * (truth[first] > 0).sum()
    for number in range(COUNT):
        if not truth[number].any():
            assert (tracked[number] > 0).sum() <= allowed, f"sticks at frame {number}"
    if kind == "stays":
        assert all(dice(tracked[number], truth[number]) > 0.95 for number in range(COUNT) if number != last)
    assert all(len(entries) == 1 for entries in entries_of(tmp_path / "out").values())
