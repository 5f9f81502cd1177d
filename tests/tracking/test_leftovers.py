"""Are small things followed that move further than they are wide, and is flow left alone where leftovers mean
nothing?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import dice, disc, masks_of, texture, write_annotations, write_frames
from tracking import motion, propagate
from tracking.leftovers import follow_leftovers
from tracking.track import track

Array = np.ndarray


def _flying_disc() -> tuple[list[Array], list[Array]]:
    """Frames (240×320, BGR) and masks: a disc of 20 pixels that flies 30 pixels a frame before a still ground."""
    ground = cv2.cvtColor(texture(240, 320, seed=5), cv2.COLOR_GRAY2BGR)
    frames, masks = [], []
    for number in range(8):
        mask = disc(240, 320, 40 + 30 * number, 60 + 14 * number, 10)
        frame = ground.copy()
        frame[mask > 0] = (40, 60, 200)
        frames.append(frame)
        masks.append(mask)
    return frames, masks


def _least_dice(folder: Path) -> float:
    frames, masks = _flying_disc()
    clip = write_frames(folder / "clip", frames)
    track(clip, write_annotations(folder / "given", {0: masks[0]}), folder / "out")
    found = masks_of(folder / "out", 240, 320)
    return min(dice(found[number], masks[number]) for number in range(1, 8))


def test_flying_disc_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without finding it again as a whole, which would do alone.
    monkeypatch.setattr(propagate, "_things", lambda stretch, seen, palette: [None] * len(seen))
    assert _least_dice(tmp_path / "with") > 0.7
    monkeypatch.setattr(motion, "follow_leftovers", lambda previous, following, flows: flows)
    assert _least_dice(tmp_path / "without") < 0.2


def _still(height: int, width: int) -> Array:
    return np.zeros((2, height, width, 2), np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_ways_lead_to_the_disc_and_from_its_old_place_to_the_ground(channels: int) -> None:
    frames, masks = ([cv2.resize(each, (160, 120)) for each in sheets[:2]] for sheets in _flying_disc())
    if channels == 1:
        frames = [np.ascontiguousarray(frame[..., 0]) for frame in frames]
    there, back = follow_leftovers(frames[0], frames[1], _still(120, 160))
    old, new = (mask > 127 for mask in masks)
    assert np.median(there[old], axis=0) == pytest.approx((15, 7))
    assert np.median(back[new], axis=0) == pytest.approx((-15, -7))
    rows, columns = np.nonzero(old & ~new)
    x, y = np.rint(back[rows, columns]).astype(int).T
    assert old[rows + y, columns + x].mean() < 0.2  # what came to light was not the disc


def test_flow_that_explains_the_picture_is_left_alone() -> None:
    picture, flows = texture(120, 160, seed=2), _still(120, 160)
    assert follow_leftovers(picture, picture, flows) is flows


def test_where_flow_explains_little_nothing_is_left_over() -> None:
    one, other = texture(120, 160, seed=2), texture(120, 160, seed=3)
    for picture in (one, other):
        picture[50:60, 50:60] = 255
    other[50:60, 50:60], other[80:90, 90:100] = 0, 255
    flows = _still(120, 160)
    assert follow_leftovers(one, other, flows) is flows


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (6, 6), (7, 90, 3)])
def test_tiny_pictures_are_no_trouble(shape: tuple[int, ...]) -> None:
    one = np.zeros(shape, np.uint8)
    other = one.copy()
    one[:4, :4], other[:4, -4:] = 255, 255
    found = follow_leftovers(one, other, _still(*shape[:2]))
    assert found.shape == (2, *shape[:2], 2)
    assert np.isfinite(found).all()
