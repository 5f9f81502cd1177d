"""Where has the whole picture gone? Landmarks matched between two far-apart frames, for when flow has lost its way.
Used by walk.py.

Flow follows small steps; a probe that jumped, a camera that zoomed or a scene that came back needs landmarks that are
found wherever they are. The answer is one affine movement: a first guess that flow then refines.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from tracking.flow import Grey

Affine = npt.NDArray[np.float64]
"""(2, 3): where a point (x, y, 1) of one picture lies in another, in pixels of both."""

LANDMARKS = 500
SMALLEST = 40
"""Pixels a picture must have each way: ORB needs a rim of 31."""
RATIO = 0.85
"""A match counts when its rival is at least this much worse."""
REACH = 5.0
"""Pixels by which a match may miss the common movement and still support it."""
SUPPORT = 10
"""Matches that must agree on the movement."""
SIZE_CHANGE = (0.3, 3.0)
"""Changes of area that are believed."""


@dataclass(frozen=True)
class Landmarks:
    """Points (n, 2) float32 in pixels (x, y), and their ORB descriptors uint8 (n, 32)."""

    points: npt.NDArray[np.float32] = field(repr=False)
    descriptors: npt.NDArray[np.uint8] = field(repr=False)


def find_landmarks(grey: Grey) -> Landmarks:
    """The landmarks of one picture, uint8 (height, width); none where it is too small to hold any."""
    if min(grey.shape) < SMALLEST:
        return Landmarks(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))
    finder = cv2.ORB.create(LANDMARKS, scaleFactor=1.2, nlevels=6, fastThreshold=5)
    keypoints, descriptors = finder.detectAndCompute(grey, None)
    points = np.array([point.pt for point in keypoints], np.float32).reshape(-1, 2)
    return Landmarks(points, np.zeros((0, 32), np.uint8) if descriptors is None else np.asarray(descriptors, np.uint8))


def find_movement(source: Landmarks, target: Landmarks) -> Affine | None:
    """Where the source picture's points lie in the target picture; None when too few landmarks agree."""
    if min(len(source.points), len(target.points)) < SUPPORT:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(source.descriptors, target.descriptors, k=2)
    clear = [best for best, rival in pairs if best.distance < RATIO * rival.distance]
    if len(clear) < SUPPORT:
        return None
    here = source.points[[match.queryIdx for match in clear]]
    there = target.points[[match.trainIdx for match in clear]]
    movement, support = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=REACH, maxIters=2000, confidence=0.999
    )
    if movement is None or int(support.sum()) < SUPPORT:
        return None
    area = float(np.linalg.det(movement[:, :2]))
    return np.asarray(movement, np.float64) if SIZE_CHANGE[0] < area < SIZE_CHANGE[1] else None
