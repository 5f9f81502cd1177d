"""Does the ceiling benchmark find where the truth lies, and say what it measured?"""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import ceiling
from benchmarks.tracking import dice
from benchmarks.tracking_data import Sequence
from tests.tracking.helpers import moving_clip, write_frames


def test_a_shifted_and_smaller_mask_is_brought_to_the_truth() -> None:
    truth, mask = (np.zeros((120, 160), np.uint8) for _ in range(2))
    cv2.ellipse(truth, (90, 70), (30, 20), 0, 0, 360, 255, -1)
    cv2.ellipse(mask, (60, 50), (24, 16), 0, 0, 360, 255, -1)
    assert dice(mask > 0, truth > 0) < 0.5
    assert ceiling.fitted(mask, truth) > 0.97


def test_a_mask_of_nothing_stays_what_it_is() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[5:9, 5:9] = 255
    nothing = np.zeros_like(truth)
    assert ceiling.fitted(nothing, truth) == 0
    assert ceiling.fitted(nothing, nothing) == 1


def test_every_column_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, masks = moving_clip(6)
    sequence = tmp_path / "data" / "made" / "one"
    write_frames(sequence / "frames", frames)
    write_frames(sequence / "masks", masks)
    assert ceiling.main(["--data", str(tmp_path / "data")]) == 0
    tables = capsys.readouterr().out.split("\n\n")
    header, _, *rows = tables[0].splitlines()
    assert header.count("|") == 6
    assert tables[1].splitlines()[0] == "| | drawn | carried | one to one |"
    assert [row.split("|")[1].strip() for row in rows] == ["made ends", "made every4", "made first"]
    assert all(float(value) > 0.9 for row in rows for value in row.split("|")[2:6])


@pytest.mark.parametrize("apart", [0, 6])
def test_how_alike_drawings_are_is_told_without_tracking(tmp_path: Path, apart: int) -> None:
    """Of a still picture, carrying loses nothing: what is left is how the drawings differ."""
    frames = [moving_clip(1)[0][0]] * 4
    drawings = [np.zeros(frames[0].shape[:2], np.uint8) for _ in frames]
    for number, drawing in enumerate(drawings):
        cv2.circle(drawing, (70 + apart * (number % 2), 50 + apart * (number // 2)), 25, 255, -1)
    write_frames(tmp_path / "frames", frames)
    rows: dict[str, ceiling.Columns] = {}
    ceiling.compare_drawings(Sequence("still", tmp_path / "frames", drawings), tmp_path, rows)
    drawn, carried, one_to_one = (values[0] for values in rows["still"].values())
    if apart:
        assert 0.7 < one_to_one < drawn < 0.95
        assert carried == pytest.approx(drawn, abs=0.02)
    else:
        assert min(drawn, carried, one_to_one) > 0.99


def test_no_sequences_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ceiling.main(["--data", str(tmp_path)]) == 1
    assert "no sequences" in capsys.readouterr().err
