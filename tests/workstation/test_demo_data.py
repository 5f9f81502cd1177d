"""Does the demo's data set hold what SPEC and issue ask for, is it made once, and is it made again when broken?"""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from tracking.contracts.dataset import Index, read_index
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.open_clip import open_clip
from tracking.polygons import rasterise
from workstation import demo_data


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("home") / "demo" / "clips"
    demo_data.make_clips(directory, lambda line: None)
    return directory


@pytest.fixture(scope="module")
def index(clips: Path) -> Index:
    return read_index(clips)


def test_three_exams_real_semi_synthetic_and_bare(index: Index) -> None:
    assert index.problems == []
    assert [(s.exam_number, s.clip.name) for s in index.series] == [
        (1, "echo.dcm"),
        (2, "echo-semi-synthetic.mp4"),
        (3, "echo-semi-synthetic-without-annotations"),
    ]
    sizes = [(c.width, c.height, sum(1 for _ in c.frames())) for c in (open_clip(s.clip) for s in index.series)]
    assert sizes == [(320, 240, 30), (640, 480, 150), (480, 360, 60)]


def test_annotations_lie_where_the_issue_wants_them(index: Index) -> None:
    exams = {series.series_uid: series.exam_number for series in index.series}
    found = [(exams[a.series_uid], a.frame_number, a.label_id) for a in index.export.annotations]
    assert [entry for entry in found if entry[0] == 1] == [(1, n, LABEL_ID) for n in (0, 15, 22, 29)]
    assert [entry for entry in found if entry[0] == 2] == [
        *[(2, n, LABEL_ID) for n in (0, 45, 90)],
        (2, demo_data.EMPTY_FRAME, EMPTY_ID),
    ]
    assert [entry for entry in found if entry[0] == 3] == []


def test_outlines_hold_the_dark_inside_of_a_brighter_wall(index: Index) -> None:
    """Blood is dark and the wall round it bright: a ring of 4 pixels outside is brighter than the inside."""
    import cv2
    import numpy as np

    by_uid = {series.series_uid: series.clip for series in index.series}
    for annotation in index.export.annotations:
        if annotation.data is None:
            continue
        clip = open_clip(by_uid[annotation.series_uid])
        picture = list(clip.frames())[annotation.frame_number].mean(axis=2)
        mask = rasterise(annotation.data, clip.width, clip.height) > 0
        size = 4 * clip.width // 320
        ring = (cv2.dilate(mask.astype(np.uint8), np.ones((2 * size + 1, 2 * size + 1), np.uint8)) > 0) & ~mask
        assert picture[ring].mean() > 1.5 * picture[mask].mean(), annotation.frame_number


def test_a_whole_data_set_is_left_alone(clips: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in clips.rglob("*")}
    said: list[str] = []
    demo_data.make_clips(clips, said.append)
    assert said == []
    assert before == {path: path.stat().st_mtime_ns for path in clips.rglob("*")}


@pytest.mark.parametrize("harm", ["truncate", "remove", "rewrite"])
def test_harm_is_noticed(clips: Path, tmp_path: Path, harm: str) -> None:
    broken = tmp_path / "clips"
    shutil.copytree(clips, broken)
    if harm == "truncate":
        (broken / "echo.dcm").write_bytes((broken / "echo.dcm").read_bytes()[:1000])
    elif harm == "remove":
        (broken / "annotations.json").unlink()
    else:
        (broken / "made.json").write_text("{")
    assert not demo_data.is_whole(broken)


def test_a_half_made_data_set_is_made_again(clips: Path, tmp_path: Path) -> None:
    half = tmp_path / "clips"
    half.mkdir()
    (half / "echo.dcm").write_bytes(b"half")
    (half / "mine.txt").write_text("kept")
    demo_data.make_clips(half, lambda line: None)
    assert demo_data.is_whole(half)
    assert read_index(half).version == read_index(clips).version
    assert (half / "mine.txt").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_making_it_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The DICOM is in pydicom's wheel; pydicom.examples would otherwise download it."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something opened a connection")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("PYDICOM_DATA_DIR", str(tmp_path / "none"))
    demo_data.make_clips(tmp_path / "clips", lambda line: None)
    assert json.loads((tmp_path / "clips" / "made.json").read_text())["recipe"] == demo_data.RECIPE
