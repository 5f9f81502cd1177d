"""Which wiggles of an annotated border are the hand's? Used by propagate.py, once an annotation and stretch.

People draw the same border a little differently each time; carried along, the wiggles of one drawing are wrong on every
other frame. So the carried border is smoothed over about a grid pixel, except where the shape is thin on either side:
there, smoothing would eat it. The annotation itself is never changed.
"""

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]

WIGGLE = 1.2
"""Grid pixels (Gaussian sigma) over which the border is smoothed."""
REACH = 4
"""Grid pixels from the border within which thickness is judged and distances change."""
THIN, THICK = 2.0, 3.5
"""Grid pixels deep, inside and outside: where one is less than THIN nothing is smoothed, from THICK on all of it."""


def steadied(distance: Field, grid_size: tuple[int, int]) -> Field:
    """Signed distance (height, width) in clip pixels, positive inside, its border steadier. `grid_size`: (gh, gw)."""
    height, width = distance.shape
    cell = np.float32(width / grid_size[1])
    small = cv2.resize(distance, grid_size[::-1], interpolation=cv2.INTER_AREA) / cell
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    depth = np.minimum(cv2.dilate(small, kernel), cv2.dilate(-small, kernel))
    share = np.clip((depth - THIN) / (THICK - THIN), 0, 1) * (np.abs(small) < REACH)
    change = share * (cv2.GaussianBlur(small, (0, 0), WIGGLE) - small) * cell
    return np.asarray(distance + cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
