"""Is a wiggly border steadied, and is what is thin left as it was drawn?"""

import cv2
import numpy as np

from tests.tracking.helpers import Array, dice, disc
from tracking.steady_border import Field, steadied

HEIGHT, WIDTH = 240, 320
GRID = (120, 160)


def _distance(mask: Array) -> Field:
    inside = (mask > 0).astype(np.uint8)
    found = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.asarray(np.clip(found - 0.5 * np.sign(found), -20, 20), np.float32)


def _steadied(mask: Array) -> Array:
    return ((steadied(_distance(mask), GRID) > 0) * 255).astype(np.uint8)


def test_the_hands_wiggles_go() -> None:
    true = disc(HEIGHT, WIDTH, 160, 120, 60)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    turn = np.arctan2(rows - 120, columns - 160)
    drawn = ((np.hypot(rows - 120, columns - 160) <= 60 + 2 * np.sin(28 * turn)) * 255).astype(np.uint8)
    assert dice(_steadied(drawn), true) > dice(drawn, true) + 0.002


def test_what_is_thin_stays() -> None:
    line = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(line, (40, 60), (280, 180), 255, 5)
    gap = np.full((HEIGHT, WIDTH), 255, np.uint8)
    gap[line > 0] = 0
    assert dice(_steadied(line), line) > 0.99
    assert dice(255 - _steadied(gap), line) > 0.99


def test_a_plain_border_stays_where_it_is() -> None:
    mask = disc(HEIGHT, WIDTH, 160, 120, 60)
    assert dice(_steadied(mask), mask) > 0.995
