"""Does the ablation table still measure the tracker? Each part can be switched off, changes masks, and is on again."""

import hashlib
import json
from pathlib import Path

import pytest

from benchmarks import ablation
from tests.tracking.helpers import moving_clip, write_annotations, write_frames
from tracking.track import track


def _result(clip: Path, given: Path, out: Path) -> tuple[str, list[float]]:
    track(clip, given, out)
    files = sorted(file for file in out.iterdir() if file.suffix == ".webp")
    masks = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    entries = json.loads((out / "metadata.json").read_text())["frames"]
    return masks, [entry.get("confidence") for entry in entries]


@pytest.mark.parametrize(
    "variant",
    [
        "without alignment with the annotated picture",
        "without trust by likeness",
        "without the look",
        "without spreading by looks",
        "without steady borders",
    ],
)
def test_a_part_switched_off_changes_the_result(variant: str, tmp_path: Path) -> None:
    frames, masks = moving_clip(6, step=20)
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: masks[0], 5: masks[5]})
    whole = _result(clip, given, tmp_path / "whole")
    with ablation.VARIANTS[variant]():
        assert _result(clip, given, tmp_path / "less") != whole
    assert _result(clip, given, tmp_path / "again") == whole


def test_sequences_elsewhere_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, masks = moving_clip(6)
    sequence = tmp_path / "data" / "made" / "one"
    write_frames(sequence / "frames", frames)
    write_frames(sequence / "masks", masks)
    assert ablation.main(["--data", str(tmp_path / "data"), "--only", "all parts"]) == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert "made every4" in header
    assert all(float(value) > 0.9 for value in row.split("|")[2:5])


def test_no_sequences_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ablation.main(["--data", str(tmp_path)]) == 1
    assert "no sequences" in capsys.readouterr().err
