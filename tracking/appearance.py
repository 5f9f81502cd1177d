"""Does this pixel look like the inside or like the outside? Learnt from a stretch's own annotations by propagate.py,
asked by sampling.py.

A ridge regression on brightness, texture and colour round the annotated border says how deep inside a pixel looks. How
well it explains the annotations themselves decides how much it may say about the frames between: where inside and
outside look alike it is silent, and the motion alone decides. It is listened to only where a pixel looks other than
the one it came from. A second, wide one, learnt from the whole pictures, is for spread.py.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tracking.clip import Picture

Field = npt.NDArray[np.float32]

BAND = 8.0
"""Grid pixels on both sides of the border that are learnt from and judged."""
SOFTNESS = 2.5
"""Grid pixels over which a border counts as undecided."""
WEIGHT = 0.1
"""How much the look counts against the motion, for each unit of (explained / unexplained variance) above SILENCE."""
SILENCE = 0.5
"""Explained / unexplained variance below which the look is not listened to."""
LOUDEST = 20.0
RIDGE = 0.01
SCALES = (1.0, 2.0, 4.0)
"""Grid pixels (Gaussian sigma) over which brightness is taken."""
TEXTURES = (1.0, 2.0)
"""Those over which its spread is taken too."""
WIDE_TEXTURES = SCALES
RIM = 12
"""Grid pixels beyond the band that the widest blur sees."""
SAMPLE = 2500
"""About how many pixels are learnt from."""
ONE_THREAD = 2**18
"""Multiplications beyond which OpenBLAS takes a second thread."""
SMALLEST_SAMPLE = 10
"""Pixels of the inside and of the outside that a model needs."""


class Appearance:
    """What one stretch's annotations look like. `weight` 0 means that it has nothing to say."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]], is_wide: bool = False) -> None:
        """`annotated`: each one's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels. Learnt
        near the border, or, when `is_wide`, from whole pictures and from wider texture too."""
        self.weight = self.explained = 0.0
        self._textures = WIDE_TEXTURES if is_wide else TEXTURES
        band = np.inf if is_wide else BAND
        rows, depths = [], []
        for picture, distance in annotated:
            near = np.abs(distance) < band
            rows.append(_looks(picture, near, self._textures))
            depths.append(np.tanh(distance[near] / SOFTNESS))
        looks, depth = np.concatenate(rows), np.concatenate(depths)
        inside = depth > 0
        if min(inside.sum(), (~inside).sum()) < SMALLEST_SAMPLE:
            return
        thin = slice(None, None, 1 + len(looks) // SAMPLE)
        looks, depth, inside = looks[thin], depth[thin], inside[thin]
        if inside.all() or not inside.any():
            return
        self._mean, self._spread = looks.mean(axis=0), looks.std(axis=0) + 3
        z = self._standardised(looks)
        rows_, columns_ = np.triu_indices(z.shape[1])
        terms = np.concatenate([np.ones((len(z), 1), np.float32), z, z[:, rows_] * z[:, columns_]], axis=1)
        share = np.where(inside, 0.5 / inside.sum(), 0.5 / (~inside).sum()).astype(np.float32)
        known = np.column_stack([terms, depth]).astype(np.float32)
        products = _gram(terms * share[:, None], known).astype(np.float64)
        normal = products[:, :-1] + RIDGE * np.eye(terms.shape[1])
        found = cv2.solve(normal, products[:, -1], flags=cv2.DECOMP_CHOLESKY)[1].ravel().astype(np.float32)
        self._constant, self._linear = found[0], found[1 : 1 + z.shape[1]]
        self._squares = np.zeros((z.shape[1], z.shape[1]), np.float32)
        self._squares[rows_, columns_] = found[1 + z.shape[1] :]
        missed = float((share * (depth - self._depth(z)) ** 2).sum())
        variance = float((share * depth * depth).sum())
        explained = max(0.0, variance - missed)
        self.explained = explained / variance
        self.weight = WEIGHT * max(0.0, min(LOUDEST, explained / (missed + 1e-3)) - SILENCE)

    def look(self, picture: Picture, distance: Field) -> Field:
        """How deep inside a frame's pixels look, in grid pixels times `weight`, near the border given by its signed
        distance (gh, gw); 0 elsewhere. `picture`: uint8 (gh, gw, 3)."""
        look = np.zeros(distance.shape, np.float32)
        near = np.abs(distance) < BAND
        if self.weight and near.any():
            look[near] = SOFTNESS * self.weight * self._depth(self._standardised(_looks(picture, near, self._textures)))
        return look

    def everywhere(self, picture: Picture, step: int) -> Field:
        """How deep inside each `step`-th pixel of a picture, uint8 (rows, columns, 3), looks, both ways, beginning at
        the first: -1 outside .. 1 inside."""
        where = np.zeros(picture.shape[:2], np.bool_)
        where[::step, ::step] = True
        depth = self._depth(self._standardised(_looks(picture, where, self._textures)))
        return np.asarray(np.clip(depth, -1, 1).reshape(where[::step, ::step].shape), np.float32)

    def _standardised(self, looks: Field) -> Field:
        return np.asarray(np.clip((looks - self._mean) / self._spread, -4, 4), np.float32)

    def _depth(self, z: Field) -> Field:
        """How deep inside pixels of these standardised looks (count, looks) seem, about -1..1."""
        inner = in_pieces(z, self._squares) + self._linear
        return np.asarray(self._constant + (inner * z).sum(axis=1), np.float32)


def in_pieces(one: Field, other: Field) -> Field:
    """Matrix product (count, looks) of (count, looks) and (looks, looks), in pieces so small that BLAS stays on one
    thread: more would fight with other workers for the cores."""
    rows = ONE_THREAD // other.size
    return np.concatenate([one[first : first + rows] @ other for first in range(0, len(one), rows)])


def ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of `ends`, 1 from the second on, straight between."""
    return min(1.0, max(0.0, (value - ends[0]) / (ends[1] - ends[0])))


def lab(picture: Picture) -> Picture:
    """Lab values 0..255, uint8 (rows, columns, 3), of a picture, uint8 (rows, columns, 3) BGR."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_BGR2LAB), np.uint8)


def _gram(one: Field, other: Field) -> Field:
    """Product of `one` transposed and `other`, both (count, terms), in pieces so small that numpy's BLAS stays on one
    thread, and much quicker than OpenCV's."""
    rows = ONE_THREAD // (one.shape[1] * other.shape[1])
    total = np.zeros((one.shape[1], other.shape[1]), np.float32)
    for first in range(0, len(one), rows):
        piece = slice(first, first + rows)
        total += one[piece].T @ other[piece]
    return total


def _looks(picture: Picture, where: npt.NDArray[np.bool_], textures: Sequence[float]) -> Field:
    """Brightness at four scales, texture at those given, and the two colour axes at three: (count, looks), of Lab
    values."""
    column, row, width, height = cv2.boundingRect(where.astype(np.uint8))
    top, left = max(0, row - RIM), max(0, column - RIM)
    part = np.ascontiguousarray(picture[top : row + height + RIM, left : column + width + RIM])
    where = where[top : row + height + RIM, left : column + width + RIM]
    values = lab(part).astype(np.float32)
    light, colours = np.ascontiguousarray(values[..., 0]), np.ascontiguousarray(values[..., 1:])
    square = light * light
    blurred = [cv2.GaussianBlur(light, (0, 0), sigma) for sigma in SCALES]
    squares = [cv2.GaussianBlur(square, (0, 0), sigma) for sigma in textures]
    texture = [np.sqrt(np.maximum(square - mean * mean, 0)) for square, mean in zip(squares, blurred, strict=False)]
    colour = [cv2.GaussianBlur(colours, (0, 0), sigma) for sigma in (0.7, 2.0, 4.0)]
    places = np.flatnonzero(where)
    planes = [light, *blurred, *texture, *(plane for image in colour for plane in cv2.split(image))]
    return np.stack([plane.ravel().take(places) for plane in planes], axis=1)
