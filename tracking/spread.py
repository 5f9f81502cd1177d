"""Where the walks have lost their way, which pixels belong to the mask? Used by sampling.py, frame by frame.

What was hidden, lay beyond the picture or jumped looks unlike the annotated picture wherever a walk leads. There, a
pixel's look decides, and what the look means is read from the trusted pixels near by: a guided filter (He, Sun and
Tang 2010), its guide the look, each pixel weighted by trust. Parts without trusted neighbours go by the plain look.
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import Appearance
from tracking.clip import Picture

Field = npt.NDArray[np.float32]

WINDOW = 2.0
"""Grid pixels (Gaussian sigma) over which likeness is averaged."""
NEIGHBOURHOOD = 7.0
"""Grid pixels (Gaussian sigma) within which trusted pixels tell what a look means."""
FLOOR = 0.6
"""A likeness this much below the usual one of the window is not trusted at all; nor is one below nothing."""
SPAN = 0.5
"""Likeness above that floor from which a pixel is trusted wholly."""
LOOK_SHARE = 4.0
"""How much the plain look counts where there is no trust, for each unit of variance that it explains."""
SOFTNESS = 3.0
"""Grid pixels over which a border counts as undecided."""
DEPTH = 4.0
"""Grid pixels from the border that a look alone can put a pixel."""
NOISE = 0.04
"""Variance of the look that says nothing."""
GIVEN_WAY = 7.5
"""Grid pixels by which walks that are lost give way: beyond, a mask grows or shrinks only by the clearest looks."""
COARSE = 4
"""The filter works on a grid so many times coarser: what a look means changes slowly."""
LOST = 0.5
"""Trust below which, anywhere near the mask, it is worth while to ask for looks at all."""


class WideLook:
    """What the whole of one stretch's annotated pictures looks like inside and outside; learnt when first asked for."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]]) -> None:
        """`annotated`: each one's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels."""
        self._annotated = annotated

    @cached_property
    def appearance(self) -> Appearance:
        """Its `explained` is 0 where there is nothing to learn."""
        return Appearance(self._annotated, is_wide=True)


def trust_in(likeness: Field) -> Field:
    """How far walks are trusted at each pixel, 0..1. `likeness` -1..1 with the annotated pictures, float32 (rows,
    columns)."""
    near = cv2.GaussianBlur(likeness, (0, 0), WINDOW)
    floor = max(0.0, float(np.median(near)) - FLOOR)
    return np.asarray(np.clip((near - floor) / SPAN, 0, 1), np.float32)


def spread(distance: Field, trust: Field, look: Field, explained: float) -> Field:
    """What to add to a blended signed `distance` in grid pixels, positive inside; 0 where walks are trusted wholly.

    `look` -1 outside .. 1 inside; `explained` 0..1, the share of variance by which looks explain the annotations.
    Fields are float32 (rows, columns).
    """
    lost = 1 - trust
    share = LOOK_SHARE * explained * lost
    weight = trust + share + np.float32(1e-4)
    told = (trust * np.tanh(distance / SOFTNESS) + share * look) / weight
    slope, constant = _local_line(look, told, weight)
    found = DEPTH * np.clip(slope * look + constant, -1, 1)
    return np.asarray(lost * (found - np.clip(distance, -GIVEN_WAY, GIVEN_WAY)), np.float32)


def without_islands(distance: Field, correction: Field) -> Field:
    """A `correction` that adds no islands to a signed `distance`, both (rows, columns), positive inside: a part of the
    corrected mask of which walks mark nothing is another thing of the same looks. Unless such parts are most of it:
    then walks are lost, and looks alone know."""
    corrected = distance + correction > 0
    count, parts = cv2.connectedComponents(corrected.astype(np.uint8))
    if count <= 2:  # the outside and one part
        return correction
    is_known = np.zeros(count, np.bool_)
    is_known[parts[distance > 0]] = True
    is_island = corrected & ~is_known[parts]
    if 2 * np.count_nonzero(is_island) > np.count_nonzero(corrected):
        return correction
    return np.where(is_island, distance.min() - distance, correction)


def _local_line(look: Field, told: Field, weight: Field) -> tuple[Field, Field]:
    """At each pixel, slope and constant of the straight line that leads from `look` to `told` round it, by weighted
    least squares; then averaged over all lines round it, as guided filters do."""
    height, width = look.shape
    size = -(-width // COARSE), -(-height // COARSE)

    def about(values: Field) -> Field:
        return _nearby(np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32))

    total = about(weight)
    mean, mean_told = about(weight * look) / total, about(weight * told) / total
    shared = about(weight * look * told) / total - mean * mean_told
    slope = shared / (about(weight * look * look) / total - mean * mean + NOISE)
    lines = np.dstack([slope * total, (mean_told - slope * mean) * total])
    lines = _nearby(lines) / _nearby(total)[..., None]
    enlarged = cv2.resize(lines, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged[..., 0], np.float32), np.asarray(enlarged[..., 1], np.float32)


def _nearby(values: Field) -> Field:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD / COARSE), np.float32)
