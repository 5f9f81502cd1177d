"""Which pixels do MD.ai's polygons cover? Turns the `data` of an exported annotation into a mask; the server calls it.

The pixel rule is that of MD.ai's own SDK: coordinates are cut to whole pixels towards zero, a polygon covers what
`cv2.fillPoly` covers (its inside by the even-odd rule, and every pixel its outline touches), the foreground is filled
first and the background cleared after it. The SDK stops there and so loses an island inside a hole; here a foreground
polygon that lies in a hole of another one is filled after that hole was cut, then its own holes are cut, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_MAX_SIDE = 16_383  # the largest WebP
_MAX_COORDINATE = 1 << 20
_MAX_POLYGONS = 20_000
_MAX_NESTED = 2_000  # finding out what lies in what is quadratic
_MAX_NESTED_PIXELS = 1 << 28
_MAX_POINTS = 2_000_000

Points = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class PolygonError(ValueError):
    """Annotation data that cannot be drawn. `code` is stable, `message` one sentence without values."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def rasterise(data: Mapping[str, Any] | None, width: int, height: int) -> Mask:
    """The mask of one annotation, (H, W) bool, True inside.

    data: MD.ai's `data`: {"vertices": polygon}, or {"foreground": [polygon…], "background": [polygon…]}, or None for
    an empty frame. A polygon is [[x, y], …] or flat [x, y, x, y, …], in pixels, x to the right and y down, (0, 0)
    being the upper left pixel. Points outside the picture are fine, the polygon is clipped; one point or two give a
    dot or a line; no points give nothing.
    Raises PolygonError: SIZE_INVALID, ANNOTATION_SHAPE_UNKNOWN, POLYGON_INVALID, POLYGONS_TOO_MANY.
    """
    if not all(type(side) is int and 0 < side <= _MAX_SIDE for side in (width, height)):
        raise PolygonError("SIZE_INVALID", "A picture has an impossible size.")
    mask = np.zeros((height, width), np.uint8)
    for value, points in _in_drawing_order(data, width, height):
        cv2.fillPoly(mask, [points], value)
    return mask.astype(bool)


def _in_drawing_order(data: Mapping[str, Any] | None, width: int, height: int) -> list[tuple[int, Points]]:
    """(1 to fill or 0 to clear, points) of every polygon."""
    if data is None:
        return []
    if not isinstance(data, Mapping):
        raise PolygonError("ANNOTATION_SHAPE_UNKNOWN", "An annotation's data is no object.")
    if data.get("vertices") is not None:
        polygons = _polygons([data["vertices"]])
        return [(1, polygon) for polygon in polygons]
    if "foreground" not in data and "background" not in data:
        raise PolygonError("ANNOTATION_SHAPE_UNKNOWN", "An annotation has neither vertices nor a mask's polygons.")
    return _by_level(_polygons(data.get("foreground")), _polygons(data.get("background")), width, height)


def _polygons(value: Any) -> list[Points]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise PolygonError("POLYGON_INVALID", "An annotation's polygons are no list.")
    if len(value) > _MAX_POLYGONS or sum(len(p) for p in value if isinstance(p, list | tuple)) > _MAX_POINTS:
        raise PolygonError("POLYGONS_TOO_MANY", "An annotation has more polygons or points than can be real.")
    polygons = [_polygon(polygon) for polygon in value]
    return [points for points in polygons if len(points)]


def _polygon(value: Any) -> Points:
    """(N, 2) int32 of one polygon's x and y."""
    if not isinstance(value, list | tuple):
        raise PolygonError("POLYGON_INVALID", "A polygon is no list of points.")
    if value and all(isinstance(point, list | tuple) for point in value):
        if any(len(point) != 2 for point in value):
            raise PolygonError("POLYGON_INVALID", "A polygon has a point that is not x and y.")
        value = [number for point in value for number in point]
    if len(value) % 2:
        raise PolygonError("POLYGON_INVALID", "A polygon has an x without a y.")
    return np.array([_coordinate(number) for number in value], np.int32).reshape(-1, 2)


def _coordinate(value: Any) -> int:
    if type(value) not in (int, float) or not abs(value) <= _MAX_COORDINATE:  # NaN is not
        raise PolygonError("POLYGON_INVALID", "A polygon has a coordinate that cannot be one.")
    return int(value)  # towards zero, as the SDK does


@dataclass
class _Shape:
    """One polygon with what is needed to see whether it lies in another one: its pixels, in its box in the picture."""

    value: int
    points: Points
    x: int
    y: int
    pixels: npt.NDArray[np.uint8]
    area: int
    level: int = 0


def _by_level(foreground: list[Points], background: list[Points], width: int, height: int) -> list[tuple[int, Points]]:
    """Foreground, then background, then the islands that lie in holes, then the holes in those, and so on."""
    plain = [(1, points) for points in foreground] + [(0, points) for points in background]
    if not background or len(foreground) < 2:
        return plain
    shapes = sorted(_shapes(plain, width, height), key=lambda shape: -shape.area)
    holes: list[_Shape] = []
    solids: list[_Shape] = []
    for shape in shapes:  # what may contain a shape is larger, so its level is known by now
        if shape.value:
            shape.level = max((hole.level + 1 for hole in holes if _contains(hole, shape)), default=0)
            solids.append(shape)
            continue
        around = [solid.level for solid in solids if _contains(solid, shape)]
        if around:  # a background polygon in no foreground is no hole: nothing in it is an island
            shape.level = max(around)
            holes.append(shape)
    ordered = sorted(shapes, key=lambda shape: (shape.level, -shape.value))
    return [(shape.value, shape.points) for shape in ordered]


def _shapes(plain: list[tuple[int, Points]], width: int, height: int) -> list[_Shape]:
    """The polygons that touch the picture."""
    boxes = [_box(points, width, height) for _, points in plain]
    pixels = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    if len(plain) > _MAX_NESTED or pixels > _MAX_NESTED_PIXELS:
        raise PolygonError("POLYGONS_TOO_MANY", "A mask has more holes and islands than can be real.")
    shapes = []
    for (value, points), (left, top, right, bottom) in zip(plain, boxes, strict=True):
        if right > left and bottom > top:
            box = np.zeros((bottom - top, right - left), np.uint8)
            cv2.fillPoly(box, [points - np.array([left, top], np.int32)], 1)
            shapes.append(_Shape(value, points, left, top, box, int(box.sum())))
    return shapes


def _box(points: Points, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a polygon, clipped to the picture; right and bottom are one beyond."""
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    left, top = max(left, 0), max(top, 0)
    return left, top, max(left, min(right + 1, width)), max(top, min(bottom + 1, height))


def _contains(outer: _Shape, inner: _Shape) -> bool:
    """Whether every pixel of inner is one of outer, and outer has more."""
    x, y = inner.x - outer.x, inner.y - outer.y
    height, width = inner.pixels.shape
    if inner.area >= outer.area or x < 0 or y < 0:
        return False
    if y + height > outer.pixels.shape[0] or x + width > outer.pixels.shape[1]:
        return False
    return bool((outer.pixels[y : y + height, x : x + width] >= inner.pixels).all())
