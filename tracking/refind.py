"""Where is the annotated thing itself, when its walk has lost it? Asked by propagate.py, frame by frame.

Walks know nothing of masks: what is small, quick or hidden for a while they lose to what is seen around it. So the
place a walk gives is held against the annotated thing: do its pixels have colours of the inside and those beside it of
the outside, and are they the ones that were annotated? Where it clearly is unlike, the thing is looked for all over the
picture, moved as a whole, by the same measure; and what the walk explains well as surroundings counts against a place.
A map of how well the best way there has done is carried from frame to frame (the first half of dynamic programming:
what comes later says nothing, so frames can be handed on at once), so that of two like things the nearer one is it.

It begins where colours can tell: in grey pictures nothing is asked, and nothing changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import in_pieces, lab
from tracking.clip import Picture
from tracking.colours import inside_share
from tracking.walk import Carried

Field = npt.NDArray[np.float32]

LOST = 2.0
"""By how much a walk's place must be less like the thing than the annotated place itself for it to be looked for."""
HEAD_START = 0.5
"""What a found place must be better by than the walk's, the better one if there are two."""
LEAST_COLOUR = 0.0
"""Log likelihood ratio of the colours within a place, on average, below which it is not the thing: it is out of
sight."""
TRUST = 0.8
"""Likeness that a found place counts with. Its own would be low: the whole is known again, not each pixel."""
SMALLEST = 6.0
"""Grid pixels of area that a thing must have."""
RIM = 0.25
"""Breadth of what counts as beside a thing, for each root of its area; SMALLEST_RIM grid pixels at least."""
SMALLEST_RIM = 3
LEAST_SEEN = 0.1, 0.6
"""Share of the thing's area that must be marked at all, and below which what is marked counts as less than alike."""
NOT_MARKED = 0.1
"""What is marked less lies outside."""
NOWHERE = -9.0
"""How alike a walk's place is that marks nothing."""
BITS = 4
"""Of each axis of Lab that tell colours apart."""
BLUR = 0.6, 0.6, 1.0
"""Steps of that (Gaussian sigma) within which colours are taken for about the same: yellow, red, light."""
UNSEEN = 0.01
"""Share of colours that count as seen inside and outside before anything was."""
LOUDEST = 3.0
"""Log likelihood ratio that is believed at most."""
AXES = np.array([0.7, 1.5, 1.5], np.float32)
"""How much a step of Lab's lightness, green-red and blue-yellow counts when pixels are compared."""
SMOOTH = 0.7
"""Grid pixels (Gaussian sigma) over which pixels are compared."""
BESIDE = 0.5
"""How much colours of the inside beside a place count against it."""
EXPLAINED = 2.0
"""How much it counts against a place that the walk explains it as surroundings."""
NOISE = 100.0
"""Mean squared difference of pixels that is taken for noise."""
STEPS = ((5, 0.0), (10, 0.15))
"""Grid pixels, each way, that a thing may go in a frame, and what that costs."""
JUMP = 1.0
"""What any longer way costs."""
COVER = 6.0
"""Grid pixels round a found thing, and round the walk's place for it, that are put right."""


class SideColours:
    """How much likelier each colour is inside than outside in the whole of a stretch's annotated pictures."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]]) -> None:
        """`annotated`: each one's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels."""
        count = 1 << BITS
        seen = np.zeros((2, count**3), np.float32)
        for picture, distance in annotated:
            bins, inside = _bins(lab(picture)).ravel(), inside_share(distance).ravel()
            seen[0] += np.bincount(bins, inside, count**3)
            seen[1] += np.bincount(bins, 1 - inside, count**3)
        steps = np.arange(count, dtype=np.float32)
        for sigma in BLUR:  # along the last axis, which then becomes the first
            near = np.exp(-((steps[:, None] - steps) ** 2) / (2 * sigma**2)).astype(np.float32)
            blurred = in_pieces(seen.reshape(-1, count), near).reshape(2, -1, count)
            seen = np.ascontiguousarray(blurred.transpose(0, 2, 1)).reshape(2, -1)
        of_inside, of_outside = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
        before = UNSEEN * seen.sum(axis=0) / seen.sum() + 1e-9
        told = np.log((of_inside + before) / (of_outside + before))
        self._told = np.asarray(np.clip(told, -LOUDEST, LOUDEST), np.float32)

    def told(self, colours: Picture) -> Field:
        """Log of how much likelier each pixel is inside, (rows, columns), by its Lab values."""
        return self._told[_bins(colours)]


