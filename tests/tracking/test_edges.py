"""Does a border that is a little off go to where colours change, and stay where they say nothing?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, masks_of, texture, write_annotations, write_frames
from tracking import edges
from tracking.appearance import lab
from tracking.track import track

HEIGHT, WIDTH = 40, 60
RED, BLUE = (40, 40, 200), (200, 60, 40)


def _halves(border: float) -> Array:
    """Red left of the border (a column, a fraction of a pixel possible), blue right of it."""
    share = np.clip(border + 0.5 - np.arange(WIDTH, dtype=np.float32), 0, 1)[None, :, None]
    row = share * np.float32(RED) + (1 - share) * np.float32(BLUE)
    return np.asarray(np.broadcast_to(row, (HEIGHT, WIDTH, 3)).round(), np.uint8)


def _left_of(border: float) -> edges.Field:
    """Signed distance to a column, positive left of it."""
    return np.asarray(np.broadcast_to(border - np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH)), np.float32)


def _border_after(picture: Array, distance: edges.Field) -> float:
    """The column, about, where the corrected distance in the middle row changes its sign."""
    told = edges.lines(picture, distance)
    row = (distance + edges.to_edge(distance, lab(picture).astype(np.float32), told))[HEIGHT // 2]
    last = int(np.flatnonzero(row > 0)[-1])
    return float(last + row[last] / (row[last] - row[last + 1]))


@pytest.mark.parametrize("off", [-1.5, -0.7, 0.0, 0.7, 1.5])
def test_a_border_goes_towards_where_colours_change(off: float) -> None:
    assert abs(_border_after(_halves(30.3), _left_of(30.3 + off)) - 30.3) < 0.1 + 0.6 * abs(off)


def test_where_nothing_is_to_be_seen_a_border_stays() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    assert _border_after(flat, _left_of(30.3)) == pytest.approx(30.3, abs=0.05)


def test_far_from_the_border_nothing_changes() -> None:
    distance = _left_of(30.3)
    picture = _halves(50)
    moved = edges.to_edge(distance, lab(picture).astype(np.float32), edges.lines(picture, distance))
    assert not moved[np.abs(distance) > edges.BAND].any()


@pytest.mark.parametrize(("explained", "followed"), [(0.0, 0), (0.7, 0), (0.825, 0.5), (0.95, 1), (1.0, 1)])
def test_edges_are_followed_as_far_as_looks_explain(explained: float, followed: float) -> None:
    assert edges.strength([(_halves(30.3), _left_of(30.3))], explained) == pytest.approx(followed)


def test_edges_are_not_followed_where_the_annotation_does_not_lie_at_any() -> None:
    inside = disc(HEIGHT, WIDTH, 20, 20, 5)
    far = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(255 - inside, cv2.DIST_L2, 5)
    assert edges.strength([(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), np.asarray(far, np.float32))], 1.0) == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2)])
def test_pictures_of_any_size_are_taken(size: tuple[int, int]) -> None:
    picture, distance = np.zeros((*size, 3), np.uint8), np.full(size, 0.3, np.float32)
    assert np.isfinite(edges.to_edge(distance, lab(picture).astype(np.float32), edges.lines(picture, distance))).all()


def test_a_shape_that_grew_a_little_is_met_at_its_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    height, width = 360, 480
    masks = [disc(height, width, 240, 180, radius) for radius in (60, 66)]
    light = texture(height, width, seed=3).astype(np.float32)[..., None] / 255 + 0.5
    frames = [np.clip(np.where(mask[..., None] > 0, RED, BLUE) * light, 0, 255).astype(np.uint8) for mask in masks]
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: masks[0]})
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(edges, "EXPLAINED", (2.0, 3.0))
    track(clip, given, tmp_path / "without")
    found, without = (dice(masks_of(tmp_path / name, height, width)[1], masks[1]) for name in ("out", "without"))
    assert 1 - found < 0.85 * (1 - without)
