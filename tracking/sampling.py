"""Where does a mask lie on one frame, read through the walks from its annotations? Called by propagate.py, frame by
frame.

All of it happens in a *window* of the grid: outside, no walk leads near its annotated mask, every distance has ended
(FAR), and there is nothing to blend, to doubt or to correct. Most masks are small, so this is most of the speed. What
is lost beyond the window is not marked again; where one annotation must do and colours can tell, it is a wide one.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import BAND, Appearance, lab
from tracking.clip import Picture
from tracking.colours import LocalColours, likelier_inside
from tracking.confidence import expected_dice
from tracking.edges import lines, to_edge
from tracking.firm import Firm
from tracking.flow import Flow
from tracking.motion import Motion
from tracking.spread import LOST, WideLook, spread, trust_in, without_islands
from tracking.tracked_frame import Field, TrackedFrame
from tracking.walk import Carried, widely
from tracking.window import Box, Points, Window, between, box_around, cells, clip_points, enlarge, grid_points, twice

FINE_SAMPLES = 60_000
"""Points at which the border of a mask is worked out at most: small masks pixel by pixel, large ones at each second."""
FAR = 10.0
"""Grid pixels at which distances from the border end."""
GONE = 30.0
"""Grid pixels by which a mask gives way for each unit of log (unlikeness to the annotated frame / to the empty one)."""
GONE_START = 0.25
"""Where that begins: less is chance."""
GONE_SOFTNESS = 1.1
"""Unlikeness is this less likeness: 0.1 for equal pictures."""
FOUND_LOOK, FOUND_CONFIDENCE = 0.5, 0.9
"""How much the look counts, and confidence, where the thing was found again (refind.py): it is shifted alone, so the
pixels that its own came from are only about the right ones."""
COLOUR_STEP = 2.0
"""Grid pixels by which the border gives way where pixels have colours e times likelier on the other side of it."""
LOOK_STEP = 2
"""Looks are asked for at each so many grid pixels, where they spread."""
RIM = 12
"""Grid pixels round what walks reach that belong to the window too: as far as blurs see."""
FAR_RIM = 36
"""The same where there is only one annotation to come from and colours can tell: what walks have lost may lie there."""


@dataclass(frozen=True)
class Source:
    """One annotation at an end of a stretch: its signed distance in clip pixels (height, width) and its look in grid
    pixels (gh, gw). `reach`: within which (left, top, right, bottom) of the annotated frame, in grid pixels, distances
    have not ended. `colours`: which lie inside and outside there."""

    distance: Field = field(repr=False)
    look: Field = field(repr=False)
    reach: tuple[float, float, float, float]
    colours: LocalColours


@dataclass(frozen=True)
class Side:
    """One annotation's part in a frame: what reaches the frame at hand, and its nearness in time 0..1."""

    source: Source
    carried: Carried
    nearness: float


def signed_distance(pixels: npt.NDArray[np.uint8], motion: Motion) -> Field:
    """Signed distance of a mask (height, width) to its border in clip pixels, float32 (height, width): about +.5 just
    inside, -.5 just outside.

    It ends at FAR, so that of two sides that disagree neither wins by being far off.
    """
    furthest = _furthest(motion)
    found = np.full(pixels.shape, -furthest, np.float32)
    left, top, width, height = cv2.boundingRect(pixels)
    rim = 2 + int(1.1 * furthest)  # OpenCV's distances are right to a few per cent
    near = (slice(max(0, top - rim), top + height + rim), slice(max(0, left - rim), left + width + rim))
    inside = (pixels[near] > 0).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    found[near] = np.clip(distance - 0.5 * np.sign(distance), -furthest, furthest)
    return found


