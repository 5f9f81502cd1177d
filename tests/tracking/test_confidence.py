"""Does confidence fall when there is more reason to doubt?"""

import numpy as np

from tracking.confidence import Field, expected_dice


def _disc(radius: float, column: float = 40) -> Field:
    rows, columns = np.mgrid[0:60, 0:80].astype(np.float32)
    return np.asarray(radius - np.hypot(rows - 30, columns - column), np.float32)


def _alike(value: float) -> Field:
    return np.full((60, 80), value, np.float32)


def _sure(distance: Field, likeness: Field, sides: list[Field]) -> float:
    """Confidence where nothing is corrected."""
    return expected_dice(distance, distance, likeness, sides)


def test_agreement_and_likeness_are_trusted() -> None:
    disc = _disc(15)
    assert _sure(disc, _alike(1.0), [disc, disc]) > 0.95


def test_doubt_grows_with_each_reason() -> None:
    disc, small = _disc(15), _disc(5)
    sure = _sure(disc, _alike(0.9), [disc, disc])
    assert _sure(disc, _alike(0.5), [disc, disc]) < sure
    assert _sure(disc, _alike(0.9), [disc, _disc(15, 46)]) < sure
    assert _sure(disc, _alike(0.9), [disc]) < sure
    assert _sure(small, _alike(0.9), [small, small]) < sure
    assert expected_dice(disc, _disc(17), _alike(0.9), [disc, disc]) < sure


def test_a_mask_that_corrections_fray_is_doubted_more_than_one_they_grow() -> None:
    disc = _disc(15)
    frayed = disc + 3 * np.sin(np.arange(80, dtype=np.float32) * 2)
    grown = _disc(17)
    assert _sure(frayed, _alike(0.9), [disc]) < _sure(grown, _alike(0.9), [disc])
    assert expected_dice(disc, frayed, _alike(0.9), [disc]) < expected_dice(disc, grown, _alike(0.9), [disc])


def test_only_likeness_near_the_border_counts() -> None:
    disc, likeness = _disc(15), _alike(0.9)
    likeness[:, :5] = -1
    assert _sure(disc, likeness, [disc]) == _sure(disc, _alike(0.9), [disc])


def test_no_mask_at_all_still_has_a_confidence() -> None:
    nothing = np.full((60, 80), -9, np.float32)
    assert 0 <= _sure(nothing, _alike(-1), [nothing]) < 0.9
    assert 0 <= _sure(nothing, _alike(-1), [nothing, nothing]) <= 1


def test_tiny_mask_with_sharp_sides_is_not_sure() -> None:
    sharp = np.where(_disc(3) > 0, 5, -5).astype(np.float32)
    assert _sure(sharp, _alike(0.6), [sharp]) < 0.95
