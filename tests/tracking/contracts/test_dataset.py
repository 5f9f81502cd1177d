"""A folder as a data set: ids, order, exam numbers, and that one bad file or entry spoils nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pydicom.examples
import pytest

from tracking.contracts.dataset import DatasetError, image_files, read_export, read_index
from tracking.contracts.labels import is_uid


def export(**changes: Any) -> dict[str, Any]:
    entry = {
        "labelId": "L_13yPql",
        "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.2.3",
        "frameNumber": 4,
        "data": None,
    }
    dataset = {
        "name": "Demo",
        "studies": [{"StudyInstanceUID": "1.2", "number": 194}],
        "annotations": [entry | changes],
    }
    return {"labelGroups": [{"labels": [{"id": "L_13yPql", "name": "Fluid"}]}], "datasets": [dataset]}


def write(path: Path, data: bytes = b"clip") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_ids_come_from_the_path_the_header_or_a_hash(tmp_path: Path) -> None:
    write(tmp_path / "1.2" / "1.2.3.mp4")
    write(tmp_path / "loose" / "clip.MOV")
    write(tmp_path / "stack" / "10.png")
    write(tmp_path / "stack" / "9.png")
    write(tmp_path / ".hidden" / "clip.mp4")
    write(tmp_path / "echo.dcm", pydicom.examples.get_path("ybr_color").read_bytes())
    write(tmp_path / "broken.dcm", b"nothing")
    (tmp_path / "annotations.json").write_text(json.dumps(export()))
    index = read_index(tmp_path)
    by_name = {series.clip.name: series for series in index.series}
    assert set(by_name) == {"1.2.3.mp4", "clip.MOV", "stack", "echo.dcm"}
    assert (by_name["1.2.3.mp4"].study_uid, by_name["1.2.3.mp4"].series_uid) == ("1.2", "1.2.3")
    assert by_name["1.2.3.mp4"].exam_number == 194
    assert by_name["echo.dcm"].study_uid == str(pydicom.dcmread(tmp_path / "echo.dcm").StudyInstanceUID)
    assert [series.exam_number for series in index.series] == [194, 195, 196, 197]
    assert all(is_uid(s.study_uid) and is_uid(s.series_uid) for s in index.series)
    assert [p.name for p in image_files(tmp_path / "stack")] == ["9.png", "10.png"]
    assert [(p.code, p.what) for p in index.problems] == [("CLIP_LEFT_OUT", "broken.dcm")]
    assert index.export.dataset_name == "Demo"


def test_a_copy_elsewhere_has_the_same_ids_and_version(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "x" / "clip.mp4")
    one, two = read_index(tmp_path / "a"), read_index(tmp_path / "b")
    assert [(s.study_uid, s.series_uid) for s in one.series] == [(s.study_uid, s.series_uid) for s in two.series]
    assert one.version == two.version
    write(tmp_path / "b" / "x" / "clip.mp4", b"longer clip")
    assert read_index(tmp_path / "b").version != one.version


@pytest.mark.parametrize("text", ["", "{", "[]", '{"datasets": 5}', "null", "[" * 100_000])
def test_a_broken_export_is_a_problem_and_the_clips_stay(tmp_path: Path, text: str) -> None:
    write(tmp_path / "clip.mp4")
    (tmp_path / "annotations.json").write_text(text)
    index = read_index(tmp_path)
    assert [p.code for p in index.problems] == ["ANNOTATIONS_UNREADABLE"]
    assert len(index.series) == 1
    with pytest.raises(DatasetError):
        read_export(tmp_path / "annotations.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"StudyInstanceUID": "../x"},
        {"SeriesInstanceUID": None},
        {"frameNumber": -1},
        {"frameNumber": "3"},
        {"frameNumber": True},
        {"labelId": "a b"},
        {"data": [1]},
    ],
)
def test_a_bad_annotation_is_left_out_and_counted(tmp_path: Path, changes: dict[str, Any]) -> None:
    value = export(**changes)
    value["datasets"][0]["annotations"].append(export()["datasets"][0]["annotations"][0])
    (tmp_path / "annotations.json").write_text(json.dumps(value))
    read = read_export(tmp_path / "annotations.json")
    assert [a.frame_number for a in read.annotations] == [4]
    assert [(p.code, p.what) for p in read.problems] == [("ANNOTATION_INVALID", "1")]


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_index(tmp_path / "gone")
    assert caught.value.code == "DATASET_MISSING"


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "clip.mp4")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert read_index(tmp_path / "root").series == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes exist on Linux alone")
def test_odd_names_cost_at_most_their_own_clip(tmp_path: Path) -> None:
    for name in ("plain.mp4", "5².mp4", "3²", "two\nlines.mp4", "n\u0303.mp4", "٣.mp4", "\udcff.mp4"):
        write(tmp_path / name if name.endswith("mp4") else tmp_path / name / "one.mp4")
    index = read_index(tmp_path)
    assert len(index.series) == 6
    assert [(problem.code, problem.what) for problem in index.problems] == [("CLIP_LEFT_OUT", "?.mp4")]
