"""Where exactly, between two grid pixels, does the border lie? Asked by sampling.py last of all, at the size of the
mask.

Near a border, which side a pixel is on is taken for a straight-line function of its colour, found anew round each place
of the grid (a guided filter: He, Sun and Tang 2010) and read at the finer picture: so the border goes where colours
change. How far it is followed depends on how well looks explain the annotations, and on whether following them would
have kept these where they were drawn. Hand-drawn borders in grey speckle do not lie where it is brightest; there this
is silent.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import lab, ramp
from tracking.clip import Picture

Field = npt.NDArray[np.float32]

NEIGHBOURHOOD = 1.5
"""Grid pixels (Gaussian sigma) within which one straight line tells the sides apart."""
SOFTNESS = 1.5
"""Grid pixels over which a border counts as undecided."""
NOISE = 3.0
"""Variance of Lab values (0..255) that is taken for noise, not for an edge."""
BAND = 4.0
"""Grid pixels from the border within which it may be moved, ever less far from halfway on."""
CLEAREST = 0.97
"""How sure a colour can make of a side, of 1."""
EXPLAINED = 0.75, 0.9
"""Share of variance by which looks explain the annotations near their borders, at which edges are not followed at all,
and wholly: in grey speckle .5 to .7."""
KEPT = 0.86, 0.92
"""The same for the share of the annotations themselves, within NEAR of their borders, that following edges keeps."""
NEAR = 3.0


def strength(annotated: Sequence[tuple[Picture, Field]], explained: float) -> float:
    """How far edges are to be followed, 0..1, in a stretch with these annotations: each one's picture, uint8
    (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels; `explained` near their borders (appearance.py)."""
    found = ramp(explained, EXPLAINED)
    return found * ramp(min(_kept(*each) for each in annotated), KEPT) if found else 0.0


def _kept(picture: Picture, distance: Field) -> float:
    """Share of the variance of sides near an annotated border that remains when they are told by colours."""
    near = np.abs(distance) < NEAR
    if not near.any():
        return 0.0
    side = np.tanh(distance / SOFTNESS)
    lost = ((_side(lab(picture).astype(np.float32), lines(picture, distance)) - side)[near] ** 2).mean()
    return 1 - float(lost / (side[near].var() + 1e-6))


def lines(picture: Picture, distance: Field) -> Field:
    """At each pixel, the straight line that leads from colours round it to sides, -1 outside .. 1 inside: float32
    (rows, columns, 4), slopes by Lab's three axes and constant.

    `picture`: uint8 (rows, columns, 3) BGR; `distance`: signed, in grid pixels, (rows, columns).
    """
    axes = [np.asarray(axis, np.float32) for axis in cv2.split(lab(picture))]
    side = np.tanh(distance / SOFTNESS)
    means, mean_side = [_near(axis) for axis in axes], _near(side)
    shared = [_near(axis * side) - mean * mean_side for axis, mean in zip(axes, means, strict=True)]
    (a, b, c), (d, e), (f,) = (
        [
            _near(axes[i] * axes[j]) - means[i] * means[j] + (np.float32(NOISE) if i == j else np.float32(0))
            for j in range(i, 3)
        ]
        for i in range(3)
    )
    # The inverse of the symmetric matrix [[a, b, c], [b, d, e], [c, e, f]], by cofactors.
    inverse = (
        (d * f - e * e, c * e - b * f, b * e - c * d),
        (c * e - b * f, a * f - c * c, b * c - a * e),
        (b * e - c * d, b * c - a * e, a * d - b * b),
    )
    whole = a * inverse[0][0] + b * inverse[0][1] + c * inverse[0][2]
    slopes = [sum(part * of for part, of in zip(row, shared, strict=True)) / whole for row in inverse]
    constant = mean_side - sum(slope * mean for slope, mean in zip(slopes, means, strict=True))
    return _near(np.asarray(cv2.merge([*slopes, constant]), np.float32))


def to_edge(distance: Field, colours: Field, told: Field) -> Field:
    """What to add to a signed `distance` in grid pixels, (rows, columns), so that the border follows colours, Lab
    (rows, columns, 3), by what their lines (rows, columns, 4) tell of them."""
    found = SOFTNESS * np.arctanh(np.clip(_side(colours, told), -CLEAREST, CLEAREST))
    near = np.clip(2 - 2 * np.abs(distance) / BAND, 0, 1)
    return np.asarray(near * np.clip(found - distance, -BAND, BAND), np.float32)


def _side(colours: Field, told: Field) -> Field:
    return np.asarray((told[..., :3] * colours).sum(axis=2) + told[..., 3], np.float32)


def _near(values: Field) -> Field:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD), np.float32)
