"""Does each pixel that two labels claim go to the right one?"""

import numpy as np

from tracking.labels_apart import settle
from tracking.tracked_frame import TrackedFrame

HEIGHT, WIDTH = 4, 10


def band(left: int, right: int) -> TrackedFrame:
    """A mask over the columns left..right-1 of all rows, deepest in its middle."""
    depth = np.minimum(np.arange(right - left), np.arange(right - left)[::-1]).astype(np.float32) + 0.5
    return TrackedFrame(0, (0, left, HEIGHT, right), np.tile(depth, (HEIGHT, 1)), 1.0)


def columns(mask: np.ndarray) -> list[int]:
    assert set(np.unique(mask)) <= {0, 255} and (mask == mask[0]).all()
    return np.flatnonzero(mask[0]).tolist()


def test_the_deeper_of_two_tracked_masks_wins() -> None:
    settled = settle({"A": band(0, 7), "B": band(3, 10)}, {}, frozenset(), HEIGHT, WIDTH)
    assert columns(settled["A"]) == [0, 1, 2, 3, 4]
    assert columns(settled["B"]) == [5, 6, 7, 8, 9]


def test_equal_depth_goes_to_one_of_them_always_the_same() -> None:
    settled = settle({"B": band(0, 5), "A": band(0, 5)}, {}, frozenset(), HEIGHT, WIDTH)
    assert columns(settled["A"]) == [0, 1, 2, 3, 4] and columns(settled["B"]) == []


def test_an_annotation_wins_over_any_depth() -> None:
    fixed = np.zeros((HEIGHT, WIDTH), np.uint8)
    fixed[:, 3:5] = 255
    settled = settle({"A": band(0, 7)}, {"B": fixed}, frozenset(), HEIGHT, WIDTH)
    assert columns(settled["A"]) == [0, 1, 2, 5, 6]


def test_pairs_that_may_overlap_are_left_alone_and_others_not() -> None:
    fixed = np.full((HEIGHT, WIDTH), 255, np.uint8)
    pair = frozenset({("A", "B")})
    settled = settle({"A": band(0, 7), "B": band(3, 10)}, {}, pair, HEIGHT, WIDTH)
    assert columns(settled["A"]) == list(range(7)) and columns(settled["B"]) == list(range(3, 10))
    assert columns(settle({"B": band(0, 7)}, {"A": fixed}, pair, HEIGHT, WIDTH)["B"]) == list(range(7))
    assert columns(settle({"C": band(0, 7)}, {"A": fixed}, pair, HEIGHT, WIDTH)["C"]) == []


def test_a_blank_frame_takes_nothing() -> None:
    settled = settle({"A": TrackedFrame.blank(0, 0.5), "B": band(0, 4)}, {}, frozenset(), HEIGHT, WIDTH)
    assert columns(settled["A"]) == [] and columns(settled["B"]) == [0, 1, 2, 3]
