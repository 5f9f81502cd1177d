"""What moved too far for flow? Asked by motion.py, once for each pair of neighbouring frames.

Flow looks from coarse to fine: a ball that flies further than it is wide, or a waving hand, is not there in the coarse
pictures and is taken for its background. What gives it away: flow explains nearly all of such a picture and leaves a
little over, in both frames. What is left over in one frame is looked for, block by block, among what is left over in
the other; what is not found has just come to light, and goes with its surroundings.

Where flow explains much of a picture badly (speckle that changes, a cut, waves), leftovers mean nothing, and the flow
stays as it is.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tracking.flow import Flow

Field = npt.NDArray[np.float32]
Places = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]
Movement = tuple[int, int]
"""Grid pixels, x then y."""

SMOOTH = 1.2
"""Grid pixels (Gaussian sigma) over which it is measured by how much flow misses."""
TEXTURE = 2.0
"""Grid pixels (Gaussian sigma) over which it is measured how lively a picture is."""
MISSED = 80.0
"""Squared grey values by which flow must miss a place for it to be left over..."""
MISSED_SHARE = 0.3
"""...and this share of the picture's variance there more: on lively ground a small slip of flow misses much."""
NOISE = 20.0
"""Variance of grey values that is taken for noise; places with less than twice that have no structure to judge by."""
FOLLOWED = 0.1
"""Squares missed / variance that two thirds of a picture's structure must lie below: else flow does not follow it, and
what is left over means nothing."""

BLOCK = 6
"""Side of the blocks that are looked for, in grid pixels. A third of a block must be left over."""
STRIDE = 3
BLOCKS = 24
"""Blocks that are looked for at most, evenly chosen."""
REACH = 20
"""Grid pixels each way within which they are looked for."""
COVERED = 0.4
"""Share of a block's leftovers that must lie on leftovers of the other frame."""
FOUND = 0.7
"""Share of what flow misses that a block may miss where it is found."""
MOVEMENTS = 10
"""Movements that are tried at most, those that explain most first."""
BETTER = 0.8
"""Share of what flow misses that a place may miss to take a movement."""
MOVED_SMOOTH = 1.0
"""Grid pixels (Gaussian sigma) over which that is measured."""


@dataclass(frozen=True)
class _Frame:
    """One frame of a pair: its picture, the squared grey values by which flow misses it, and what is left over."""

    picture: Picture = field(repr=False)
    missed: Field = field(repr=False)
    left: Places = field(repr=False)


def follow_leftovers(previous: Picture, following: Picture, flows: Flow) -> Flow:
    """The flows there and back between two neighbouring frames, float32 (2, gh, gw, 2) in grid pixels, with what they
    left over put right; the very same array where nothing is. Pictures: uint8 (gh, gw) or (gh, gw, 3)."""
    if min(previous.shape[:2]) < BLOCK:
        return flows
    old = _frame(previous, following, flows[0])
    if not old.left.any():
        return flows
    new = _frame(following, previous, flows[1])
    movements = _movements(new, old)
    if not movements:
        return flows
    there = _put_right(flows[0], old, new, [(-x, -y) for x, y in movements])
    return np.stack([there, _put_right(flows[1], new, old, movements)])


def _frame(picture: Picture, other: Picture, flow: Flow) -> _Frame:
    columns, rows = _points(picture)
    x, y = cv2.split(flow)
    shown = cv2.remap(other, x + columns, y + rows, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    missed = _missed(picture, np.asarray(shown, np.uint8), SMOOTH)
    grey = (picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)).astype(np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), TEXTURE)
    variance = np.maximum(cv2.GaussianBlur(grey * grey, (0, 0), TEXTURE) - mean * mean, 0)
    structured = variance > 2 * NOISE
    usual = np.percentile((missed / (variance + NOISE))[structured], 67) if structured.any() else 0.0
    left = missed > MISSED + MISSED_SHARE * variance if usual < FOLLOWED else np.zeros(missed.shape, np.bool_)
    return _Frame(picture, missed, left)


def _missed(picture: Picture, shown: Picture, sigma: float) -> Field:
    """Squared difference of two pictures, mean over channels and a neighbourhood."""
    apart = cv2.absdiff(picture, shown).astype(np.float32)
    squares = apart * apart if apart.ndim == 2 else np.einsum("ijk,ijk->ij", apart, apart) / apart.shape[2]
    return np.asarray(cv2.GaussianBlur(squares, (0, 0), sigma), np.float32)


