"""Does a walk find its way over jumps that flow cannot follow, and does it leave a good chain alone?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import dice, disc, masks_of, write_annotations, write_frames
from tracking import walk
from tracking.flow import DisFlow
from tracking.flow_store import FlowStore
from tracking.motion import Motion
from tracking.open_clip import open_clip
from tracking.params import Params
from tracking.track import track
from tracking.walk import Guesses, Walk

PLACES = [(0, 0), (4, 0), (8, 0), (38, 20), (42, 20)]
"""Where the frames are cut out of the scene, x and y in pixels: a jump between frames 2 and 3."""


def _jumping_clip(folder: Path) -> tuple[Path, list[np.ndarray]]:
    """A scene that moves and jumps, and the masks of a disc of it."""
    noise = np.random.default_rng(9).normal(0, 1, (320, 480)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5)
    scene = np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    parts = [scene[80 + y : 240 + y, 60 + x : 300 + x] for x, y in PLACES]
    frames = [cv2.cvtColor(part, cv2.COLOR_GRAY2BGR) for part in parts]
    return write_frames(folder, frames), [disc(160, 240, 150 - x, 80 - y, 30) for x, y in PLACES]


def _dice_after_the_jump(folder: Path, clip: Path, masks: list[np.ndarray]) -> float:
    given = write_annotations(folder / "given", {0: masks[0]})
    track(clip, given, folder / "out")
    found = masks_of(folder / "out", 160, 240)
    return min(dice(found[number], masks[number]) for number in (3, 4))


def test_jump_without_landmarks_is_searched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, masks = _jumping_clip(tmp_path / "clip")
    monkeypatch.setattr(walk, "find_movement", lambda source, target: None)
    assert _dice_after_the_jump(tmp_path / "with", clip, masks) > 0.9
    monkeypatch.setattr(walk, "search_movement", lambda source, target: None)
    assert _dice_after_the_jump(tmp_path / "without", clip, masks) < 0.5


def test_a_guess_must_be_liked_better_by_its_head_start() -> None:
    def alike(value: float) -> np.ndarray:
        return np.full((40, 60), value, np.float32)

    chained, other = np.zeros((40, 60, 2), np.float32), np.ones((40, 60, 2), np.float32)
    guesses = Guesses(chained, alike(0.6))
    guesses.consider(other, alike(0.62), 0.03)
    assert (guesses.displacement == 0).all()
    assert guesses.likeness == pytest.approx(alike(0.6))
    guesses.consider(other, alike(0.64), 0.03)
    assert (guesses.displacement == 1).all()
    assert guesses.likeness == pytest.approx(alike(0.64))  # what it is, not what it is less its head start
    assert guesses.best == pytest.approx(0.64)


def _clip_of_changing_speckle(folder: Path, count: int) -> Path:
    """Each frame is much like the one before, and soon not at all like the first."""
    random = np.random.default_rng(4)
    speckle, frames = np.zeros((120, 160), np.float32), []
    for number in range(count):
        fresh = cv2.GaussianBlur(random.normal(0, 1, (120, 160)).astype(np.float32), (0, 0), 4)
        keep = 0.94 if number else 0.0
        speckle = keep * speckle + (1 - keep**2) ** 0.5 * fresh / fresh.std()
        frames.append(cv2.cvtColor(np.clip(128 + 40 * speckle, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))
    return write_frames(folder, frames)


def _walked(clip: Path, store: FlowStore | None, last: int) -> list[tuple[np.ndarray, np.ndarray]]:
    with Motion(open_clip(clip), DisFlow(), Params(), store) as motion:
        motion.finish()
        return [(each.displacement, each.likeness) for _, each in Walk(motion, 0).over(range(1, last + 1))]


def test_landmarks_are_seldom_tried_where_speckle_changes_also_when_a_walk_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, tried = _clip_of_changing_speckle(tmp_path / "clip", 40), []
    by_landmarks = Walk._by_landmarks
    monkeypatch.setattr(
        Walk, "_by_landmarks", lambda self, number, picture: tried.append(number) or by_landmarks(self, number, picture)
    )
    whole = _walked(clip, None, 39)
    assert np.mean([likeness.mean() < walk.LOST for _, likeness in whole]) > 0.8
    once, tried[:] = list(tried), []
    assert 0 < len(once) < 25

    store = FlowStore(tmp_path / "flow")
    _walked(clip, store, 21)
    again = _walked(clip, store, 39)
    assert tried == once
    for one, other in zip(whole, again, strict=True):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
