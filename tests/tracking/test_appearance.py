"""Does the look of inside and outside pull a border to where it belongs, and keep silent where it knows nothing?"""

import numpy as np

from tracking.appearance import Appearance, Field


def _distance(left: float) -> Field:
    """Signed distance to the inside, which begins at this column of a picture of 60×80."""
    columns = np.arange(80, dtype=np.float32)
    return np.tile(columns - np.float32(left), (60, 1))


def _picture(left: int, inside: int, outside: int) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 4, (60, 80, 3))
    plain = np.where(np.arange(80)[None, :, None] >= left, inside, outside)
    return np.clip(plain + noise, 0, 255).astype(np.uint8)


def test_a_border_that_slipped_is_pulled_back() -> None:
    appearance = Appearance([(_picture(40, 160, 60), _distance(39.5))])
    slipped = _distance(43.5)  # motion says that the inside begins four pixels too far right
    look = appearance.look(_picture(40, 160, 60), slipped)
    corrected = slipped + look
    assert appearance.weight > 0.5
    assert (corrected[5:-5, 41:] > 0).mean() > 0.95
    assert (corrected[5:-5, :39] < 0).mean() > 0.95


def test_inside_and_outside_alike_has_nothing_to_say() -> None:
    appearance = Appearance([(_picture(40, 90, 90), _distance(39.5))])
    assert appearance.weight < 0.1
    assert np.abs(appearance.look(_picture(40, 90, 90), _distance(43.5))).max() < 1


def test_too_small_a_mask_teaches_nothing() -> None:
    lonely = np.full((60, 80), -20, np.float32)
    lonely[30, 40] = 0.5
    appearance = Appearance([(_picture(40, 160, 60), lonely)])
    assert appearance.weight == 0
    assert not appearance.look(_picture(40, 160, 60), lonely).any()


def test_far_from_the_border_nothing_is_said() -> None:
    appearance = Appearance([(_picture(40, 160, 60), _distance(39.5))])
    look = appearance.look(_picture(10, 160, 60), _distance(39.5))
    assert not look[:, :30].any()
    assert look[5:-5, 34:38].min() > 0  # what looks like the inside near the border is drawn in


def test_a_sample_that_misses_the_inside_says_nothing() -> None:
    """Of a wide picture each eighth pixel is learnt from here: none of the ten that lie inside."""
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    distance = np.full((120, 160), -5.0, np.float32)
    distance[10:12, 1:6] = 0.5
    look = Appearance([(picture, distance)], is_wide=True)
    assert look.weight == look.explained == 0