def _movements(source: _Frame, target: _Frame) -> list[Movement]:
    """From where leftovers of the source frame lie to where they are found among those of the target frame."""
    if not (source.left.any() and target.left.any()):
        return []
    explained: Counter[Movement] = Counter()
    for place in _blocks(source.left):
        found = _find(place, source, target)
        if found is not None:
            explained[found[0]] += found[1]
    return [movement for movement, _ in explained.most_common(MOVEMENTS)]


def _blocks(left: Places) -> list[tuple[int, int]]:
    """Row and column of the first pixel of each block to look for."""
    sums = cv2.boxFilter(left.astype(np.float32), -1, (BLOCK, BLOCK), None, (0, 0), False, cv2.BORDER_CONSTANT)
    height, width = left.shape
    rows, columns = np.nonzero(sums[: height - BLOCK + 1 : STRIDE, : width - BLOCK + 1 : STRIDE] * 3 >= BLOCK * BLOCK)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(BLOCKS, len(rows))).astype(int))
    return [(int(rows[i]) * STRIDE, int(columns[i]) * STRIDE) for i in chosen]


def _find(place: tuple[int, int], source: _Frame, target: _Frame) -> tuple[Movement, int] | None:
    """The movement under which the leftovers of one block are best found among the target's, and the squared grey
    values that it explains; None where nothing is like them."""
    row, column = place
    block = (slice(row, row + BLOCK), slice(column, column + BLOCK))
    top, left = max(0, row - REACH), max(0, column - REACH)
    within = (slice(top, row + BLOCK + REACH), slice(left, column + BLOCK + REACH))
    mask = source.left[block].astype(np.float32)
    size = float(mask.sum())
    covered = cv2.matchTemplate(target.left[within].astype(np.float32), mask, cv2.TM_CCORR)
    piece = source.picture[block]
    shape = mask if piece.ndim == 2 else cv2.merge([mask] * piece.shape[2])
    missed = cv2.matchTemplate(
        target.picture[within].astype(np.float32), piece.astype(np.float32), cv2.TM_SQDIFF, None, shape
    )
    missed = np.where(covered >= COVERED * size, missed / shape.sum(), np.inf)
    best = int(missed.argmin())
    down, across = divmod(best, missed.shape[1])
    by_flow = float((source.missed[block] * mask).sum()) / size
    if not missed.flat[best] < FOUND * by_flow:
        return None
    return (left + across - column, top + down - row), int(by_flow - missed.flat[best])


def _put_right(flow: Flow, source: _Frame, target: _Frame, movements: list[Movement]) -> Flow:
    """Each place of the source frame near its leftovers takes the movement that explains it much better than flow, and
    leads to what is near leftovers too; what is still left over goes with its surroundings."""
    near, near_there = _near(source.left), _near(target.left)
    height, width = near.shape
    right, least = flow.copy(), source.missed * np.float32(BETTER)
    moved = np.zeros(near.shape, np.bool_)
    for x, y in movements:
        shift = np.array([[1, 0, x], [0, 1, y]], np.float64)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        leads = cv2.warpAffine(near_there, shift, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT)
        shown = cv2.warpAffine(target.picture, shift, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        missed = _missed(source.picture, np.asarray(shown, np.uint8), MOVED_SMOOTH)
        better = (missed < least) & (near > 0) & (leads > 0)
        right[better] = x, y
        least = np.where(better, missed, least)
        moved |= better
    return _with_surroundings(right, source.left & ~moved)


def _near(left: Places) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.dilate(left.astype(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)


def _with_surroundings(flow: Flow, uncovered: Places) -> Flow:
    """What has come to light was not there before: it leads to where the nearest place leads that was."""
    if not uncovered.any() or uncovered.all():
        return flow
    kinds = cv2.DIST_LABEL_PIXEL
    _, nearest = cv2.distanceTransformWithLabels(uncovered.astype(np.uint8), cv2.DIST_L2, 3, labelType=kinds)
    points = np.dstack(np.broadcast_arrays(*_points(uncovered)))
    known = np.zeros((int(nearest.max()) + 1, 2), np.float32)
    known[nearest[~uncovered]] = (flow + points)[~uncovered]
    return np.asarray(np.where(uncovered[..., None], known[nearest] - points, flow), np.float32)


def _points(of: npt.NDArray[Any]) -> tuple[Field, Field]:
    """x of each column (columns,) and y of each row (rows, 1): numpy spreads them over all pixels."""
    return np.arange(of.shape[1], dtype=np.float32), np.arange(of.shape[0], dtype=np.float32)[:, None]
