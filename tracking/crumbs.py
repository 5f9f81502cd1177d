"""Which specks beside a tracked mask belong to no mask at all? Asked by propagate.py, frame by frame, last of all.

Where a border frays, a few pixels come off. They hurt nobody's Dice, but everybody's eye: each would have to be rubbed
out by hand. Parts go that are small beside the mask and beside every part that a person drew in the stretch.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from tracking.flow import Mask
from tracking.tracked_frame import TrackedFrame

SHARE_OF_DRAWN = 0.25
"""Of the area of the smallest part drawn, below which a part may be a crumb..."""
SHARE_OF_MASK = 0.02
"""...if it is below this share of the mask's largest part too: what shrinks or splits keeps its parts."""


def smallest_part(drawn: Sequence[Mask]) -> float:
    """Area in clip pixels of the smallest connected part of masks, uint8 (height, width); 0 when there is none."""
    areas = [area for mask in drawn for area in _parts(mask > 0)[1].tolist()]
    return float(min(areas, default=0))


def without_crumbs(tracked: TrackedFrame, smallest: float) -> TrackedFrame:
    """The same frame without crumbs. `smallest`: see smallest_part, of the stretch's annotations."""
    parts, areas = _parts(tracked.distance > 0)
    if len(areas) < 2:
        return tracked
    is_crumb = (areas < SHARE_OF_DRAWN * smallest) & (areas < SHARE_OF_MASK * areas.max())
    if not is_crumb.any():
        return tracked
    outside = np.append(False, is_crumb)[parts]
    return replace(tracked, distance=np.where(outside, np.float32(-0.5), tracked.distance))


def _parts(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the part that each pixel of a mask (height, width) is in, from 1, 0 outside; and each part's area."""
    if not inside.any():
        return np.zeros(inside.shape, np.int32), np.zeros(0, np.int64)
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    return parts, statistics[1:, cv2.CC_STAT_AREA]
