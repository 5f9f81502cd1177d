"""MD.ai's polygons against masks drawn by hand, pixel by pixel."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

from tracking.polygons import PolygonError, rasterise


def drawn(picture: str) -> np.ndarray:
    """A mask from lines of # and . characters."""
    return np.array([[sign == "#" for sign in line] for line in picture.split()])


def check(data: Any, picture: str) -> None:
    expected = drawn(picture)
    mask = rasterise(data, expected.shape[1], expected.shape[0])
    assert mask.dtype == bool
    shown = "\n".join("".join("#" if pixel else "." for pixel in row) for row in mask)
    assert np.array_equal(mask, expected), f"got\n{shown}"


def square(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


OUTLINE_COUNTS = """
.......
.####..
.####..
.####..
.......
"""


@pytest.mark.parametrize(
    "polygon",
    [
        square(1, 1, 4, 3),
        [1, 1, 4, 1, 4, 3, 1, 3],
        [1.0, 1.9, 4.2, 1.0, 4.99, 3.5, 1.5, 3.0],
        [(1, 1), (4, 1), (4, 3), (1, 3)],
        [*square(1, 1, 4, 3), [1, 1]],
    ],
    ids=["nested", "flat", "cut towards zero", "tuples", "closed"],
)
def test_a_polygon_covers_its_outline_too(polygon: Any) -> None:
    check({"vertices": polygon}, OUTLINE_COUNTS)
    check({"foreground": [polygon], "background": []}, OUTLINE_COUNTS)


def test_a_triangle() -> None:
    check(
        {"vertices": [[0, 0], [6, 0], [0, 6]]},
        """
        #######
        ######.
        #####..
        ####...
        ###....
        ##.....
        #......
        """,
    )


def test_a_hole_takes_its_outline_with_it() -> None:
    check(
        {"foreground": [square(0, 0, 6, 5)], "background": [square(2, 2, 4, 3)]},
        """
        #######
        #######
        ##...##
        ##...##
        #######
        #######
        """,
    )


NESTED = """
...........
.#########.
.#.......#.
.#.#####.#.
.#.#...#.#.
.#.#.#.#.#.
.#.#...#.#.
.#.#####.#.
.#.......#.
.#########.
...........
"""


@pytest.mark.parametrize("order", [1, -1], ids=["outside first", "inside first"])
def test_islands_in_holes_in_islands(order: int) -> None:
    solids = [square(1, 1, 9, 9), square(3, 3, 7, 7), square(5, 5, 5, 5)]
    holes = [square(2, 2, 8, 8), square(4, 4, 6, 6)]
    check({"foreground": solids[::order], "background": holes[::order]}, NESTED)


def test_two_islands_in_one_hole_and_one_beside_it() -> None:
    check(
        {
            "foreground": [square(0, 0, 8, 4), square(2, 2, 3, 2), square(5, 2, 6, 2), square(10, 1, 11, 3)],
            "background": [square(1, 1, 7, 3)],
        },
        """
        #########...
        #.......#.##
        #.##.##.#.##
        #.......#.##
        #########...
        """,
    )


def test_background_wins_where_it_is_no_hole_round_an_island() -> None:
    check(
        {"foreground": [square(0, 0, 2, 2), square(4, 0, 6, 2)], "background": [square(1, 0, 5, 2)]},
        """
        #.....#
        #.....#
        #.....#
        """,
    )
    check(
        {"foreground": [square(1, 1, 2, 1), square(5, 0, 5, 0)], "background": [square(0, 0, 3, 2)]},
        ".....# ...... ......",
    )
    check({"foreground": [square(0, 0, 2, 1)] * 2, "background": [square(0, 0, 2, 1)]}, "... ...")


@pytest.mark.parametrize("seed", range(4))
def test_without_islands_the_answer_is_the_sdks(seed: int) -> None:
    random = np.random.default_rng(seed)
    solids = [random.uniform(-10, 70, (12, 2)).tolist() for _ in range(3)]
    holes = [random.uniform(-10, 70, (5, 2)).tolist() for _ in range(3)]
    expected = np.zeros((60, 50), np.uint8)
    for polygons, value in ((solids, 1), (holes, 0)):  # as the SDK's own conversion does it
        for polygon in polygons:
            cv2.fillPoly(expected, [np.array(polygon, dtype=np.int32)], value)
    assert np.array_equal(rasterise({"foreground": solids, "background": holes}, 50, 60), expected.astype(bool))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"vertices": []},
        {"foreground": [], "background": []},
        {"foreground": None, "background": None},
        {"foreground": [[]]},
    ],
)
def test_nothing_drawn_is_an_empty_mask(data: Any) -> None:
    check(data, "... ...")


