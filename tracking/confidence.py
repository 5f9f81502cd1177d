"""How sure are we of a tracked mask, and which frame should a person look at next? Used by propagate.py and
track.py."""

import numpy as np
import numpy.typing as npt

from tracking.plan import Stretch

Field = npt.NDArray[np.float32]

BORDER_BAND = 12.0
"""Clip pixels on both sides of the border within which trust counts."""


def carried(distance: Field, trust: Field) -> float:
    """Confidence 0..1 of a mask carried from one side: the trust round its border. Fields are (gh, gw)."""
    near = np.abs(distance) < BORDER_BAND
    return float(np.clip(trust[near].mean() if near.any() else trust.mean(), 0, 1)) * 0.9


def both_sides(distances: list[Field], trusts: list[Field]) -> float:
    """Confidence 0..1 of a mask carried from two sides: how well they agree (Dice), and their trust."""
    one, other = (distance > 0 for distance in distances)
    size = one.sum() + other.sum()
    agreement = 2 * float((one & other).sum()) / float(size) if size else 1.0
    trusted = max(carried(distance, trust) for distance, trust in zip(distances, trusts, strict=True))
    return agreement * (0.5 + 0.5 * trusted)


def cleared(stretch: Stretch) -> float:
    """Confidence 0..1 of frames without a mask: sure beside a verified empty frame, none where nobody looked at all."""
    return 1.0 if stretch.left_is_empty or stretch.right_is_empty else 0.0
