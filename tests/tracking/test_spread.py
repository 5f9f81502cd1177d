"""Where walks have lost their way, does the mask follow what the pixels look like, and nowhere else?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, masks_of, texture, write_annotations, write_frames
from tracking import sampling
from tracking.spread import Field, spread, trust_in, without_islands
from tracking.track import track

HEIGHT, WIDTH, COUNT = 160, 240, 8


def _border(column: int) -> Field:
    """Signed distance to the inside, left of this column of a picture of 60×80."""
    return np.tile(np.float32(column) - np.arange(80, dtype=np.float32), (60, 1))


def test_where_walks_are_trusted_nothing_changes() -> None:
    look = np.full((60, 80), -1, np.float32)
    assert not spread(_border(40), np.ones((60, 80), np.float32), look, 0.9).any()


def test_lost_pixels_go_by_their_look_and_by_the_trusted_ones_beside_them() -> None:
    trust = np.ones((60, 80), np.float32)
    trust[:, 36:46] = 0
    look = np.where(np.arange(80) < 44, 0.2, -0.6)[None].repeat(60, axis=0).astype(np.float32)
    wrong = _border(38)  # walks say that the inside ends at column 38; by the look it ends at 44
    corrected = wrong + spread(wrong, trust, look, 0.0)
    assert (corrected[:, :43] > 0).all() and (corrected[:, 45:] < 0).all()


def test_without_trusted_neighbours_the_plain_look_decides() -> None:
    look = np.where(np.arange(80) < 50, 0.5, -0.5)[None].repeat(60, axis=0).astype(np.float32)
    outside = np.full((60, 80), -10, np.float32)
    corrected = outside + spread(outside, np.zeros((60, 80), np.float32), look * 2, 0.9)
    assert (corrected[:, :48] > 0).all() and (corrected[:, 52:] < 0).all()


def test_trust_is_measured_by_what_is_usual() -> None:
    likeness = np.full((60, 80), 0.2, np.float32)  # speckle that changes: unlike everywhere, lost nowhere
    usual = trust_in(likeness)
    likeness[20:40, 20:40] = -1
    assert usual.min() == usual.max() > 0
    assert trust_in(likeness)[25:35, 25:35].max() == 0


def test_an_island_of_looks_is_another_thing_unless_there_is_nothing_else() -> None:
    carried = _border(30)  # inside: left of column 30
    correction = np.zeros_like(carried)
    correction[20:40, 25:45] = 30  # hangs together with what is carried
    correction[20:40, 60:70] = 60  # does not
    kept = carried + without_islands(carried, correction)
    assert (kept[20:40, :45] > 0).all() and not (kept[:, 46:] > 0).any()
    nothing = np.full_like(carried, -10)
    assert ((nothing + without_islands(nothing, correction))[20:40, 60:70] > 0).all()


def entering_clip() -> tuple[list[Array], list[Array]]:
    """A picture that drifts left: a dark stripe on bright ground, whose broad part is yet to come in."""
    wide = texture(HEIGHT, WIDTH + 20 * COUNT, seed=5).astype(np.float32) * 0.3 + 130
    columns = np.arange(wide.shape[1])
    top, bottom = np.where(columns < 260, 60, 30), np.where(columns < 260, 100, 130)
    rows = np.arange(HEIGHT)[:, None]
    inside = (rows > top) & (rows < bottom)
    wide[inside] -= 90
    frames, masks = [], []
    for number in range(COUNT):
        part = slice(20 * number, 20 * number + WIDTH)
        frames.append(cv2.cvtColor(wide[:, part].astype(np.uint8), cv2.COLOR_GRAY2BGR))
        masks.append((inside[:, part] * 255).astype(np.uint8))
    return frames, masks


def test_what_comes_into_the_picture_is_marked_by_its_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = entering_clip()
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: masks[0]})
    track(clip, given, tmp_path / "out")
    monkeypatch.setattr(sampling, "spread", lambda distance, trust, look, explained: np.zeros_like(distance))
    track(clip, given, tmp_path / "without")
    last = COUNT - 1
    entered = np.s_[:, WIDTH - 20 * last + 10 :]
    found, without = (masks_of(tmp_path / name, HEIGHT, WIDTH)[last] for name in ("out", "without"))
    assert dice(found[entered], masks[last][entered]) > 0.93 > dice(without[entered], masks[last][entered])
