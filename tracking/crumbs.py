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
    areas = [area for mask in drawn for area in _areas(_parts(mask > 0)[1]).tolist()]
    return float(min(areas, default=0))


def without_crumbs(tracked: TrackedFrame, smallest: float) -> TrackedFrame:
    """The same frame without crumbs. `smallest`: see smallest_part, of the stretch's annotations."""
    count, parts = _parts(tracked.distance > 0)
    if count < 2:
        return tracked
    areas = _areas(parts)
    is_crumb = (areas < SHARE_OF_DRAWN * smallest) & (areas < SHARE_OF_MASK * areas.max())
    if not is_crumb.any():
        return tracked
    outside = np.append(False, is_crumb)[parts]
    return replace(tracked, distance=np.where(outside, np.float32(-0.5), tracked.distance))


def _parts(inside: np.ndarray) -> tuple[int, np.ndarray]:
    """How many parts a mask (height, width) has, and which of them each pixel is in, from 1; 0 outside."""
    if not inside.any():
        return 0, np.zeros(inside.shape, np.int32)
    count, parts = cv2.connectedComponents(inside.astype(np.uint8))  # nine times as quick as with OpenCV's statistics
    return count - 1, parts


def _areas(parts: np.ndarray) -> np.ndarray:
    """Each part's pixels."""
    return np.bincount(parts.ravel())[1:]
