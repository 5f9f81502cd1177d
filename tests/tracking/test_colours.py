"""Do colours near an annotated border say where it lies on other frames? And are they silent where they cannot know?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, masks_of, texture, write_annotations, write_frames
from tracking import propagate, sampling
from tracking.colours import Field, LocalColours, Palette, likelier_inside
from tracking.motion import Motion
from tracking.track import track

HEIGHT, WIDTH = 60, 80
RED, BLUE = (40, 40, 200), (200, 60, 40)


def _painted(inside: Array, one: tuple[int, int, int], other: tuple[int, int, int], seed: int = 0) -> Array:
    """A picture of one colour inside and another outside, both with the same lively light."""
    light = texture(*inside.shape, seed=seed).astype(np.float32)[..., None] / 128
    return np.clip(np.where(inside[..., None] > 0, one, other) * light, 0, 255).astype(np.uint8)


def _distance(inside: Array) -> Field:
    """Signed distance to the border, about +.5 just inside and -.5 just outside."""
    far = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - inside, cv2.DIST_L2, 5)
    return np.asarray(far - 0.5 * np.sign(far), np.float32)


def _told(memory: LocalColours, picture: Array) -> Field:
    """What is told of a picture seen in place, without any movement."""
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    return likelier_inside(memory.found(memory.palette.indices(picture), columns, rows))


def _memory(picture: Array, inside: Array) -> LocalColours:
    distance = _distance(inside)
    return LocalColours(Palette([(picture, distance)]), picture, distance, lambda: _twice(picture))


def _twice(picture: Array) -> Array:
    return np.asarray(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.uint8)


def test_another_shape_of_the_same_colours_is_recognised() -> None:
    before, after = disc(HEIGHT, WIDTH, 40, 30, 12), disc(HEIGHT, WIDTH, 45, 27, 15)
    memory = _memory(_painted(before, RED, BLUE), before)
    told = _told(memory, _painted(after, RED, BLUE, seed=1))
    assert memory.weight == 1
    changed = (before != after) & (np.abs(_distance(after)) > 1)
    assert changed.sum() > 200
    assert np.array_equal(told[changed] > 0.5, after[changed] > 0)


def test_a_colour_that_only_the_other_annotation_shows_is_no_trouble() -> None:
    """Palettes are made of both annotations: one of them may show nothing that is even like an entry."""
    inside = disc(HEIGHT, WIDTH, 40, 30, 12)
    distance = _distance(inside)
    green, white, black, red = (0, 255, 0), (255, 255, 255), (0, 0, 0), (0, 0, 255)
    one, other = _painted(inside, green, white), _painted(inside, black, red)
    palette = Palette([(one, distance), (other, distance)])
    for picture, unseen in ((one, other), (other, one)):
        told = _told(LocalColours(palette, picture, distance, lambda picture=picture: _twice(picture)), unseen)
        assert np.isfinite(told).all()


def test_a_colour_may_mean_inside_here_and_outside_there() -> None:
    inside = np.zeros((HEIGHT, 2 * WIDTH), np.uint8)
    inside[20:40, 20:140] = 255
    left, right = _painted(inside, RED, BLUE), _painted(inside, BLUE, RED)
    picture = np.where(np.arange(2 * WIDTH)[:, None] < WIDTH, left, right)
    memory = _memory(picture, inside)
    assert memory.weight == 1
    told = _told(memory, picture)
    for side in (np.s_[:, 30:60], np.s_[:, 100:130]):
        assert dice((told[side] > 0).astype(np.uint8), inside[side]) > 0.95


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.55, 0.8, 1.0)], ids=["grey", "sepia"])
def test_grey_pictures_tell_nothing(tint: tuple[float, float, float]) -> None:
    inside = disc(HEIGHT, WIDTH, 40, 30, 12)
    bright, dark = ((int(level * tint[0]), int(level * tint[1]), int(level * tint[2])) for level in (150, 60))
    assert _memory(_painted(inside, bright, dark), inside).weight == 0


def test_colours_that_do_not_end_at_the_border_tell_nothing() -> None:
    inside = disc(HEIGHT, WIDTH, 40, 30, 12)
    speckle = texture(HEIGHT, WIDTH, seed=7)
    picture = _painted(((speckle > 128) * 255).astype(np.uint8), RED, BLUE)
    assert Palette([(picture, _distance(inside))]).colourful == 1
    assert _memory(picture, inside).weight == 0


@pytest.mark.parametrize("inside", [np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8), disc(8, 8, 4, 4, 0.6)])
def test_masks_of_nothing_of_everything_and_of_one_pixel_are_taken(inside: Array) -> None:
    assert 0 <= _memory(_painted(disc(8, 8, 4, 4, 2), RED, BLUE), inside).weight <= 1


def test_the_same_pictures_give_the_same_palette() -> None:
    inside = disc(HEIGHT, WIDTH, 40, 30, 12)
    seen = [(_painted(inside, RED, BLUE), _distance(inside))]
    cv2.setRNGSeed(99)
    one = Palette(seen).colours
    cv2.setRNGSeed(100)
    assert np.array_equal(one, Palette(seen).colours)


def test_a_limb_that_flow_cannot_know_of_is_marked_by_its_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red before blue on the left, blue before red on the right: no one rule for all of the border explains that."""
    height, width = 180, 240
    short = disc(height, width, 100, 90, 40)
    short[84:96, 100:165] = 255
    long = short.copy()
    long[84:96, 100:190] = 255
    left = np.arange(width)[:, None] < 100
    frames = [np.where(left, _painted(mask, RED, BLUE), _painted(mask, BLUE, RED)) for mask in (short, long, long)]
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: short})
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(sampling, "COLOUR_STEP", 0.0)
    track(clip, given, tmp_path / "without")
    limb = np.s_[70:110, 165:200]
    found, without = (masks_of(tmp_path / name, height, width)[2] for name in ("out", "without"))
    assert dice(found[limb], long[limb]) > 0.97 > 0.92 > dice(without[limb], long[limb])


