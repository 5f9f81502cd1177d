"""Where has the whole picture gone? For when flow has lost its way; used by walk.py.

Flow follows small steps. A probe that jumped, a camera that zoomed or a scene that came back is found by landmarks
matched between two frames far apart; where there are none to match (soft, wet, blurred), by trying the middle of one
picture in many sizes and turns all over the other. The answer is one affine movement: a first guess that flow then
refines.
"""

import itertools
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

SEARCHED = 48
"""Pixels of the longer side of the pictures that are searched."""
MIDDLE = 0.6
"""Share of the picture, each way, that is looked for."""
SIZES = (0.75, 0.87, 1.0, 1.15, 1.33)
TURNS = (-0.4, -0.2, 0.0, 0.2, 0.4)
"""Radians."""
SMALLEST_PIECE = 4
"""Pixels each way."""
SHADES = 5.0
"""Small pixels (Gaussian sigma) beyond which brightness is taken for shade."""
FLAT = 2.0
"""Standard deviation of grey values below which there is nothing to look for."""


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


def search_movement(source: Grey, target: Grey) -> Affine | None:
    """Where the source picture's points lie in the target picture of the same size, by correlation of the source's
    middle in all SIZES and TURNS; None where the pictures are flat or too small."""
    scale = SEARCHED / max(source.shape)
    if min(source.shape) * scale * MIDDLE * SIZES[0] < SMALLEST_PIECE:
        return None
    here, there = _searched(source, scale), _searched(target, scale)
    if min(here.std(), there.std()) < FLAT:
        return None
    best, found = -2.0, None
    for size, turn in itertools.product(SIZES, TURNS):
        piece, to_piece = _piece(here, size, turn)
        if piece.std() < FLAT:
            continue
        _, correlation, _, corner = cv2.minMaxLoc(cv2.matchTemplate(there, piece, cv2.TM_CCOEFF_NORMED))
        if correlation > best:
            best, found = correlation, to_piece + np.array([[0, 0, corner[0]], [0, 0, corner[1]]])
    if found is None:
        return None
    # From small pictures to large ones: pixel centres lie at (x + .5) * scale - .5.
    shift = (found[:, :2].sum(axis=1) * (scale / 2 - 0.5) + found[:, 2] + 0.5) / scale - 0.5
    return np.column_stack([found[:, :2], shift])


def _searched(picture: Grey, scale: float) -> npt.NDArray[np.float32]:
    """The picture scaled down, less its wide shades: lamps stay where they are when tissue moves."""
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.7)
    return np.asarray(smooth - cv2.GaussianBlur(smooth, (0, 0), SHADES), np.float32)


def _piece(picture: npt.NDArray[np.float32], size: float, turn: float) -> tuple[npt.NDArray[np.float32], Affine]:
    """The picture's middle, scaled by `size` and turned, never larger than the picture less a rim to search in; and
    the map from the picture to it."""
    height, width = picture.shape
    rows, columns = (min(int(side * MIDDLE * size), side - 2) for side in (height, width))
    cosine, sine = size * np.cos(turn), size * np.sin(turn)
    linear = np.array([[cosine, sine], [-sine, cosine]])
    middle, middle_of_piece = np.array([width - 1, height - 1]) / 2, np.array([columns - 1, rows - 1]) / 2
    to_piece = np.column_stack([linear, middle_of_piece - linear @ middle])
    piece = cv2.warpAffine(picture, to_piece, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(piece, np.float32), to_piece
