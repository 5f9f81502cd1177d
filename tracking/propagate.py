"""How are annotated masks carried into one stretch of frames? Called by track.py, one stretch at a time.

A stretch sees its own two annotations and the clip, nothing else. That is what lets an incremental retrack redo only
the stretches next to a changed annotation and still give the very masks of a full run.

Each side: the flow from a frame back towards the annotation is composed into one displacement field on the grid, and
the annotation's signed distance is sampled through it once. Two sides are blended by distance in time and by trust;
then the border gives way where pixels look other than those they came from (appearance.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from tracking.annotations import AnnotatedMask
from tracking.appearance import BAND, Appearance
from tracking.clip import Picture
from tracking.confidence import expected_dice
from tracking.flow import Flow, Mask
from tracking.motion import Motion
from tracking.params import Params
from tracking.plan import Stretch
from tracking.walk import Carried, Walk, widely

Field = npt.NDArray[np.float32]

FINE_SAMPLES = 60_000
"""Points at which the border of a mask is worked out at most: small masks pixel by pixel, large ones at each second."""
FAR = 10.0
"""Grid pixels at which distances from the border end."""
MARGIN = 3.0
"""Grid pixels round the coarse mask within which the border is worked out at full size."""


@dataclass(frozen=True)
class TrackedFrame:
    """One label on one frame: `distance` float32 (bottom-top, right-left), clip pixels, positive inside the mask.

    `box` is (top, left, bottom, right) in clip pixels, outside of which there is no mask; empty (all 0) for no mask at
    all.
    """

    frame_number: int
    box: tuple[int, int, int, int]
    distance: Field = field(repr=False)
    confidence: float

    @classmethod
    def blank(cls, frame_number: int, confidence: float) -> "TrackedFrame":
        """A frame without a mask."""
        return cls(frame_number, (0, 0, 0, 0), np.zeros((0, 0), np.float32), confidence)


def from_mask(frame_number: int, mask: Mask, confidence: float) -> TrackedFrame:
    """A ready mask, uint8 (height, width), as a TrackedFrame: its distances are only +1 and -1."""
    left, top, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    distance = np.where(mask[top : top + height, left : left + width] > 0, 1, -1).astype(np.float32)
    return TrackedFrame(frame_number, (top, left, top + height, left + width), distance, confidence)


def propagate_stretch(stretch: Stretch, motion: Motion, params: Params) -> Iterator[TrackedFrame]:
    """Yield a TrackedFrame for each frame of a stretch that is not clear, in ascending order. Raises ClipError,
    Cancelled."""
    before, after = stretch.first - 1, stretch.last + 1
    forward = Walk(motion, before).over(range(stretch.first, stretch.last + 1)) if stretch.left else None
    backward: dict[int, Carried] = {}
    if stretch.right is not None:
        backward = dict(Walk(motion, after).over(range(stretch.last, stretch.first - 1, -1)))
    left = signed_distance(stretch.left, motion) if stretch.left else None
    right = signed_distance(stretch.right, motion) if stretch.right else None
    appearance = Appearance([_seen(motion, n, d) for n, d in ((before, left), (after, right)) if d is not None])
    left_look = appearance.look(*_seen(motion, before, left)) if left is not None else None
    right_look = appearance.look(*_seen(motion, after, right)) if right is not None else None
    for frame_number in range(stretch.first, stretch.last + 1):
        sides: list[Side] = []
        share = (frame_number - before) / (after - before)
        if forward is not None and left is not None and left_look is not None:
            sides.append(Side(left, left_look, next(forward)[1], 1 - share))
        if right is not None and right_look is not None:
            sides.append(Side(right, right_look, backward.pop(frame_number), share))
        yield _sample(frame_number, sides, motion, appearance)


@dataclass(frozen=True)
class Side:
    """One annotation's part in a frame: its signed distance in clip pixels and its look in grid pixels, both on the
    annotated frame; what reaches the frame at hand; and its nearness 0..1."""

    distance: Field = field(repr=False)
    look: Field = field(repr=False)
    carried: Carried
    nearness: float


def signed_distance(annotation: AnnotatedMask, motion: Motion) -> Field:
    """Signed distance to the border in clip pixels, float32 (height, width): about +.5 just inside, -.5 just outside.

    It ends at FAR, so that of two sides that disagree neither wins by being far off.
    """
    inside = (annotation.pixels > 0).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    furthest = FAR * motion.width / motion.grid_size[1]
    return np.asarray(np.clip(distance - 0.5 * np.sign(distance), -furthest, furthest), np.float32)


def _seen(motion: Motion, frame_number: int, distance: Field) -> tuple[Picture, Field]:
    """A frame's grid picture, and the annotation's signed distance there in grid pixels."""
    size = motion.grid_size[::-1]
    small = cv2.resize(distance, size, interpolation=cv2.INTER_AREA) * (motion.grid_size[1] / motion.width)
    return motion.grid_picture(frame_number), np.asarray(small, np.float32)


def _sample(frame_number: int, sides: list[Side], motion: Motion, appearance: Appearance) -> TrackedFrame:
    """Blend the sides on the grid, let the look correct the border, then work it out finely within the box."""
    weights = [np.sqrt(side.nearness) * believed(side.carried.likeness) for side in sides]
    weights = [np.asarray(weight / sum(weights), np.float32) for weight in weights]
    points = _grid_points(motion)
    cell = np.float32(motion.width / motion.grid_size[1])
    coarse = [_through(side.distance, side.carried.displacement, points, motion) for side in sides]
    blended = np.asarray(sum(weight * distance for weight, distance in zip(weights, coarse, strict=True)), np.float32)
    likeness = sum(weight * side.carried.likeness for side, weight in zip(sides, weights, strict=True))
    confidence = expected_dice(blended / cell, np.asarray(likeness, np.float32), [each / cell for each in coarse])
    correction = np.zeros_like(blended)
    if appearance.weight:
        correction = appearance.look(motion.grid_picture(frame_number), blended / cell)
        for side, weight in zip(sides, weights, strict=True):
            correction -= weight * _moved(side.look, side.carried.displacement)
        correction = np.where(np.abs(blended) < BAND * cell, correction * cell, 0)
        correction = np.asarray(cv2.GaussianBlur(correction, (0, 0), 0.7), np.float32)
    box = _box_around(np.maximum(blended, blended + correction), motion)
    if box is None:
        return TrackedFrame.blank(frame_number, confidence)
    step = 1 + int(((box[2] - box[0]) * (box[3] - box[1]) / FINE_SAMPLES) ** 0.5)
    fine_points = clip_points(box, step)
    total = enlarge(correction, box, step, motion)
    for side, weight in zip(sides, weights, strict=True):
        fine = enlarge(np.dstack([side.carried.displacement, weight]), box, step, motion)
        total += fine[..., 2] * _through(side.distance, fine[..., :2], fine_points, motion)
    if step > 1:
        size = (box[3] - box[1], box[2] - box[0])
        total = _between(total, size, step)
    return TrackedFrame(frame_number, box, total, confidence)


def believed(likeness: Field) -> Field:
    """How much a side counts at each grid pixel, by its likeness there and, more so, in the wider neighbourhood: a side
    that lost its way is unlike over whole regions."""
    near = cv2.GaussianBlur(likeness, (0, 0), 1.5)
    return np.asarray(np.exp(3 * near + 8 * widely(likeness, 20)), np.float32)


def _between(samples: Field, size: tuple[int, int], step: int) -> Field:
    """Every pixel of a box of `size` (width, height), from samples at each `step`-th, beginning at the first."""
    to_samples = np.array([[1 / step, 0, 0], [0, 1 / step, 0]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(samples, to_samples, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def enlarge(grid: Field, box: tuple[int, int, int, int], step: int, motion: Motion) -> Field:
    """Bilinear values of a grid field (gh, gw[, channels]) at each `step`-th clip pixel of the box, both ways."""
    top, left, bottom, right = box
    scale_x, scale_y = motion.grid_size[1] / motion.width, motion.grid_size[0] / motion.height
    rows = [[scale_x * step, 0, (left + 0.5) * scale_x - 0.5], [0, scale_y * step, (top + 0.5) * scale_y - 0.5]]
    to_grid = np.array(rows, np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (-(-(right - left) // step), -(-(bottom - top) // step))
    values = cv2.warpAffine(grid, to_grid, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float32)


def clip_points(box: tuple[int, int, int, int], step: int) -> tuple[Field, Field]:
    """x and y of each `step`-th clip pixel of the box, both float32 (rows, columns)."""
    top, left, bottom, right = box
    columns, rows = np.arange(left, right, step, dtype=np.float32), np.arange(top, bottom, step, dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def _moved(values: Field, displacement: Flow) -> Field:
    """A grid field of the annotated frame as it lies on the frame at hand."""
    rows, columns = np.mgrid[0 : values.shape[0], 0 : values.shape[1]].astype(np.float32)
    x, y = columns + displacement[..., 0], rows + displacement[..., 1]
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)


def _grid_points(motion: Motion) -> tuple[Field, Field]:
    """x and y in clip pixels of every grid sample, each float32 (gh, gw)."""
    height, width = motion.grid_size
    columns = (np.arange(width, dtype=np.float32) + 0.5) * np.float32(motion.width / width) - 0.5
    rows = (np.arange(height, dtype=np.float32) + 0.5) * np.float32(motion.height / height) - 0.5
    x, y = np.meshgrid(columns, rows)
    return x, y


def _through(distance: Field, displacement: Flow, points: tuple[Field, Field], motion: Motion) -> Field:
    """The annotation's distance where each point came from; what came from outside the picture counts as its edge."""
    x = points[0] + displacement[..., 0] * np.float32(motion.width / motion.grid_size[1])
    y = points[1] + displacement[..., 1] * np.float32(motion.height / motion.grid_size[0])
    return np.asarray(cv2.remap(distance, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)


def _box_around(coarse: Field, motion: Motion) -> tuple[int, int, int, int] | None:
    """The clip pixels round everything within MARGIN grid pixels of the coarse mask; None when there is no mask
    near."""
    cell_x, cell_y = motion.width / motion.grid_size[1], motion.height / motion.grid_size[0]
    near = (coarse > -MARGIN * max(cell_x, cell_y)).astype(np.uint8)
    column, row, width, height = cv2.boundingRect(near)
    if not width:
        return None
    top, left = max(0, int((row - 1) * cell_y)), max(0, int((column - 1) * cell_x))
    bottom = min(motion.height, int(np.ceil((row + height + 1) * cell_y)))
    right = min(motion.width, int(np.ceil((column + width + 1) * cell_x)))
    return top, left, bottom, right


def mask_of(tracked: TrackedFrame, height: int, width: int) -> Mask:
    """The whole frame's mask: uint8 (height, width) of 0 and 255."""
    mask = np.zeros((height, width), np.uint8)
    top, left, bottom, right = tracked.box
    mask[top:bottom, left:right] = (tracked.distance > 0) * np.uint8(255)
    return mask
