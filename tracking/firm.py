"""Does the annotated thing keep its outline? Learnt from a stretch's two annotations by propagate.py, asked by
sampling.py where the thing was found again.

A ball in flight is found again, but blurred, and before a ground of its own colours, these cannot tell where it ends.
Its two drawings can: where they are one outline, moved, so are the frames between. So the outline is put, as one piece,
where it fits best what colours have made of the mask, and the border goes there. Drawings that differ (limbs, wings,
things that turn or come nearer) say nothing, nor does a single one. Where walks are right nothing is asked: what swings
or beats may be drawn twice in the same moment of its swing, and walks know of the moments between.
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import ramp
from tracking.clip import Picture
from tracking.colours import inside_share
from tracking.refind import centre_of

Field = npt.NDArray[np.float32]

ALIKE = 0.85, 0.95
"""Intersection over union of both outlines, one laid on the other, from which the thing counts as firm, and wholly."""
SMALLEST = 6
"""Grid pixels of area that it must have."""
RIM = 6
"""Grid pixels round the outline that are compared too."""
SOFTNESS = 0.5
"""Grid pixels over which a border counts as undecided where the outline is fitted: so little that each pixel counts
about the same, and the outline is not drawn away from where the mask lacks a part."""
FURTHEST = 4.0
"""Grid pixels by which a border is moved at most: what hides a large thing goes on hiding it."""
IN_SIGHT = 0.25, 0.5
"""Share of the outline that the mask marks already, from which the rest is believed to be in sight, and wholly."""


class Firm:
    """The outline that the annotations of a stretch share; worked out when first asked for."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]]) -> None:
        """`annotated`: each one's picture and signed distance (gh, gw) in grid pixels, in the order of time."""
        self._distances = [distance for _, distance in annotated]

    @cached_property
    def weight(self) -> float:
        """0..1: how far the outline is kept."""
        if len(self._distances) < 2 or not all(_is_whole(distance) for distance in self._distances):
            return 0.0
        one, other = (inside_share(outline) for outline in self._outlines)
        return ramp(float(np.minimum(one, other).sum() / np.maximum(one, other).sum()), ALIKE)

    def pull(self, distance: Field, share: float) -> Field:
        """What to add to a frame's signed `distance` (rows, columns), in grid pixels. `share` 0..1: how near the frame
        is, in time, to the second annotation."""
        if not (self.weight and (distance > 0).any()):
            return np.zeros_like(distance)
        outline = np.asarray((1 - share) * self._outlines[0] + share * self._outlines[1], np.float32)
        x, y = self._fitted(distance, outline)
        movement = np.array([[1, 0, x - self._reach], [0, 1, y - self._reach]], np.float64)
        size = distance.shape[::-1]
        there = np.asarray(cv2.warpAffine(outline, movement, size, borderMode=cv2.BORDER_REPLICATE), np.float32)
        if not _is_whole(there):
            return np.zeros_like(distance)
        marked = float((distance[there > 0] > 0).mean())
        kept = np.float32(self.weight * ramp(marked, IN_SIGHT))
        return np.asarray(kept * np.clip(there - distance, -FURTHEST, FURTHEST), np.float32)

    @cached_property
    def _reach(self) -> int:
        """Half the side of what is compared, less half a pixel."""
        boxes = [cv2.boundingRect((distance > 0).astype(np.uint8)) for distance in self._distances]
        return RIM + max(max(width, height) for _, _, width, height in boxes) // 2

    @cached_property
    def _outlines(self) -> list[Field]:
        """The signed distance of each annotation round the middle of what is inside."""
        side = 2 * self._reach + 1
        outlines = []
        for distance in self._distances:
            x, y = centre_of(inside_share(distance))
            movement = np.array([[1, 0, self._reach - x], [0, 1, self._reach - y]], np.float64)
            outlines.append(cv2.warpAffine(distance, movement, (side, side), borderMode=cv2.BORDER_REPLICATE))
        return [np.asarray(outline, np.float32) for outline in outlines]

    def _fitted(self, distance: Field, outline: Field) -> tuple[float, float]:
        """Where the middle of the outline fits best, x and y, within half its reach round the middle of the mask."""
        column, row = (round(place) for place in centre_of(inside_share(distance)))
        spare = self._reach // 2 + 1
        far = self._reach + spare
        wide = cv2.copyMakeBorder(np.tanh(distance / SOFTNESS), far, far, far, far, cv2.BORDER_CONSTANT)
        part = np.ascontiguousarray(wide[row : row + 2 * far + 1, column : column + 2 * far + 1])
        fits = np.asarray(cv2.matchTemplate(part, np.tanh(outline / SOFTNESS), cv2.TM_CCORR_NORMED), np.float32)
        _, _, _, (across, down) = cv2.minMaxLoc(fits)
        x, y = across + _peak(fits[down], across), down + _peak(fits[:, across], down)
        return column + x - spare, row + y - spare


def _is_whole(distance: Field) -> bool:
    """Whether it is large enough and nowhere cut off by the picture."""
    inside = distance > 0
    edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
    return bool(inside.sum() >= SMALLEST and not edge)


def _peak(values: Field, place: int) -> float:
    """How far beside its largest value, -.5..+.5, a parabola through it and its neighbours has its top."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, here, after = (float(each) for each in values[place - 1 : place + 2])
    bend = before - 2 * here + after
    return min(0.5, max(-0.5, 0.5 * (before - after) / bend)) if bend < 0 else 0.0
