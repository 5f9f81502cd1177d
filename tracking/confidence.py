"""How sure are we of a tracked mask, and which frame should a person look at next? Used by propagate.py and
track.py."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tracking.plan import Stretch

Field = npt.NDArray[np.float32]

BAND = 3.0
"""Grid pixels on both sides of the border within which likeness counts."""
UNOPPOSED = 0.23
"""A mask from one side alone counts as if the other side had disagreed on this share of it."""


def expected_dice(distance: Field, likeness: Field, sides: Sequence[Field]) -> float:
    """Confidence 0..1: the Dice to be expected of a tracked mask.

    `distance`: the blended signed distance; `sides`: each side's own (one or two); all (gh, gw) in grid pixels,
    positive inside. `likeness`: (gh, gw) -1..1, how much the frame looks like the annotated pictures.

    The expected loss grows with unlikeness round the border, with the length of border for each bit of area (small and
    thin masks lose more by the same slip), and with what the two sides disagree about. Exponents and factor are a fit
    of true loss on the development sequences (docs/tracking.md).
    """
    near = np.abs(distance) < BAND
    alike = float(likeness[near].mean()) if near.any() else float(likeness.mean())
    border = float((np.abs(distance) < 1).sum()) / 2
    slenderness = border / max(1.0, float((distance > 0).sum()))
    apart = 1 - _agreement(sides[0] > 0, sides[1] > 0) if len(sides) == 2 else UNOPPOSED
    loss = 0.4 * (1.02 - alike) ** 0.55 * min(1.0, max(0.01, slenderness)) ** 0.32 * (apart + 0.02) ** 0.16
    return float(np.clip(1 - loss, 0, 1))


def _agreement(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """Dice of two masks, 1 when both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / size if size else 1.0


def cleared(stretch: Stretch) -> float:
    """Confidence 0..1 of frames without a mask: sure beside a verified empty frame, none where nobody looked at all."""
    return 1.0 if stretch.left_is_empty or stretch.right_is_empty else 0.0
