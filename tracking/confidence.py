"""How sure are we of a tracked mask, and which frame should a person look at next? Used by propagate.py and
track.py."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tracking.plan import Stretch

Field = npt.NDArray[np.float32]

BAND = 3.0
"""Grid pixels on both sides of the border within which likeness counts."""
UNOPPOSED = 0.2
"""A mask from one side alone counts as if the other side had disagreed on this share of it."""
LEAST_UNLIKE, LEAST_APART = 0.02, 0.05
"""Added to these reasons to doubt: neither alone makes a mask certain."""
LEAST_BORDER = 0.25
"""Grid pixels of border for each root of a grid pixel of area, at least: a circle has 3.5."""
SCALE = 0.85


def expected_dice(distance: Field, corrected: Field, likeness: Field, sides: Sequence[Field]) -> float:
    """Confidence 0..1: the Dice to be expected of a tracked mask.

    `distance`: the blended signed distance; `corrected`: the same with all that looks and colours correct;
    `sides`: each side's own (one or two); all (gh, gw) in grid pixels, positive inside. `likeness`: (gh, gw) -1..1, how
    much the frame looks like the annotated pictures.

    The expected loss is the root of the product of three reasons to doubt: unlikeness round the border; the length of
    border for each bit of area (small, thin, frayed and undecided masks lose more by the same slip); and the share of
    the mask that is disputed, by the other side and by corrections.
    """
    near = np.abs(distance) < BAND
    unlike = 1 - (float(likeness[near].mean()) if near.any() else float(likeness.mean()))
    slender = _slenderness(corrected)
    apart = 1 - _agreement(sides[0] > 0, sides[1] > 0) if len(sides) == 2 else UNOPPOSED
    apart += 1 - _agreement(distance > 0, corrected > 0)
    loss = SCALE * ((unlike + LEAST_UNLIKE) * slender * (apart + LEAST_APART)) ** 0.5
    return float(np.clip(1 - loss, 0, 1))


def _slenderness(distance: Field) -> float:
    """Grid pixels within one of the border for each grid pixel of area, 0..1: 1 where no mask is left to have any. More
    where it is undecided on which side they lie."""
    area = float((distance > 0).sum())
    border = float((np.abs(distance) < 1).sum()) / 2
    return min(1.0, max(border, LEAST_BORDER * area**0.5) / area) if area else 1.0


def _agreement(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """Dice of two masks, 1 when both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / size if size else 1.0


def cleared(stretch: Stretch) -> float:
    """Confidence 0..1 of frames without a mask: sure beside a verified empty frame, none where nobody looked at all."""
    return 1.0 if stretch.left_is_empty or stretch.right_is_empty else 0.0