def test_points_outside_the_picture_are_clipped() -> None:
    check({"vertices": square(-5, -3, 1, 1)}, "##.. ##.. ....")
    check({"vertices": square(-900_000, -900_000, 900_000, 900_000)}, "#### ####")
    check({"vertices": square(10, 10, 20, 20)}, ".... ....")
    check({"vertices": [[-4, -4], [8, 8]]}, "#... .#.. ..#. ...#")
    nested = {
        "foreground": [square(-40, -40, 40, 40), square(2, 1, 2, 1), square(60, 60, 70, 70)],
        "background": [square(-20, -20, 3, 2)],
    }
    check(nested, "....# ..#.# ....# #####")


def test_one_point_is_a_dot_and_two_are_a_line() -> None:
    check({"vertices": [[2, 1]]}, "..... ..#.. .....")
    check({"vertices": [1, 1, 3, 1]}, "..... .###. .....")
    check({"vertices": [[1, 1], [1, 1], [1, 1]]}, "... .#. ...")


def test_self_crossing_follows_even_odd() -> None:
    check({"vertices": [[0, 0], [4, 4], [4, 0], [0, 4]]}, "#...# ##.## ##### ##.## #...#")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"vertices": [[1, 2], [3, math.nan]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, math.inf]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, 1e300]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, 10**400]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, "4"]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, True]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3, None]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], [3]]}, "POLYGON_INVALID"),
        ({"vertices": [[1, 2], 3, 4]}, "POLYGON_INVALID"),
        ({"vertices": [1, 2, 3]}, "POLYGON_INVALID"),
        ({"vertices": [[[1, 2], [3, 4]]]}, "POLYGON_INVALID"),
        ({"vertices": "1,2"}, "POLYGON_INVALID"),
        ({"vertices": {"x": 1}}, "POLYGON_INVALID"),
        ({"foreground": {"a": 1}}, "POLYGON_INVALID"),
        ({"foreground": [5]}, "POLYGON_INVALID"),
        ({"foreground": [[[1, 2], [3, 4]]], "background": [["x"]]}, "POLYGON_INVALID"),
        ({"x": 1, "y": 2, "width": 3, "height": 4}, "ANNOTATION_SHAPE_UNKNOWN"),
        ({}, "ANNOTATION_SHAPE_UNKNOWN"),
        ([], "ANNOTATION_SHAPE_UNKNOWN"),
        ({"foreground": [[]] * 30_000}, "POLYGONS_TOO_MANY"),
        ({"vertices": [0] * 4_000_002}, "POLYGONS_TOO_MANY"),
        ({"foreground": [[1, 1]] * 1_500, "background": [[1, 1]] * 1_500}, "POLYGONS_TOO_MANY"),
    ],
)
def test_hostile_data_is_refused_by_code(data: Any, code: str) -> None:
    with pytest.raises(PolygonError) as caught:
        rasterise(data, 8, 6)
    assert caught.value.code == code


def test_many_polygons_the_size_of_the_picture_are_refused_before_they_fill_the_memory() -> None:
    wide = [square(0, 0, 15_999, 15_999)] * 300
    with pytest.raises(PolygonError) as caught:
        rasterise({"foreground": wide, "background": wide}, 16_000, 16_000)
    assert caught.value.code == "POLYGONS_TOO_MANY"


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5, 1 << 20), (True, 5), (2.0, 5)])
def test_an_impossible_picture_is_refused(size: tuple[Any, Any]) -> None:
    with pytest.raises(PolygonError) as caught:
        rasterise(None, *size)
    assert caught.value.code == "SIZE_INVALID"
