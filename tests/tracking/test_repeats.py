"""Are frames that are shown twice, up to an encoder's noise, taken for what they are, and is slow movement not?"""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import dice, masks_of, moving_clip, write_annotations, write_frames
from tracking.flow import DisFlow
from tracking.track import track
from tracking.walk import Walk

SIZE = 96, 128


def _noisy(frame: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-2, 3, SIZE)[..., None]
    return np.clip(frame.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def test_doubled_frames_cost_no_flow_and_no_steps_of_walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = moving_clip(6, *SIZE, 3)
    doubled = [_noisy(frame, number) for frame in frames for number in (1, 2)]
    flows, went = [], []
    compute, advance = DisFlow.compute, Walk._advance
    monkeypatch.setattr(DisFlow, "compute", lambda self, *pair: flows.append(1) or compute(self, *pair))
    monkeypatch.setattr(Walk, "_advance", lambda self, *step: went.append(step[1]) or advance(self, *step))
    given = write_annotations(tmp_path / "given", {0: masks[0]})
    track(write_frames(tmp_path / "clip", doubled), given, tmp_path / "out")
    assert went == [2, 4, 6, 8, 10]
    assert len(flows) == 2 * 5 + len(went)  # both ways, and one alignment for each step

    found = masks_of(tmp_path / "out", *SIZE)
    for number in range(2, 12):
        assert dice(found[number], masks[number // 2]) > 0.95
    assert np.array_equal(found[4], found[5])


def test_movement_too_slow_to_be_seen_from_frame_to_frame_adds_up(tmp_path: Path) -> None:
    frames, masks = moving_clip(60, *SIZE, 0.15)
    faint = [cv2.addWeighted(frame, 0.4, np.full_like(frame, 60), 1, 0) for frame in frames]
    steps = [np.abs(one.astype(np.float32) - other).mean() for one, other in pairwise(faint)]
    assert max(steps) < 2
    given = write_annotations(tmp_path / "given", {0: masks[0]})
    track(write_frames(tmp_path / "clip", faint), given, tmp_path / "out")
    assert dice(masks[0], masks[59]) < 0.75
    assert dice(masks_of(tmp_path / "out", *SIZE)[59], masks[59]) > 0.93
