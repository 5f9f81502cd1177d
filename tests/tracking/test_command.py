"""Does `goobusters track` behave on a terminal: results, exit codes, one sentence for each error, timings as JSON?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracking.helpers import entries_of, moving_clip, write_annotations, write_frames
from tracking.__main__ import main


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    frames, masks = moving_clip(5)
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "a", {0: masks[0]}, [4])
    return [str(clip), "--annotations", str(given), "--out", str(tmp_path / "out")]


def test_tracks_and_prints_timings_last(arguments: list[str], tmp_path: Path, capsys) -> None:
    assert main([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (printed["frame_count"], printed["mask_count"], printed["frames_redone"]) == (5, 4, 5)
    assert printed["ms_per_frame"] > 0 and set(printed["seconds"]) == {"open", "track", "total"}
    assert sorted(entries_of(tmp_path / "out")) == [0, 1, 2, 3, 4]


def test_kept_flow_and_earlier_result(arguments: list[str], tmp_path: Path, capsys) -> None:
    cached = [*arguments, "--flow-cache", str(tmp_path / "flow"), "--json"]
    assert main(cached) == 0
    assert main([*cached, "--previous", str(tmp_path / "out")]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["flow_kept"], second["flow_kept"]) == (False, True)
    assert (first["frames_redone"], second["frames_redone"]) == (5, 0)


def test_own_labels(arguments: list[str], tmp_path: Path, capsys) -> None:
    assert main([*arguments, "--label", "L_other"]) == 0
    assert capsys.readouterr().out.startswith("4 masks on 5 frames in ")
    assert (tmp_path / "out" / "frame_000002.L_13yPql.webp").is_file()


def test_errors_are_one_sentence(arguments: list[str], tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "none.mp4"), *arguments[1:]]) == 1
    assert main([*arguments, "--flow-method", "raft"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [
        "goobusters track: There is no clip at this place.",
        "goobusters track: There is no flow method 'raft'. Known: dis, farneback.",
    ]


def test_wrong_usage_is_exit_code_2(capsys) -> None:
    for arguments in (["clip.mp4"], ["clip.mp4", "--annotations", "a", "--out", "b", "--label", "../x"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "expects a label id" in capsys.readouterr().err


def test_interrupted_run_leaves_nothing(arguments: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tracking.fill.propagate_stretch", interrupt)
    assert main(arguments) == 130
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_runs_as_a_module_without_loading_what_it_does_not_need(arguments: list[str]) -> None:
    code = (
        "import sys; from tracking.__main__ import main; code = main(sys.argv[1:]);"
        "assert not {'pydicom', 'pandas', 'PySide6', 'mdai', 'bottle'} & set(sys.modules); sys.exit(code)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