def reach_of(distance: Field, motion: Motion) -> tuple[float, float, float, float]:
    """See Source: round all that is nearer than FAR, and without end where the picture ends before that does."""
    near = (distance > -_furthest(motion)).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(near)
    ends = []
    for start, length, side, samples in (
        (left, width, motion.width, motion.grid_size[1]),
        (top, height, motion.height, motion.grid_size[0]),
    ):
        first, last = start - 2, start + length + 1  # what is read between pixels touches both neighbours
        low = (first + 0.5) * samples / side - 0.5 if first >= 0 else -np.inf
        high = (last + 0.5) * samples / side - 0.5 if last < side else np.inf
        ends.append((low, high))
    (left_end, right_end), (top_end, bottom_end) = ends
    return left_end, top_end, right_end, bottom_end


@dataclass(frozen=True)
class Blend:
    """What all sides together say of a frame, in a window of the grid (rows, columns): each side's displacement, x and
    y, in clip pixels, and weight; the distance in clip pixels, of each side and blended; the likeness."""

    window: Window
    offsets: list[tuple[Field, Field]] = field(repr=False)
    weights: list[Field] = field(repr=False)
    distances: list[Field] = field(repr=False)
    distance: Field = field(repr=False)
    likeness: Field = field(repr=False)


def sample(
    frame_number: int,
    sides: list[Side],
    motion: Motion,
    appearance: Appearance,
    wide: WideLook,
    firm: Firm,
    edges_followed: float = 0.0,
    empty: Field | None = None,
) -> TrackedFrame:
    """Blend the sides on the grid, let the look correct the border, then work it out finely within the box.

    `firm`: of these sides, which are in the order of time. `edges_followed`: see edges.strength. `empty`: the frame's
    likeness (gh, gw) with the verified empty one at the stretch's other end, if there is one.
    """
    cell = np.float32(motion.width / motion.grid_size[1])
    blend = _blend(sides, motion)
    correction = np.zeros_like(blend.distance)
    picture = motion.grid_picture(frame_number)[blend.window]
    is_found = any(side.carried.is_found for side in sides)
    if appearance.weight:
        correction = _by_look(blend, sides, picture, appearance, cell)
        if is_found:
            correction *= np.float32(FOUND_LOOK)
    detail = None  # what colours tell beyond what the grid can show; it waits for the size of the mask
    if any(side.source.colours.weight for side in sides):
        told = cell * _by_colours(blend, sides, motion.fine_picture(frame_number)[twice(blend.window)])
        mean = cv2.resize(told, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        correction += mean
        detail = told - cv2.resize(mean, told.shape[::-1], interpolation=cv2.INTER_LINEAR)
    trust = trust_in(blend.likeness)
    if trust[blend.distance > -FAR * cell].min(initial=1) < LOST and wide.appearance.explained:
        look = between(wide.appearance.everywhere(picture, LOOK_STEP), picture.shape[1::-1], LOOK_STEP)
        correction += cell * spread(blend.distance / cell, trust, look, wide.appearance.explained)
    correction = without_islands(blend.distance, correction)
    if is_found and len(sides) == 2:
        correction += cell * firm.pull((blend.distance + correction) / cell, 1 - sides[0].nearness)
    confidence = _confidence(blend, correction, cell) * (FOUND_CONFIDENCE if is_found else 1)
    if empty is not None:
        correction -= cell * _gone(blend, empty[blend.window])
    box = box_around(np.maximum(blend.distance, blend.distance + correction), blend.window, motion)
    if box is None:
        return TrackedFrame.blank(frame_number, confidence)
    step = 1 + int(((box[2] - box[0]) * (box[3] - box[1]) / FINE_SAMPLES) ** 0.5)
    found = _finely(box, step, sides, blend, correction, motion)
    if detail is not None:
        height, width = motion.grid_size
        found += enlarge(detail, twice(blend.window), (2 * height, 2 * width), box, step, motion)
    if edges_followed and not any(_is_shown_again(side) for side in sides):
        told = lines(picture, (blend.distance + correction) / cell)
        found += edges_followed * cell * _by_edges(found / cell, told, box, step, blend.window, motion, frame_number)
    if step > 1:
        found = between(found, (box[3] - box[1], box[2] - box[0]), step)
    return TrackedFrame(frame_number, box, found, confidence)


def _is_shown_again(side: Side) -> bool:
    """Whether the frame is the annotated picture once more: then its mask is the annotated one, wherever edges lie."""
    return not side.carried.displacement.any() and float(side.carried.likeness.min()) > 0.99


def _confidence(blend: Blend, correction: Field, cell: np.float32) -> float:
    distance, sides = blend.distance / cell, [each / cell for each in blend.distances]
    return expected_dice(distance, distance + correction / cell, blend.likeness, sides)


def _blend(sides: list[Side], motion: Motion) -> Blend:
    window = _window(sides, motion)
    cell_x, cell_y = motion.width / motion.grid_size[1], motion.height / motion.grid_size[0]
    planes = [_planes(side.carried.displacement[window]) for side in sides]
    offsets = [(x * np.float32(cell_x), y * np.float32(cell_y)) for x, y in planes]
    beliefs = [np.sqrt(side.nearness) * believed(side.carried.likeness, window) for side in sides]
    weights = [np.asarray(each / sum(beliefs), np.float32) for each in beliefs]
    points = grid_points(motion, window)
    distances = [_through(side.source.distance, *offset, points) for side, offset in zip(sides, offsets, strict=True)]
    distance = sum(weight * each for weight, each in zip(weights, distances, strict=True))
    likeness = sum(weight * side.carried.likeness[window] for side, weight in zip(sides, weights, strict=True))
    both = np.asarray(distance, np.float32), np.asarray(likeness, np.float32)
    return Blend(window, offsets, weights, distances, *both)


def _by_look(blend: Blend, sides: list[Side], picture: Picture, appearance: Appearance, cell: np.float32) -> Field:
    """What to add to the distance near the border, where pixels look other than those they came from."""
    correction = appearance.look(picture, blend.distance / cell)
    for side, weight in zip(sides, blend.weights, strict=True):
        correction -= weight * _moved(side.source.look, side.carried.displacement[blend.window], blend.window)
    correction = np.where(np.abs(blend.distance) < BAND * cell, correction * cell, 0)
    return np.asarray(cv2.GaussianBlur(correction, (0, 0), 0.7), np.float32)


def _by_colours(blend: Blend, sides: list[Side], picture: Picture) -> Field:
    """Grid pixels to add to the distance, by how much likelier each pixel's colour is inside than outside there; twice
    as fine as the window, as is the picture (2 rows, 2 columns, 3)."""
    indices = sides[0].source.colours.palette.indices(picture)
    columns, rows = cells(blend.window)
    found, belief = np.zeros((5, *indices.shape), np.float32), np.zeros(indices.shape, np.float32)
    for side, weight in zip(sides, blend.weights, strict=True):
        if not side.source.colours.weight:  # it may be of a pixel or two, and remember nothing
            continue
        x, y = _planes(side.carried.displacement[blend.window])
        together = np.asarray(cv2.merge([x + columns, y + rows, weight]), np.float32)
        finely = cv2.resize(together, indices.shape[::-1], interpolation=cv2.INTER_LINEAR)
        x, y, share = _planes(np.asarray(finely, np.float32))
        found += share * side.source.colours.found(indices, x, y)
        belief += share * np.float32(side.source.colours.weight)
    return np.asarray(COLOUR_STEP * belief * likelier_inside(found), np.float32)


def _gone(blend: Blend, empty: Field) -> Field:
    """Grid pixels by which the mask gives way, where the frame looks less like the annotated one than like the verified
    empty one: what was there has ended. Neighbours in time are alike everywhere, so what lies outside the mask is the
    measure."""
    more = np.log((GONE_SOFTNESS - blend.likeness) / (GONE_SOFTNESS - empty))
    more = cv2.GaussianBlur(more, (0, 0), 2.0)
    outside = blend.distance < 0
    usual = max(0.0, float(np.median(more[outside]))) if outside.any() else 0.0
    return np.asarray(GONE * np.maximum(more - usual - GONE_START, 0), np.float32)


def _finely(box: Box, step: int, sides: list[Side], blend: Blend, correction: Field, motion: Motion) -> Field:
    """The corrected distance at each `step`-th clip pixel of the box, both ways."""
    points = clip_points(box, step)
    total = enlarge(correction, blend.window, motion.grid_size, box, step, motion)
    for side, offset, weight in zip(sides, blend.offsets, blend.weights, strict=True):
        together = np.asarray(cv2.merge([*offset, weight]), np.float32)
        x, y, share = _planes(enlarge(together, blend.window, motion.grid_size, box, step, motion))
        total += share * _through(side.source.distance, x, y, points)
    return total


def _by_edges(
    distance: Field, told: Field, box: Box, step: int, window: Window, motion: Motion, frame_number: int
) -> Field:
    """Grid pixels to add to the distance at each `step`-th clip pixel of the box, by where the picture's colours
    change. `told`: see edges.lines, of the window."""
    spare = 2
    part = tuple(
        slice(max(0, int(first * size / length) - spare), int(last * size / length) + spare)
        for first, last, size, length in zip(
            box[:2], box[2:], motion.picture_size, (motion.height, motion.width), strict=True
        )
    )
    colours = lab(motion.picture(frame_number)[part]).astype(np.float32)
    return to_edge(
        distance,
        enlarge(colours, (part[0], part[1]), motion.picture_size, box, step, motion),
        enlarge(told, window, motion.grid_size, box, step, motion),
    )


def believed(likeness: Field, window: Window) -> Field:
    """How much a side counts at each grid pixel of the window, by its likeness there and, more so, in the wider
    neighbourhood: a side that lost its way is unlike over whole regions. `likeness` is of the whole grid."""
    near = cv2.GaussianBlur(likeness[window], (0, 0), 1.5)
    return np.asarray(np.exp(3 * near + 8 * widely(likeness, 20)[window]), np.float32)


def _furthest(motion: Motion) -> np.float32:
    return np.float32(FAR * motion.width / motion.grid_size[1])


def _window(sides: list[Side], motion: Motion) -> Window:
    """The part of the grid from which any walk leads into its source's reach, with a rim; the whole grid when none
    does."""
    height, width = motion.grid_size
    columns, rows = cells((slice(0, height), slice(0, width)))
    reached = np.zeros((height, width), np.bool_)
    for side in sides:
        left, top, right, bottom = side.source.reach
        x, y = cv2.split(side.carried.displacement)
        x, y = x + columns, y + rows
        reached |= (x > left) & (x < right) & (y > top) & (y < bottom)
    column, row, across, down = cv2.boundingRect(reached.view(np.uint8))
    if not across:
        return slice(0, height), slice(0, width)
    rim = FAR_RIM if len(sides) == 1 and sides[0].source.colours.weight else RIM
    return (
        slice(max(0, row - rim), min(height, row + down + rim)),
        slice(max(0, column - rim), min(width, column + across + rim)),
    )


def _through(distance: Field, x: Field, y: Field, points: Points) -> Field:
    """The annotation's distance where each point came from, which lies x and y clip pixels off; what came from outside
    the picture counts as its edge."""
    return np.asarray(
        cv2.remap(distance, x + points[0], y + points[1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32
    )


def _planes(values: Field) -> list[Field]:
    """Each channel for itself."""
    return [np.asarray(plane, np.float32) for plane in cv2.split(values)]


def _moved(values: Field, displacement: Flow, window: Window) -> Field:
    """A grid field of the annotated frame as it lies on the frame at hand, in the window of the displacement."""
    columns, rows = cells(window)
    x, y = columns + displacement[..., 0], rows + displacement[..., 1]
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)
