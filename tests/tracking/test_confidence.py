"""Does confidence fall when there is more reason to doubt?"""

import numpy as np

from tracking.confidence import Field, expected_dice


def _disc(radius: float, column: float = 40) -> Field:
    rows, columns = np.mgrid[0:60, 0:80].astype(np.float32)
    return np.asarray(radius - np.hypot(rows - 30, columns - column), np.float32)


def _alike(value: float) -> Field:
    return np.full((60, 80), value, np.float32)


def test_agreement_and_likeness_are_trusted() -> None:
    disc = _disc(15)
    assert expected_dice(disc, _alike(1.0), [disc, disc]) > 0.95


def test_doubt_grows_with_each_reason() -> None:
    disc, small = _disc(15), _disc(5)
    sure = expected_dice(disc, _alike(0.9), [disc, disc])
    assert expected_dice(disc, _alike(0.5), [disc, disc]) < sure
    assert expected_dice(disc, _alike(0.9), [disc, _disc(15, 46)]) < sure
    assert expected_dice(disc, _alike(0.9), [disc]) < sure
    assert expected_dice(small, _alike(0.9), [small, small]) < sure


def test_only_likeness_near_the_border_counts() -> None:
    disc, likeness = _disc(15), _alike(0.9)
    likeness[:, :5] = -1
    assert expected_dice(disc, likeness, [disc]) == expected_dice(disc, _alike(0.9), [disc])


def test_no_mask_at_all_still_has_a_confidence() -> None:
    nothing = np.full((60, 80), -9, np.float32)
    assert 0 <= expected_dice(nothing, _alike(-1), [nothing]) < 0.9
    assert 0 <= expected_dice(nothing, _alike(-1), [nothing, nothing]) <= 1
