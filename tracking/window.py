"""Where on the clip's picture does a part of the grid lie, and the other way round? Used by sampling.py alone.

Centres of samples follow the picture: see motion.py.
"""

import cv2
import numpy as np

from tracking.motion import Motion
from tracking.tracked_frame import Field

MARGIN = 3.0
"""Grid pixels round the coarse mask within which the border is worked out at full size."""

Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in clip pixels."""
Window = tuple[slice, slice]
"""Rows and columns of the grid."""
Points = tuple[Field, Field]
"""x of each column (columns,) and y of each row (rows, 1): numpy spreads them over all points."""


def grid_points(motion: Motion, window: Window) -> Points:
    """Where the grid samples of the window lie in the clip's picture."""
    columns, rows = cells(window)
    x = (columns + 0.5) * np.float32(motion.width / motion.grid_size[1]) - 0.5
    y = (rows + 0.5) * np.float32(motion.height / motion.grid_size[0]) - 0.5
    return x, y


def cells(window: Window) -> Points:
    """The grid samples of the window, in grid pixels."""
    columns = np.arange(window[1].start, window[1].stop, dtype=np.float32)
    return columns, np.arange(window[0].start, window[0].stop, dtype=np.float32)[:, None]


def twice(window: Window) -> Window:
    """The same part of a raster twice as fine."""
    rows, columns = window
    return slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop)


def box_around(coarse: Field, window: Window, motion: Motion) -> Box | None:
    """The clip pixels round everything within MARGIN grid pixels of the coarse mask; None when there is no mask
    near."""
    cell_x, cell_y = motion.width / motion.grid_size[1], motion.height / motion.grid_size[0]
    near = (coarse > -MARGIN * max(cell_x, cell_y)).astype(np.uint8)
    column, row, width, height = cv2.boundingRect(near)
    if not width:
        return None
    row, column = row + window[0].start, column + window[1].start
    top, left = max(0, int((row - 1) * cell_y)), max(0, int((column - 1) * cell_x))
    bottom = min(motion.height, int(np.ceil((row + height + 1) * cell_y)))
    right = min(motion.width, int(np.ceil((column + width + 1) * cell_x)))
    return top, left, bottom, right


def enlarge(values: Field, window: Window, size: tuple[int, int], box: Box, step: int, motion: Motion) -> Field:
    """Bilinear values at each `step`-th clip pixel of the box, both ways, of a field (rows, columns[, channels]): the
    window of a raster of `size` (height, width).

    Read at every other of these, half a step aside, and doubled: a cell of the grid is wider than that, and OpenCV
    doubles eight times quicker than it reads.
    """
    top, left, bottom, right = box
    scale_x, scale_y = size[1] / motion.width, size[0] / motion.height
    columns, rows = -(-(right - left) // step), -(-(bottom - top) // step)
    first_x = (left + step / 2 + 0.5) * scale_x - 0.5 - window[1].start
    first_y = (top + step / 2 + 0.5) * scale_y - 0.5 - window[0].start
    to_raster = np.array([[2 * step * scale_x, 0, first_x], [0, 2 * step * scale_y, first_y]], np.float64)
    half = (-(-columns // 2), -(-rows // 2))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    read = cv2.warpAffine(values, to_raster, half, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    doubled = cv2.resize(read, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(doubled[:rows, :columns], np.float32)


def clip_points(box: Box, step: int) -> Points:
    """Each `step`-th clip pixel of the box."""
    top, left, bottom, right = box
    return np.arange(left, right, step, dtype=np.float32), np.arange(top, bottom, step, dtype=np.float32)[:, None]


def between(samples: Field, size: tuple[int, int], step: int) -> Field:
    """Every pixel of a part of `size` (width, height), from samples at each `step`-th, beginning at the first."""
    to_samples = np.array([[1 / step, 0, 0], [0, 1 / step, 0]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(samples, to_samples, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
