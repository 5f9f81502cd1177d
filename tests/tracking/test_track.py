"""Does `track` follow the rules of SPEC 8, keep annotations to the pixel and redo only what changed?"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.tracking.helpers import dice, disc, entries_of, masks_of, moving_clip, write_annotations, write_frames
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.errors import Cancelled
from tracking.flow_store import FlowStore
from tracking.mask_files import partial_directory
from tracking.track import track

HEIGHT, WIDTH, COUNT = 96, 128, 12


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[np.ndarray]]:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    return write_frames(tmp_path_factory.mktemp("clip") / "frames", frames), masks


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix == ".webp"}


def test_masks_follow_the_motion_from_both_sides(moving, tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {0: masks[0], COUNT - 1: masks[-1]})
    result = track(clip, given, tmp_path / "out")
    tracked = masks_of(tmp_path / "out", HEIGHT, WIDTH)
    assert result.frame_count == result.mask_count == COUNT
    for number in range(COUNT):
        assert dice(tracked[number], masks[number]) > 0.95, number


def test_annotations_come_back_to_the_byte(moving, tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {3: masks[3], 7: disc(HEIGHT, WIDTH, 5, 5, 4)})
    track(clip, given, tmp_path / "out")
    for name, data in files_of(given).items():
        assert (tmp_path / "out" / name).read_bytes() == data
    entry = entries_of(tmp_path / "out")[3]
    assert entry == [
        {
            "frame_number": 3,
            "has_mask": True,
            "is_annotation": True,
            "label_id": LABEL_ID,
            "filename": "frame_000004.webp",
        }
    ]


@pytest.mark.parametrize(
    ("masks_at", "empty_at", "expected"),
    [
        ([0], [], range(COUNT)),
        ([5], [], range(COUNT)),
        ([0], [6], range(6)),
        ([11], [6], range(7, COUNT)),
        ([5], [2, 8], range(3, 8)),
        ([0, 11], [5, 7], [0, 1, 2, 3, 4, 8, 9, 10, 11]),
        ([], [4], []),
        ([], [], []),
    ],
)
def test_rules_of_f_and_c(moving, tmp_path: Path, masks_at, empty_at, expected) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {n: masks[n] for n in masks_at}, empty_at)
    track(clip, given, tmp_path / "out")
    entries = entries_of(tmp_path / "out")
    assert sorted(entries) == list(range(COUNT))
    assert [n for n in entries if any(e["has_mask"] for e in entries[n])] == list(expected)
    for number in empty_at:
        assert [(e["label_id"], e["is_annotation"], e["filename"]) for e in entries[number]] == [(EMPTY_ID, True, None)]
    tracked = [e for frame in entries.values() for e in frame if not e["is_annotation"]]
    assert all(e["tracks"] == LABEL_ID and e["label_id"] is None and 0 <= e["confidence"] <= 1 for e in tracked)


def test_incremental_retrack_equals_a_full_run_and_redoes_only_neighbours(moving, tmp_path: Path) -> None:
    clip, masks = moving
    store = FlowStore(tmp_path / "flow")
    before = {0: masks[0], 4: masks[4], 8: masks[8]}
    track(clip, write_annotations(tmp_path / "a", before), tmp_path / "one", flow_cache=store)
    changed = write_annotations(tmp_path / "b", {**before, 8: disc(HEIGHT, WIDTH, 60, 40, 15)})
    full = track(clip, changed, tmp_path / "full")
    part = track(clip, changed, tmp_path / "part", flow_cache=store, previous=tmp_path / "one")
    assert (full.frames_redone, part.frames_redone, part.flow_kept) == (COUNT, 7, True)
    assert files_of(tmp_path / "part") == files_of(tmp_path / "full")
    assert entries_of(tmp_path / "part") == entries_of(tmp_path / "full")
    kept = [f"frame_{n + 1:06d}.webp" for n in range(5)]
    assert all(files_of(tmp_path / "part")[name] == files_of(tmp_path / "one")[name] for name in kept)


def test_nothing_changed_redoes_nothing(moving, tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {2: masks[2]}, [9])
    track(clip, given, tmp_path / "one")
    before = files_of(tmp_path / "one")
    again = track(clip, given, tmp_path / "one", previous=tmp_path / "one")
    assert again.frames_redone == 0
    assert files_of(tmp_path / "one") == before


def test_previous_of_another_clip_is_not_used(moving, tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {2: masks[2]})
    other = write_frames(tmp_path / "other", moving_clip(COUNT, HEIGHT, WIDTH, step=1)[0])
    track(other, given, tmp_path / "one")
    assert track(clip, given, tmp_path / "two", previous=tmp_path / "one").frames_redone == COUNT


@pytest.mark.parametrize("damage", ["mask missing", "frame unlisted", "no list", "no metadata", "other tracker"])
def test_damaged_previous_is_not_used(moving, tmp_path: Path, damage: str) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {2: masks[2]})
    track(clip, given, tmp_path / "one")
    metadata = json.loads((tmp_path / "one" / "metadata.json").read_text())
    redone = COUNT
    if damage == "mask missing":
        (tmp_path / "one" / "frame_000005.webp").unlink()
    elif damage == "frame unlisted":
        metadata["frames"] = [entry for entry in metadata["frames"] if entry["frame_number"] != 7]
        redone = 1
    elif damage == "no list":
        del metadata["frames"]
    elif damage == "other tracker":
        metadata["tracker"] = "0" * 32
    (tmp_path / "one" / "metadata.json").write_text(json.dumps(metadata))
    if damage == "no metadata":
        (tmp_path / "one" / "metadata.json").unlink()
    assert track(clip, given, tmp_path / "two", previous=tmp_path / "one").frames_redone == redone
    assert len(entries_of(tmp_path / "two")) == COUNT


def test_two_labels_do_not_bleed(tmp_path: Path) -> None:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    left, right = masks[0].copy(), masks[0].copy()
    middle = int(WIDTH * 0.3)
    left[:, middle:] = 0
    right[:, :middle] = 0
    clip = write_frames(tmp_path / "clip", frames)
    track(clip, write_annotations(tmp_path / "a", {0: {LABEL_ID: left, "B": right}}), tmp_path / "out")
    one = masks_of(tmp_path / "out", HEIGHT, WIDTH)
    other = masks_of(tmp_path / "out", HEIGHT, WIDTH, "B")
    for number in range(COUNT):
        assert not (one[number] & other[number]).any()
        assert dice(one[number] | other[number], masks[number]) > 0.9
    assert (tmp_path / "out" / "frame_000005.B.webp").is_file()


def test_an_annotation_beats_the_tracked_mask_of_another_label(tmp_path: Path) -> None:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    left, right = masks[0].copy(), masks[0].copy()
    left[:, int(WIDTH * 0.3) :] = 0
    right[:, : int(WIDTH * 0.3)] = 0
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "a", {0: {LABEL_ID: left, "B": right}, 4: masks[4]})
    track(clip, given, tmp_path / "out")
    other = masks_of(tmp_path / "out", HEIGHT, WIDTH, "B")
    assert not (other[4] & masks[4]).any()
    assert other[3].any() and (masks_of(tmp_path / "out", HEIGHT, WIDTH)[4] == masks[4]).all()


def test_labels_that_people_let_overlap_may_overlap(tmp_path: Path) -> None:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    inner = disc(HEIGHT, WIDTH, WIDTH * 0.3, HEIGHT / 2, HEIGHT / 10)
    clip = write_frames(tmp_path / "clip", frames)
    track(clip, write_annotations(tmp_path / "a", {0: {LABEL_ID: masks[0], "B": inner}}), tmp_path / "out")
    one = masks_of(tmp_path / "out", HEIGHT, WIDTH)
    other = masks_of(tmp_path / "out", HEIGHT, WIDTH, "B")
    for number in range(COUNT):
        assert dice(one[number], masks[number]) > 0.95
        assert (one[number] & other[number]).sum() > 0.8 * inner.sum()


def test_a_label_says_nothing_of_another_but_empty_clears_all(moving, tmp_path: Path) -> None:
    clip, masks = moving
    far = disc(HEIGHT, WIDTH, 110, 20, 8)
    given = write_annotations(tmp_path / "a", {0: {LABEL_ID: masks[0], "B": far}, 4: masks[4]}, [8])
    track(clip, given, tmp_path / "out")
    entries = entries_of(tmp_path / "out")
    with_b = [n for n in entries if any(e["has_mask"] and "B" in (e["label_id"], e.get("tracks")) for e in entries[n])]
    assert with_b == list(range(8))


def test_progress_grows_to_the_end_and_frames_can_be_had_early(moving, tmp_path: Path) -> None:
    clip, masks = moving
    seen: list[tuple[int, int]] = []
    early: list[bool] = []

    def look(number: int, entries: list[dict[str, object]]) -> None:
        early.append((partial_directory(tmp_path / "out") / str(entries[0]["filename"])).is_file())

    track(
        clip,
        write_annotations(tmp_path / "a", {0: masks[0]}),
        tmp_path / "out",
        progress=lambda done, total: seen.append((done, total)),
        on_frame=look,
    )
    assert seen == sorted(seen) and seen[-1] == (COUNT, COUNT) and len(seen) >= COUNT
    assert early == [True] * COUNT
    assert not partial_directory(tmp_path / "out").exists()


@pytest.mark.parametrize("stop_at", [1, 5, 30])
def test_cancelled_run_publishes_nothing_and_keeps_the_old(moving, tmp_path: Path, stop_at: int) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {0: masks[0]})
    track(clip, given, tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(Cancelled):
        track(clip, given, tmp_path / "out", cancelled=_after(stop_at), flow_cache=FlowStore(tmp_path / "flow"))
    assert files_of(tmp_path / "out") == before
    assert not partial_directory(tmp_path / "out").exists()
    assert not list((tmp_path / "flow").glob("*.part")) if (tmp_path / "flow").exists() else True


def _after(calls: int) -> Callable[[], bool]:
    count = 0

    def cancelled() -> bool:
        nonlocal count
        count += 1
        return count > calls

    return cancelled
