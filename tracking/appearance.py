"""Does this pixel look like the inside or like the outside? Learnt from a stretch's own annotations; used by
propagate.py.

A ridge regression on brightness, texture and colour round the annotated border says how deep inside a pixel looks. How
well it explains the annotations themselves decides how much it may say about the frames between: where inside and
outside look alike it is silent, and the motion alone decides.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tracking.clip import Picture

Field = npt.NDArray[np.float32]

BAND = 8.0
"""Grid pixels on both sides of the border that are learnt from and judged."""
SOFTNESS = 3.0
"""Grid pixels over which a border counts as undecided."""
WEIGHT = 0.2
"""How much the look counts against the motion, for each unit of (explained / unexplained variance) above SILENCE."""
SILENCE = 1.5
"""Explained / unexplained variance below which the look is not listened to."""
LOUDEST = 20.0
RIDGE = 0.01
SMALLEST_SAMPLE = 10
"""Pixels of the inside and of the outside that a model needs."""


class Appearance:
    """What one stretch's annotations look like. `weight` 0 means that it has nothing to say."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]]) -> None:
        """`annotated`: per annotation its picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels."""
        self.weight = 0.0
        rows, depths = [], []
        for picture, distance in annotated:
            near = np.abs(distance) < BAND
            rows.append(_looks(picture, near))
            depths.append(np.tanh(distance[near] / SOFTNESS))
        looks, depth = np.concatenate(rows), np.concatenate(depths)
        inside = depth > 0
        if min(inside.sum(), (~inside).sum()) < SMALLEST_SAMPLE:
            return
        self._mean, self._spread = looks.mean(axis=0), looks.std(axis=0) + 3
        terms = self._terms(looks)
        share = np.where(inside, 0.5 / inside.sum(), 0.5 / (~inside).sum()).astype(np.float32)
        weighted = (terms * share[:, None]).T
        self._coefficients = np.linalg.solve(
            (weighted @ terms).astype(np.float64) + RIDGE * np.eye(terms.shape[1]), (weighted @ depth).astype(np.float64)
        ).astype(np.float32)
        missed = float((share * (depth - terms @ self._coefficients) ** 2).sum())
        explained = max(0.0, float((share * depth * depth).sum()) - missed)
        self.weight = WEIGHT * max(0.0, min(LOUDEST, explained / (missed + 1e-3)) - SILENCE)

    def correction(self, picture: Picture, distance: Field) -> Field:
        """What to add to a frame's signed distance (gh, gw) in grid pixels, given its picture uint8 (gh, gw, 3)."""
        correction = np.zeros(distance.shape, np.float32)
        near = np.abs(distance) < BAND
        if self.weight and near.any():
            look = self._terms(_looks(picture, near)) @ self._coefficients
            correction[near] = SOFTNESS * self.weight * look
            correction = np.asarray(cv2.GaussianBlur(correction, (0, 0), 0.7), np.float32)
        return correction

    def _terms(self, looks: Field) -> Field:
        """Standardised looks, their products two by two, and 1."""
        z = np.clip((looks - self._mean) / self._spread, -4, 4)
        first, second = np.triu_indices(z.shape[1])
        ones = np.ones((len(z), 1), np.float32)
        return np.concatenate([z, z[:, first] * z[:, second], ones], axis=1, dtype=np.float32)


def _looks(picture: Picture, where: npt.NDArray[np.bool_]) -> Field:
    """Brightness at four scales, texture at two, and the two colour axes at three: (count, 12 or 6) of Lab values."""
    column, row, width, height = cv2.boundingRect(where.astype(np.uint8))
    top, left = max(0, row - RIM), max(0, column - RIM)
    part = np.ascontiguousarray(picture[top : row + height + RIM, left : column + width + RIM])
    where = where[top : row + height + RIM, left : column + width + RIM]
    lab = cv2.cvtColor(part, cv2.COLOR_BGR2LAB).astype(np.float32)
    light = lab[..., 0]
    blurred = [cv2.GaussianBlur(light, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0)]
    squares = [cv2.GaussianBlur(light * light, (0, 0), sigma) for sigma in (1.0, 2.0)]
    texture = [np.sqrt(np.maximum(square - mean * mean, 0)) for square, mean in zip(squares, blurred, strict=False)]
    colour = [cv2.GaussianBlur(lab[..., 1:], (0, 0), sigma) for sigma in (0.7, 2.0, 4.0)]
    columns = [image[where] for image in (light, *blurred, *texture)]
    return np.column_stack(columns + [image[where] for image in colour]).astype(np.float32)


RIM = 12
"""Grid pixels beyond the band that the widest blur sees."""