@dataclass(frozen=True)
class Place:
    """What is known of a thing on one frame, as seen from one annotation. `alike`: how much its walk's place is like
    it, 0 for as much as where it was annotated, less for less. When that is lost: `shift`, by how many grid pixels, x
    and y, from there it was found, and `found_alike`, the same of that place: -inf when it is not in sight."""

    thing: "Thing" = field(repr=False)
    alike: float
    shift: tuple[int, int] = (0, 0)
    found_alike: float = -np.inf


class Thing:
    """What one annotation marks. Its walk is followed frame by frame, in order, away from the annotated frame."""

    def __init__(self, picture: Picture, distance: Field, colours: SideColours) -> None:
        """The annotation's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels."""
        self._distance, self._colours, self._mask = distance, colours, inside_share(distance)
        self._area = float(self._mask.sum())
        self.is_sought = self._area >= SMALLEST
        if not self.is_sought:
            return
        column, row, width, height = cv2.boundingRect((self._mask > 0).astype(np.uint8))
        self._columns = np.arange(distance.shape[1], dtype=np.float32)
        self._rows = np.arange(distance.shape[0], dtype=np.float32)[:, None]
        self._rim = max(SMALLEST_RIM, int(RIM * self._area**0.5))
        self._middle = column + width // 2, row + height // 2
        self._centre = centre_of(self._mask)
        self._reach = width // 2 + 1 + self._rim, height // 2 + 1 + self._rim
        values = lab(picture)
        self._pixels = _pixels(values)
        mask = self._around_middle(self._mask, cv2.BORDER_CONSTANT)
        inside, beside = mask / mask.sum(), self._beside(mask)
        side = inside - np.float32(BESIDE / max(1.0, float(beside.sum()))) * beside
        self._sides_kernel = np.dstack([side, np.float32(-EXPLAINED) * inside])
        pixels = self._around_middle(self._pixels, cv2.BORDER_REPLICATE)
        self._inside_kernel, self._pixels_kernel = inside, inside[..., None] * pixels
        self._squares = float((inside[..., None] * pixels * pixels).sum())
        self._own = self._alike(self._colours.told(values), self._mask, 0.0)
        self._last: tuple[float, float] = self._centre
        self._ways: Field | None = None

    def follow(self, picture: Picture, carried: Carried) -> Place:
        """Where it is on the next frame of the walk: its picture, uint8 (gh, gw, 3) BGR, and what reaches it."""
        x, y = self._columns + carried.displacement[..., 0], self._rows + carried.displacement[..., 1]
        marked = np.asarray(cv2.remap(self._mask, x, y, cv2.INTER_LINEAR), np.float32)
        alike = self._walked(picture, marked, x, y)
        if alike >= -LOST:
            self._last, self._ways = centre_of(marked), None
            return Place(self, alike)
        values = lab(picture)
        told = self._colours.told(values)
        response = self._response(told, _pixels(values), np.maximum(carried.likeness, 0) * (marked < NOT_MARKED))
        ways = _onward(self._begin() if self._ways is None else self._ways) + response
        self._ways = ways - ways.max()
        _, _, _, (column, row) = cv2.minMaxLoc(ways)
        shift = column - self._middle[0], row - self._middle[1]
        is_seen = self._colour_at(told, shift) > LEAST_COLOUR
        return Place(self, alike, shift, float(response[row, column]) if is_seen else -np.inf)

    def put(self, carried: Carried, shift: tuple[int, int]) -> Carried:
        """The walk with the thing where it was found; what the walk took for the thing becomes surroundings."""
        movement = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
        size = self._distance.shape[::-1]
        here = cv2.warpAffine(self._distance, movement, size, borderMode=cv2.BORDER_REPLICATE)
        x, y = self._columns + carried.displacement[..., 0], self._rows + carried.displacement[..., 1]
        there = cv2.remap(self._distance, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        near = np.maximum(here, there) > -COVER
        return Carried(
            np.where(near[..., None], -np.array(shift, np.float32), carried.displacement),
            np.where(near, np.float32(TRUST), carried.likeness),
            is_found=True,
        )

    def _walked(self, picture: Picture, marked: Field, x: Field, y: Field) -> float:
        """How alike the place is that the walk marks, where pixels come from x and y."""
        if marked.sum() < LEAST_SEEN[0] * self._area:
            return NOWHERE - self._own
        column, row, width, height = cv2.boundingRect((marked > 0).astype(np.uint8))
        top, left = max(0, row - self._rim - 1), max(0, column - self._rim - 1)
        part = np.s_[top : row + height + self._rim + 1, left : column + width + self._rim + 1]
        values, marked = lab(picture[part]), marked[part]
        shown = cv2.remap(self._pixels, x[part], y[part], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        apart = float((marked * ((shown - _pixels(values)) ** 2).sum(axis=2)).sum() / marked.sum())
        return self._alike(self._colours.told(values), marked, apart) - self._own

    def _alike(self, told: Field, marked: Field, apart: float) -> float:
        """Of one place, by what colours tell and the mean squared difference of pixels."""
        beside = self._beside(marked)
        within = float((told * marked).sum()) / max(float(marked.sum()), LEAST_SEEN[1] * self._area)
        without = float((told * beside).sum()) / max(1.0, float(beside.sum()))
        return within - BESIDE * without - float(np.log(1 + apart / NOISE))

    def _response(self, told: Field, pixels: Field, explained: Field) -> Field:
        """The same of the thing put with its middle on each pixel of the picture, less what the walk explains."""
        sides = self._everywhere(np.dstack([told, explained]), self._sides_kernel)
        apart = self._everywhere((pixels * pixels).sum(axis=2), self._inside_kernel) + self._squares
        apart -= 2 * self._everywhere(pixels, self._pixels_kernel)
        return np.asarray(sides - np.log(1 + np.maximum(apart, 0) / NOISE) - np.float32(self._own), np.float32)

    def _everywhere(self, values: Field, kernel: Field) -> Field:
        """Sum of values times kernel, its middle on each pixel; beyond the picture its edge counts."""
        across, down = self._reach
        wide = cv2.copyMakeBorder(values, down, down, across, across, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.matchTemplate(wide, kernel, cv2.TM_CCORR), np.float32)

    def _colour_at(self, told: Field, shift: tuple[int, int]) -> float:
        """Mean of what colours tell within the thing where it was found."""
        movement = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
        mask = cv2.warpAffine(self._mask, movement, self._mask.shape[::-1])
        return float((mask * told).sum() / max(1.0, float(mask.sum())))

    def _around_middle(self, values: Field, border: int) -> Field:
        (column, row), (across, down) = self._middle, self._reach
        wide = cv2.copyMakeBorder(values, down, down, across, across, border)
        return np.asarray(wide[row : row + 2 * down + 1, column : column + 2 * across + 1], np.float32)

    def _beside(self, marked: Field) -> Field:
        """What lies beside a mask 0..1, but not at its very border, 0..1."""
        wide = cv2.dilate(marked, np.ones((2 * self._rim + 1, 2 * self._rim + 1), np.uint8))
        return np.asarray(np.clip(wide - cv2.dilate(marked, np.ones((3, 3), np.uint8)), 0, 1), np.float32)

    def _begin(self) -> Field:
        """The map of ways when all of them begin where the thing was last."""
        height, width = self._mask.shape
        ways = np.full((height, width), -JUMP, np.float32)
        column = round(self._last[0] - self._centre[0]) + self._middle[0]
        row = round(self._last[1] - self._centre[1]) + self._middle[1]
        ways[min(max(row, 0), height - 1), min(max(column, 0), width - 1)] = 0
        return ways


Reached = tuple[Carried, Place | None]
"""What reaches a frame from one annotation, and where its thing is there; None where it is not sought."""


def put_right(reached: Sequence[Reached]) -> list[Carried]:
    """What reaches a frame from each annotation, with things put where they were found again. Nothing changes unless
    every walk has lost its thing: one that has not is better than any shift."""
    alike = max(place.alike if place else 0.0 for _, place in reached)
    if alike >= -LOST:
        return [carried for carried, _ in reached]
    return [
        place.thing.put(carried, place.shift) if place and place.found_alike > alike + HEAD_START else carried
        for carried, place in reached
    ]


def _onward(ways: Field) -> Field:
    """The best way to each pixel one frame on."""
    found = np.full_like(ways, ways.max() - np.float32(JUMP))
    for far, cost in STEPS:
        found = np.maximum(found, cv2.dilate(ways, np.ones((2 * far + 1, 2 * far + 1), np.uint8)) - np.float32(cost))
    return found


def _bins(colours: Picture) -> npt.NDArray[np.int32]:
    light, red, yellow = cv2.split(colours >> (8 - BITS))
    return np.asarray((light.astype(np.int32) << 2 * BITS) + (red.astype(np.int32) << BITS) + yellow, np.int32)


def _pixels(colours: Picture) -> Field:
    """Lab values as they are compared, (rows, columns, 3)."""
    return np.asarray(cv2.GaussianBlur(colours.astype(np.float32) * AXES, (0, 0), SMOOTH), np.float32)


def centre_of(mask: Field) -> tuple[float, float]:
    """Centre of gravity of a mask that is not empty, x and y."""
    across, down = mask.sum(axis=0), mask.sum(axis=1)  # OpenCV's moments take two columns for a list of points
    x, y = (float((sums * np.arange(len(sums))).sum() / sums.sum()) for sums in (across, down))
    return x, y
