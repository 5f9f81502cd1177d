"""Who gets a pixel that two labels claim on one frame? Used by track.py when a clip carries several labels.

Labels whose annotated masks overlap somewhere are meant to overlap and are left alone. For all other pairs an
annotation beats a tracked mask, and of two tracked masks the one that is deeper inside its border wins, so that
neither bleeds into the other.
"""

from itertools import combinations

import numpy as np

from tracking.flow import Mask
from tracking.tracked_frame import Field, TrackedFrame, mask_of


def settle(
    tracked: dict[str, TrackedFrame],
    annotated: dict[str, Mask],
    overlapping: frozenset[tuple[str, str]],
    height: int,
    width: int,
) -> dict[str, Mask]:
    """The tracked labels' masks on one frame, uint8 (height, width) of 0 and 255, kept apart from each other."""
    masks = {label: mask_of(frame, height, width) for label, frame in tracked.items()}
    for label, mask in masks.items():
        for other, fixed in annotated.items():
            if tuple(sorted((label, other))) not in overlapping:
                mask[fixed > 0] = 0
    for one, other in combinations(sorted(masks), 2):
        shared = (masks[one] & masks[other]) > 0
        if (one, other) in overlapping or not shared.any():
            continue
        first, second = (_depth(tracked[label], height, width) for label in (one, other))
        masks[one][shared & (first < second)] = 0
        masks[other][shared & (first >= second)] = 0
    return masks


def _depth(frame: TrackedFrame, height: int, width: int) -> Field:
    depth = np.full((height, width), -np.inf, np.float32)
    top, left, bottom, right = frame.box
    depth[top:bottom, left:right] = frame.distance
    return depth
