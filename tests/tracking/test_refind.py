"""Is a thing found again that its walk has lost, and nothing touched where walks are right or colours cannot tell?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, entries_of, masks_of, texture, write_annotations, write_frames
from tracking import propagate, refind, sampling
from tracking.refind import Place, Reached, SideColours, Thing, put_right
from tracking.track import track
from tracking.walk import Carried, Field

HEIGHT, WIDTH = 60, 90
RED = np.array([0.5, 0.6, 1.9])


def _picture(mask: Array, seed: int = 1) -> Array:
    """Bluish, lively ground, and what is marked reddish, with a texture of its own that moves with it."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    picture = texture(height, width, seed)[..., None] * np.array([1.2, 0.9, 0.6])
    if len(rows):
        own = texture(2 * height, 2 * width, seed=9)[rows - rows.min() + 5, columns - columns.min() + 5]
        picture[rows, columns] = 0.6 * own[:, None] * RED
    return np.clip(picture, 0, 255).astype(np.uint8)


def _distance(mask: Array) -> Field:
    far = cv2.distanceTransform(mask, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    return np.clip(far - 0.5 * np.sign(far), -10, 10).astype(np.float32)


def _still(likeness: float = 0.9) -> Carried:
    """A walk that says that nothing has moved."""
    return Carried(np.zeros((HEIGHT, WIDTH, 2), np.float32), np.full((HEIGHT, WIDTH), likeness, np.float32))


def _thing(mask: Array) -> Thing:
    annotated = _picture(mask), _distance(mask)
    return Thing(*annotated, SideColours([annotated]))


def test_a_thing_where_its_walk_has_it_is_not_looked_for() -> None:
    mask = disc(HEIGHT, WIDTH, 30, 30, 8)
    place = _thing(mask).follow(_picture(mask), _still())
    assert place.alike == pytest.approx(0, abs=0.1)
    reached: list[Reached] = [(_still(), place)]
    assert put_right(reached)[0] is reached[0][0]


def test_a_lost_thing_is_found_and_its_walk_put_right() -> None:
    mask, moved = disc(HEIGHT, WIDTH, 30, 30, 8), disc(HEIGHT, WIDTH, 62, 21, 8)
    place = _thing(mask).follow(_picture(moved), _still())
    assert place.alike < -refind.LOST
    assert place.shift == (32, -9)
    assert place.found_alike > place.alike + 2
    (right,) = put_right([(_still(), place)])
    assert right.is_found
    assert (right.displacement[moved > 0] == (-32, 9)).all()
    rows, columns = np.nonzero(mask)
    x, y = (columns - 32, rows + 9)  # where the walk had it, its old surroundings are seen
    assert (right.displacement[rows, columns] == (-32, 9)).all()
    assert not mask[np.clip(y, 0, HEIGHT - 1), np.clip(x, 0, WIDTH - 1)].any()
    assert not right.displacement[50:, :20].any()


def test_what_is_out_of_sight_is_not_found() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.uint8)
    place = _thing(disc(HEIGHT, WIDTH, 30, 30, 8)).follow(_picture(nothing), _still())
    assert place.alike < -refind.LOST
    assert not put_right([(_still(), place)])[0].is_found


def test_of_two_alike_the_one_on_the_way_is_it() -> None:
    mask = disc(HEIGHT, WIDTH, 20, 30, 7)
    thing = _thing(mask)
    shifts = []
    for number in (1, 2, 3):
        here, other = disc(HEIGHT, WIDTH, 20 + 9 * number, 30, 7), disc(HEIGHT, WIDTH, 80, 30 - number, 7)
        both = _picture(here)
        both[:, 68:] = _picture(other)[:, 68:]
        if number == 3:
            both[here > 0] -= 1  # in a shade: by itself, the other one is more alike
            assert _thing(mask).follow(both, _still()).shift == (60, -3)
        shifts.append(thing.follow(both, _still()).shift)
    assert shifts == [(9, 0), (18, 0), (27, 0)]


def test_what_the_walk_explains_is_surroundings() -> None:
    mask, moved = disc(HEIGHT, WIDTH, 20, 30, 7), disc(HEIGHT, WIDTH, 45, 30, 7)
    picture, like = _picture(moved), disc(HEIGHT, WIDTH, 75, 30, 7)
    picture[like > 0] = _picture(like)[like > 0]  # has always been there
    picture[moved > 0] = 0.9 * picture[moved > 0] + 0.1 * 128  # so the thing itself is less alike
    explained = np.where(moved > 0, 0, 0.95).astype(np.float32)
    shifts = [
        _thing(mask).follow(picture, Carried(_still().displacement, likeness)).shift
        for likeness in (explained, np.zeros_like(explained))
    ]
    assert shifts == [(25, 0), (55, 0)]


@pytest.mark.parametrize("own, found, is_found", [(-1.5, 0.0, False), (-3.0, -2.7, False), (-3.0, -2.0, True)])
def test_the_walk_must_be_lost_and_the_place_clearly_better(own: float, found: float, is_found: bool) -> None:
    mask = disc(HEIGHT, WIDTH, 30, 30, 8)
    (right,) = put_right([(_still(), Place(_thing(mask), own, (20, 0), found))])
    assert right.is_found == is_found


