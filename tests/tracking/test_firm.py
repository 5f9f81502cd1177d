"""Does a thing keep the outline that both its drawings share, and is nothing touched where they do not share one?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, masks_of, texture, write_annotations, write_frames
from tracking import firm
from tracking.firm import Field, Firm
from tracking.track import track

HEIGHT, WIDTH = 70, 100
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def _distance(mask: Array) -> Field:
    far = cv2.distanceTransform(mask, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    return np.clip(far - 0.5 * np.sign(far), -10, 10).astype(np.float32)


def _firm(*masks: Array) -> Firm:
    return Firm([(PICTURE, _distance(mask)) for mask in masks])


def _pulled(shared: Firm, mask: Array) -> Array:
    distance = _distance(mask)
    return ((distance + shared.pull(distance, 0.5) > 0) * 255).astype(np.uint8)


def test_what_colours_have_bitten_off_is_put_back() -> None:
    whole = disc(HEIGHT, WIDTH, 60, 40, 9)
    bitten = whole.copy()
    bitten[disc(HEIGHT, WIDTH, 67, 40, 4) > 0] = 0
    shared = _firm(disc(HEIGHT, WIDTH, 20, 20, 9), disc(HEIGHT, WIDTH, 85, 50, 9))
    assert shared.weight == 1
    assert dice(_pulled(shared, bitten), whole) > 0.97 > 0.93 > dice(bitten, whole)


def test_the_outline_is_that_of_the_moment_between_two_sizes() -> None:
    shared = _firm(disc(HEIGHT, WIDTH, 20, 30, 12), disc(HEIGHT, WIDTH, 80, 30, 12.5))
    assert shared.weight > 0.3
    distance = _distance(disc(HEIGHT, WIDTH, 50, 30, 12))
    near_first, near_second = (distance + shared.pull(distance, share) for share in (0.0, 1.0))
    assert float(near_second.sum()) > float(near_first.sum()) + 10


@pytest.mark.parametrize(
    "masks",
    [
        (disc(HEIGHT, WIDTH, 20, 30, 9),),
        (disc(HEIGHT, WIDTH, 20, 30, 9), disc(HEIGHT, WIDTH, 60, 30, 11)),
        (disc(HEIGHT, WIDTH, 20, 30, 9), disc(HEIGHT, WIDTH, 98, 30, 9)),
        (disc(HEIGHT, WIDTH, 20, 30, 1), disc(HEIGHT, WIDTH, 60, 30, 1)),
        (np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)),
        (np.full((HEIGHT, WIDTH), 255, np.uint8), np.full((HEIGHT, WIDTH), 255, np.uint8)),
    ],
    ids=["one drawing", "another size", "cut off by the picture", "next to nothing", "nothing", "everything"],
)
def test_silent_where_drawings_share_no_outline(masks: tuple[Array, ...]) -> None:
    shared = _firm(*masks)
    assert shared.weight == 0
    assert not shared.pull(_distance(disc(HEIGHT, WIDTH, 40, 30, 8)), 0.5).any()


def test_what_is_mostly_out_of_sight_is_not_put_back() -> None:
    shared = _firm(disc(HEIGHT, WIDTH, 20, 30, 9), disc(HEIGHT, WIDTH, 80, 30, 9))
    rest = disc(HEIGHT, WIDTH, 60, 40, 9)
    rest[:, 55:] = 0
    for mask in (rest, np.zeros_like(rest)):
        assert np.array_equal(_pulled(shared, mask), mask)


def test_what_hides_half_of_a_large_thing_goes_on_hiding_it() -> None:
    shared = _firm(disc(HEIGHT, WIDTH, 30, 35, 22), disc(HEIGHT, WIDTH, 70, 35, 22))
    half = disc(HEIGHT, WIDTH, 50, 35, 22)
    half[:, 56:] = 0
    assert not _pulled(shared, half)[:, 61:].any()


def test_what_the_picture_cuts_off_stays_as_it_is() -> None:
    shared = _firm(disc(HEIGHT, WIDTH, 20, 20, 9), disc(HEIGHT, WIDTH, 60, 50, 9))
    for x, y in ((0, 0), (99, 35), (50, 69), (1, 60)):
        there = disc(HEIGHT, WIDTH, x, y, 9)
        assert np.array_equal(_pulled(shared, there), there)


def _flight(count: int = 7) -> tuple[list[Array], list[Array]]:
    """A ball, blurred by its flight, before patches of its own two colours; frames (180×280) and masks."""
    ground = texture(180, 280, seed=3)
    patches = cv2.GaussianBlur(np.random.default_rng(5).normal(size=(180, 280)), (0, 0), 12)
    red, blue = np.array([0.5, 0.6, 1.7]), np.array([1.6, 0.8, 0.5])
    frames, masks = [], []
    for number in range(count):
        frame = ground[..., None] * np.where(patches[..., None] > 0, red, blue)
        for part in range(8):
            x = 30 + 34 * number + 2 * part
            ball = disc(180, 280, x, 90, 14)
            upper = np.arange(180)[:, None, None] < 90
            painted = np.roll(texture(180, 280, seed=9), x, axis=1)[..., None] * np.where(upper, red * 1.3, blue * 1.3)
            frame = np.where(ball[..., None] > 0, frame + (painted - frame) / (part + 1) ** 0.5, frame)
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
        masks.append(disc(180, 280, 30 + 34 * number + 7, 90, 14))
    return frames, masks


def test_a_ball_in_flight_before_its_own_colours_keeps_its_outline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, masks = _flight()
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: masks[0], 6: masks[6]})
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(firm, "ALIKE", (2.0, 3.0))
    track(clip, given, tmp_path / "without")
    found, without = (masks_of(tmp_path / name, 180, 280) for name in ("out", "without"))
    kept, lost = ([dice(each[number], masks[number]) for number in range(1, 6)] for each in (found, without))
    assert np.mean(kept) > 0.9 > np.mean(lost)
