"""Are specks beside a tracked mask left out, and real parts kept?"""

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, disc
from tracking.crumbs import smallest_part, without_crumbs
from tracking.tracked_frame import TrackedFrame, mask_of

HEIGHT, WIDTH = 80, 120


def _tracked(mask: Array) -> TrackedFrame:
    """A mask of the whole picture, as sampling.py would hand it on."""
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    return TrackedFrame(3, (0, 0, HEIGHT, WIDTH), np.asarray(distance, np.float32), 0.8)


def _kept(mask: Array, smallest: float) -> Array:
    return np.asarray(mask_of(without_crumbs(_tracked(mask), smallest), HEIGHT, WIDTH), np.uint8)


def test_a_speck_goes_and_the_mask_stays() -> None:
    mask = disc(HEIGHT, WIDTH, 40, 40, 25)
    frayed = mask.copy()
    frayed[10:12, 90:94] = 255
    assert (_kept(frayed, smallest_part([mask])) == mask).all()


@pytest.mark.parametrize("radius", [8, 3])
def test_a_part_as_large_as_one_that_was_drawn_stays(radius: int) -> None:
    both = disc(HEIGHT, WIDTH, 40, 40, 25) | disc(HEIGHT, WIDTH, 95, 40, radius)
    assert (_kept(both, smallest_part([both])) == both).all()


def test_halves_of_what_splits_stay() -> None:
    drawn = disc(HEIGHT, WIDTH, 40, 40, 25)
    split = disc(HEIGHT, WIDTH, 30, 40, 14) | disc(HEIGHT, WIDTH, 80, 40, 6)
    assert (_kept(split, smallest_part([drawn])) == split).all()


def test_what_shrinks_to_little_stays() -> None:
    little = disc(HEIGHT, WIDTH, 40, 40, 2)
    assert (_kept(little, smallest_part([disc(HEIGHT, WIDTH, 40, 40, 25)])) == little).all()


def test_the_smallest_part_of_all_annotations_counts() -> None:
    large, small = disc(HEIGHT, WIDTH, 40, 40, 25), np.zeros((HEIGHT, WIDTH), np.uint8)
    small[5:7, 5:8] = 255
    assert smallest_part([large, small]) == 6
    assert smallest_part([large | small]) == 6
    assert smallest_part([]) == smallest_part([np.zeros_like(small)]) == 0


def test_a_frame_without_a_mask_is_taken() -> None:
    blank = TrackedFrame.blank(1, 0.5)
    assert without_crumbs(blank, 10.0) is blank