def test_where_one_of_two_walks_is_right_both_stay() -> None:
    thing = _thing(disc(HEIGHT, WIDTH, 30, 30, 8))
    lost, right = Place(thing, -6.0, (20, 0), 0.0), Place(thing, -1.0)
    assert not any(carried.is_found for carried in put_right([(_still(), lost), (_still(), right)]))
    assert all(carried.is_found for carried in put_right([(_still(), lost), (_still(), lost)]))


@pytest.mark.parametrize("mask", [np.zeros((HEIGHT, WIDTH), np.uint8), disc(HEIGHT, WIDTH, 30, 30, 1)])
def test_next_to_nothing_is_not_sought(mask: Array) -> None:
    assert not _thing(mask).is_sought


@pytest.mark.parametrize("mask", [np.full((HEIGHT, WIDTH), 255, np.uint8), disc(HEIGHT, WIDTH, 0, 0, 50)])
def test_large_things_at_the_edge_are_no_trouble(mask: Array) -> None:
    place = _thing(mask).follow(_picture(255 - mask, seed=4), _still())
    assert np.isfinite(place.alike)
    assert put_right([(_still(), place)])[0].displacement.shape == (HEIGHT, WIDTH, 2)


@pytest.mark.parametrize("shape", [(20, 2), (2, 20), (1, 12), (12, 1)])
def test_narrow_pictures_are_no_trouble(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, np.uint8)
    mask.reshape(-1)[: mask.size // 2] = 255
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    annotated = picture, _distance(mask)
    carried = Carried(np.zeros((*shape, 2), np.float32), np.ones(shape, np.float32))
    assert Thing(*annotated, SideColours([annotated])).follow(picture, carried).alike == pytest.approx(0, abs=0.1)


def hidden_clip(is_coloured: bool = True) -> tuple[list[Array], list[Array]]:
    """Frames (120×200) and masks: a textured disc that passes behind a pillar, out of sight for three frames, before
    ground that moves the other way."""
    frames, masks = [], []
    wide = texture(120, 260, seed=3)[..., None] * np.array([1.2, 0.9, 0.6])
    for number in range(14):
        mask = disc(120, 200, 20 + 12 * number, 60, 13)
        frame = wide[:, 2 * number : 2 * number + 200].copy()
        own = np.roll(texture(120, 200, seed=9), (0, 12 * number), axis=(0, 1))
        frame[mask > 0] = 0.6 * own[mask > 0, None] * RED
        frame[:, 70:130] = texture(120, 60, seed=6)[..., None] * np.array([0.7, 0.9, 0.7])
        mask[:, 70:130] = 0
        frame = np.clip(frame, 0, 255).astype(np.uint8)
        if not is_coloured:
            frame = np.asarray(cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))
        frames.append(frame)
        masks.append(mask)
    return frames, masks


def _tracked(
    folder: Path, frames: list[Array], given: dict[int, Array], empty: tuple[int, ...] = ()
) -> dict[int, Array]:
    clip = write_frames(folder / "clip", frames)
    track(clip, write_annotations(folder / "given", given, empty=empty), folder / "out")
    return masks_of(folder / "out", *frames[0].shape[:2])


def test_what_was_hidden_is_found_when_it_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = hidden_clip()
    found = _tracked(tmp_path / "with", frames, {0: masks[0]})
    assert min(dice(found[number], masks[number]) for number in (11, 12, 13)) > 0.8
    monkeypatch.setattr(propagate, "_things", lambda stretch, seen, palette: [None] * len(seen))
    lost = _tracked(tmp_path / "without", frames, {0: masks[0]})
    assert max(dice(lost[number], masks[number]) for number in (11, 12, 13)) < 0.5


@pytest.mark.parametrize("case", ["grey", "verified empty end"])
def test_silent_where_colours_cannot_tell_or_the_thing_is_said_to_end(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, masks = hidden_clip(is_coloured=case != "grey")
    empty = () if case == "grey" else (13,)
    found = _tracked(tmp_path / "with", frames, {0: masks[0]}, empty)
    monkeypatch.setattr(propagate, "_things", lambda stretch, seen, palette: [None] * len(seen))
    without = _tracked(tmp_path / "without", frames, {0: masks[0]}, empty)
    assert all(np.array_equal(found[number], without[number]) for number in range(14))


def test_what_was_found_again_is_doubted_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = hidden_clip()
    confidences = []
    for factor in (1.0, 0.5):
        monkeypatch.setattr(sampling, "FOUND_CONFIDENCE", factor)
        _tracked(tmp_path / str(factor), frames, {0: masks[0]})
        entries = entries_of(tmp_path / str(factor) / "out")
        confidences.append([entries[number][0]["confidence"] for number in (1, 13)])
    (near, found), (near_too, doubted) = confidences
    assert near_too == near
    assert doubted == pytest.approx(found / 2, abs=0.01)


def test_the_look_counts_less_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = hidden_clip()
    less = _tracked(tmp_path / "less", frames, {0: masks[0]})
    monkeypatch.setattr(sampling, "FOUND_LOOK", 3.0)
    more = _tracked(tmp_path / "more", frames, {0: masks[0]})
    assert np.array_equal(less[1], more[1])
    assert dice(less[13], masks[13]) > dice(more[13], masks[13])