def test_fingers_as_narrow_as_a_grid_pixel_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    height, width = 180, 240
    fist = disc(height, width, 90, 90, 30)
    hand = fist.copy()
    for row in range(66, 116, 9):
        hand[row : row + 2, 90:130] = 255
    clip = write_frames(tmp_path / "clip", [_painted(mask, RED, BLUE) for mask in (fist, hand, hand)])
    given = write_annotations(tmp_path / "given", {0: fist})
    monkeypatch.setattr(propagate, "strength", lambda annotated, explained: 0.0)  # edges would mend some of it
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(Motion, "fine_picture", lambda self, number: _twice(self.grid_picture(number)))
    track(clip, given, tmp_path / "without")
    fingers = np.s_[60:122, 122:125]
    found, without = (masks_of(tmp_path / name, height, width)[2] for name in ("out", "without"))
    assert dice(found[fingers], hand[fingers]) > 0.76 > 0.72 > dice(without[fingers], hand[fingers])


def test_an_annotation_too_small_to_remember_colours_is_no_trouble(tmp_path: Path) -> None:
    """Of its one pixel nothing is left on the grid, while the other annotation's colours are asked for."""
    height, width = 360, 480
    shown = disc(height, width, 200, 180, 60)
    pixel = np.zeros_like(shown)
    pixel[180, 200] = 255
    clip = write_frames(tmp_path / "clip", [_painted(shown, RED, BLUE, seed) for seed in range(4)])
    track(clip, write_annotations(tmp_path / "given", {0: shown, 3: pixel}), tmp_path / "out")
    found = masks_of(tmp_path / "out", height, width)
    assert dice(found[1], shown) > 0.9
    assert np.array_equal(found[3], pixel)


def test_what_was_hidden_is_marked_where_it_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    height, width = 240, 320
    shown = [disc(height, width, x, 120, 24) for x in (90, 170)]
    ground = _painted(np.zeros((height, width), np.uint8), RED, BLUE, seed=3)
    frames = [_painted(shown[0], RED, BLUE, seed=3), ground, _painted(shown[1], RED, BLUE, seed=3)]
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: shown[0]})
    # Without finding it again as a whole, which would do alone.
    monkeypatch.setattr(propagate, "_things", lambda stretch, seen, palette: [None] * len(seen))
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(sampling, "FAR_RIM", sampling.RIM)
    track(clip, given, tmp_path / "without")
    found, without = (masks_of(tmp_path / name, height, width) for name in ("out", "without"))
    assert (found[1] > 0).sum() < 0.05 * (shown[0] > 0).sum()
    assert dice(found[2], shown[1]) > 0.9 > 0.5 > dice(without[2], shown[1])


def test_a_changed_annotation_redoes_its_neighbours_alone_and_to_the_byte(tmp_path: Path) -> None:
    shown = [disc(96, 128, 40 + 4 * number, 48, 18) for number in range(7)]
    clip = write_frames(tmp_path / "clip", [_painted(mask, RED, BLUE, seed) for seed, mask in enumerate(shown)])
    track(clip, write_annotations(tmp_path / "a", {n: shown[n] for n in (0, 3, 6)}), tmp_path / "one")
    changed = write_annotations(tmp_path / "b", {0: shown[0], 3: shown[3], 6: shown[5]})
    part = track(clip, changed, tmp_path / "part", previous=tmp_path / "one")
    full = track(clip, changed, tmp_path / "full")
    assert (part.frames_redone, full.frames_redone) == (3, 7)
    for number, mask in masks_of(tmp_path / "full", 96, 128).items():
        assert np.array_equal(mask, masks_of(tmp_path / "part", 96, 128)[number])
