"""Does working in a window give the very masks of the whole grid, and is the window small where the mask is?"""

from pathlib import Path

import numpy as np
import pytest

from tests.tracking.helpers import Array, disc, entries_of, masks_of, moving_clip, write_annotations, write_frames
from tracking import sampling
from tracking.flow import DisFlow
from tracking.motion import Motion
from tracking.open_clip import open_clip
from tracking.params import Params
from tracking.track import track

HEIGHT, WIDTH, COUNT = 240, 320, 6
MASKS = {
    "in the middle": disc(HEIGHT, WIDTH, 160, 120, 20),
    "one pixel": disc(HEIGHT, WIDTH, 200, 100, 0),
    "at the edge": disc(HEIGHT, WIDTH, 315, 60, 18),
    "in the corner": disc(HEIGHT, WIDTH, 0, 239, 25),
    "two parts": disc(HEIGHT, WIDTH, 40, 40, 12) | disc(HEIGHT, WIDTH, 280, 200, 12),
    "everything": np.full((HEIGHT, WIDTH), 255, np.uint8),
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything moves right by 4 pixels a frame."""
    return write_frames(tmp_path_factory.mktemp("clip") / "frames", moving_clip(COUNT, HEIGHT, WIDTH, 4)[0])


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("frames", [(0,), (0, COUNT - 1)])
def test_a_window_changes_nothing(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: Array, frames: tuple[int, ...]
) -> None:
    # Spreading by looks sees the window alone, by intent.
    monkeypatch.setattr(sampling, "spread", lambda distance, trust, look, explained: np.zeros_like(distance))
    given = write_annotations(tmp_path / "given", dict.fromkeys(frames, mask))
    track(clip, given, tmp_path / "window")
    monkeypatch.setattr(sampling, "_window", lambda sides, motion: tuple(slice(0, side) for side in motion.grid_size))
    track(clip, given, tmp_path / "whole")
    window, whole = (masks_of(tmp_path / name, HEIGHT, WIDTH) for name in ("window", "whole"))
    assert all(np.array_equal(window[number], whole[number]) for number in range(COUNT))
    for number, (entry,) in entries_of(tmp_path / "window").items():
        if entry["has_mask"] and not entry["is_annotation"]:
            assert entry["confidence"] == pytest.approx(
                entries_of(tmp_path / "whole")[number][0]["confidence"], abs=1e-3
            )


def test_the_window_follows_the_mask(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows: list[tuple[slice, slice]] = []
    find = sampling._window

    def seen(sides: list[sampling.Side], motion: sampling.Motion) -> tuple[slice, slice]:
        windows.append(find(sides, motion))
        return windows[-1]

    monkeypatch.setattr(sampling, "_window", seen)
    track(clip, write_annotations(tmp_path / "given", {0: MASKS["in the middle"]}), tmp_path / "out")
    lefts = [columns.start for _, columns in windows]
    assert lefts == sorted(lefts) and lefts[-1] - lefts[0] == pytest.approx(8, abs=1)  # 16 pixels, 8 of the grid
    assert all(rows.stop - rows.start < 75 and columns.stop - columns.start < 75 for rows, columns in windows)


def test_reach_has_no_end_where_the_picture_ends_first(clip: Path) -> None:
    with Motion(open_clip(clip), DisFlow(), Params()) as motion:
        middle, corner = (
            sampling.reach_of(sampling.signed_distance(MASKS[name], motion), motion)
            for name in ("in the middle", "in the corner")
        )
    assert middle == pytest.approx((60, 40, 100, 80), abs=2)  # radius 10 and FAR on the grid
    assert (corner[0], corner[3]) == (-np.inf, np.inf) and corner[1:3] == pytest.approx((96, 22), abs=2)
