"""Does every odd or wrong input give a result or a typed error with one sentence, never a crash or a silent guess?"""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import (
    Array,
    dice,
    disc,
    entries_of,
    masks_of,
    moving_clip,
    texture,
    write_annotations,
    write_frames,
)
from tests.tracking.test_clip import write_dicom
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.errors import AnnotationsError, MethodError, OutputError, TrackingError
from tracking.flow_store import FlowStore
from tracking.params import Params
from tracking.track import TrackResult, track

HEIGHT, WIDTH, COUNT = 96, 128, 8


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Array]]:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    return write_frames(tmp_path_factory.mktemp("clip") / "frames", frames), masks


def run(clip: Path, given: Path, tmp_path: Path, **options: object) -> tuple[TrackResult, dict[int, Array]]:
    result = track(clip, given, tmp_path / "out", **options)
    first = cv2.imread(str(sorted(clip.iterdir())[0])) if clip.is_dir() else np.zeros((HEIGHT, WIDTH))
    return result, masks_of(tmp_path / "out", *first.shape[:2])


def refused(clip: Path, given: Path, tmp_path: Path) -> str:
    with pytest.raises(TrackingError) as caught:
        track(clip, given, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()
    assert str(caught.value).endswith(".") and "1.2.3" not in str(caught.value)
    return caught.value.code


def test_clip_of_one_frame(tmp_path: Path) -> None:
    frames, masks = moving_clip(1, HEIGHT, WIDTH)
    clip = write_frames(tmp_path / "clip", frames)
    result, tracked = run(clip, write_annotations(tmp_path / "a", {0: masks[0]}), tmp_path)
    assert (result.frame_count, result.mask_count) == (1, 1) and np.array_equal(tracked[0], masks[0])
    result, _ = run(clip, write_annotations(tmp_path / "b", {}), tmp_path)
    assert (result.frame_count, result.mask_count) == (1, 0)


def test_no_annotations_and_all_empty(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    result, _ = run(moving[0], write_annotations(tmp_path / "a", {}), tmp_path)
    assert (result.frame_count, result.mask_count) == (COUNT, 0)
    assert [e["tracks"] for e in entries_of(tmp_path / "out")[3]] == [LABEL_ID]
    result, _ = run(moving[0], write_annotations(tmp_path / "b", {}, range(COUNT)), tmp_path)
    assert result.mask_count == 0
    assert all(e[0]["label_id"] == EMPTY_ID for e in entries_of(tmp_path / "out").values())


def test_annotation_that_covers_everything(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    full = np.full((HEIGHT, WIDTH), 255, np.uint8)
    _, tracked = run(moving[0], write_annotations(tmp_path / "a", {3: full}), tmp_path)
    assert all(mask.mean() > 250 for mask in tracked.values())


def test_annotation_that_is_blank_is_verified_empty_for_its_label(
    moving: tuple[Path, list[Array]], tmp_path: Path
) -> None:
    clip, masks = moving
    blank = np.zeros((HEIGHT, WIDTH), np.uint8)
    given = write_annotations(tmp_path / "a", {0: {LABEL_ID: masks[0], "B": masks[0]}, 4: blank})
    run(clip, given, tmp_path)
    entries = entries_of(tmp_path / "out")
    with_main = [n for n in entries if any(e["has_mask"] and e.get("tracks") == LABEL_ID for e in entries[n])]
    with_b = [n for n in entries if any(e["has_mask"] and e.get("tracks") == "B" for e in entries[n])]
    assert with_main == [1, 2, 3] and with_b == list(range(1, COUNT))
    assert (tmp_path / "out" / "frame_000005.webp").read_bytes() == (given / "frame_000005.webp").read_bytes()


@pytest.mark.parametrize("place", [(40, 50), (0, 0), (HEIGHT - 1, WIDTH - 1)])
def test_mask_of_one_pixel(moving: tuple[Path, list[Array]], tmp_path: Path, place: tuple[int, int]) -> None:
    dot = np.zeros((HEIGHT, WIDTH), np.uint8)
    dot[place] = 255
    _, tracked = run(moving[0], write_annotations(tmp_path / "a", {0: dot}), tmp_path)
    assert np.array_equal(tracked[0], dot)
    # In the corner more of it seems to come in from outside, a few pixels a frame.
    assert all(mask.sum() <= 255 * (64 if place == (0, 0) else 9) for mask in tracked.values())


@pytest.mark.parametrize("size", [(97, 131), (33, 201), (16, 16), (7, 5), (1, 1), (3, 400)])
def test_odd_and_tiny_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = [cv2.cvtColor(texture(*size, seed=n), cv2.COLOR_GRAY2BGR) for n in range(3)]
    mask = np.full(size, 255, np.uint8)
    mask[:, size[1] // 2 + 1 :] = 0
    clip = write_frames(tmp_path / "clip", frames)
    result, tracked = run(clip, write_annotations(tmp_path / "a", {0: mask}), tmp_path)
    assert result.frame_count == 3 and np.array_equal(tracked[0], mask)


def test_grid_that_divides_nothing_evenly(tmp_path: Path) -> None:
    frames, masks = moving_clip(4, 101, 163, step=2)
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "a", {0: masks[0]})
    _, tracked = run(clip, given, tmp_path, params=Params(picture_pixels=5000, grid_step=3))
    assert all(dice(tracked[n], masks[n]) > 0.93 for n in range(4))


def test_sixteen_bit_dicom(tmp_path: Path) -> None:
    frames, masks = moving_clip(5, HEIGHT, WIDTH, step=2)
    stored = np.stack([frame[..., 0].astype(np.uint16) * 16 for frame in frames])
    clip = write_dicom(tmp_path / "clip.dcm", stored, "MONOCHROME2")
    _, tracked = run(clip, write_annotations(tmp_path / "a", {0: masks[0], 4: masks[4]}), tmp_path)
    assert all(dice(tracked[n], masks[n]) > 0.95 for n in range(5))


def test_mask_of_the_wrong_size(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {0: np.zeros((HEIGHT, WIDTH + 1), np.uint8)})
    assert refused(moving[0], given, tmp_path) == "MASK_WRONG_SIZE"


def test_annotation_beyond_the_last_frame(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {COUNT: moving[1][0]})
    with pytest.raises(AnnotationsError, match="Frame 8 is annotated, but the clip has 8 frames"):
        track(moving[0], given, tmp_path / "out")
    assert refused(moving[0], write_annotations(tmp_path / "b", {}, [COUNT]), tmp_path) == "FRAME_OUT_OF_RANGE"


def test_annotations_that_are_none(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert refused(moving[0], tmp_path / "a", tmp_path) == "ANNOTATIONS_MISSING"
    assert refused(moving[0], tmp_path / "none", tmp_path) == "ANNOTATIONS_MISSING"
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"frames": 3}', b'{"annotations": [1]}', b"[" * 100_000):
        (tmp_path / "a" / "metadata.json").write_bytes(content)
        assert refused(moving[0], tmp_path / "a", tmp_path) == "METADATA_INVALID"


@pytest.mark.parametrize("name", ["../frame_000001.webp", "/etc/passwd", "frame_000002.webp", "frame_000001.gif", 7])
def test_annotation_that_names_a_wrong_file(moving: tuple[Path, list[Array]], tmp_path: Path, name: object) -> None:
    given = write_annotations(tmp_path / "a", {0: moving[1][0]})
    metadata = json.loads((given / "metadata.json").read_text())
    metadata["annotations"][0]["filename"] = name
    (given / "metadata.json").write_text(json.dumps(metadata))
    assert refused(moving[0], given, tmp_path) == "FILENAME_INVALID"


def test_mask_file_that_is_missing_or_no_mask(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {0: moving[1][0]})
    grey = cv2.imencode(".webp", texture(HEIGHT, WIDTH), [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
    (given / "frame_000001.webp").write_bytes(grey.tobytes())
    assert refused(moving[0], given, tmp_path) == "MASK_WRONG_VALUES"
    (given / "frame_000001.webp").write_bytes(b"RIFF")
    assert refused(moving[0], given, tmp_path) == "MASK_NOT_LOSSLESS_WEBP"
    (given / "frame_000001.webp").unlink()
    assert refused(moving[0], given, tmp_path) == "MASK_MISSING"


def test_earlier_result_may_serve_as_annotations(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {0: {LABEL_ID: masks[0], "B": disc(HEIGHT, WIDTH, 110, 80, 9)}}, [6])
    _, first = run(clip, given, tmp_path)
    (tmp_path / "out").rename(tmp_path / "first")
    _, again = run(clip, tmp_path / "first", tmp_path)
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert entries_of(tmp_path / "first") == entries_of(tmp_path / "out")


def test_mask_that_leaves_the_picture_vanishes(tmp_path: Path) -> None:
    frames, masks = moving_clip(40, HEIGHT, WIDTH, step=3)
    assert masks[0].any() and not masks[-1].any()
    clip = write_frames(tmp_path / "clip", frames)
    _, tracked = run(clip, write_annotations(tmp_path / "a", {0: masks[0]}), tmp_path)
    left = 0.02 * masks[0].sum()
    assert all(tracked[n].sum() <= left for n in range(40) if not masks[n].any())


def test_frozen_and_duplicated_frames_keep_the_mask_in_place(tmp_path: Path) -> None:
    frames, masks = moving_clip(4, HEIGHT, WIDTH, step=2)
    order = [0, 0, 0, 1, 1, 2, 3, 3]
    clip = write_frames(tmp_path / "clip", [frames[n] for n in order])
    _, tracked = run(clip, write_annotations(tmp_path / "a", {0: masks[0]}), tmp_path)
    assert np.array_equal(tracked[1], masks[0]) and np.array_equal(tracked[2], masks[0])
    assert all(dice(tracked[n], masks[source]) > 0.95 for n, source in enumerate(order))


def test_cut_between_two_scenes_gives_each_side_its_annotation(tmp_path: Path) -> None:
    frames, masks = moving_clip(5, HEIGHT, WIDTH, step=2)
    other = [cv2.flip(frame, -1) for frame in frames]
    clip = write_frames(tmp_path / "clip", frames + other)
    flipped = [cv2.flip(mask, -1) for mask in masks]
    given = write_annotations(tmp_path / "a", {0: masks[0], 9: flipped[4]})
    _, tracked = run(clip, given, tmp_path)
    truth = masks + flipped
    assert np.mean([dice(tracked[n], truth[n]) for n in range(10)]) > 0.75
    confidence = {n: e[0]["confidence"] for n, e in entries_of(tmp_path / "out").items() if not e[0]["is_annotation"]}
    assert max(confidence.values()) <= 1 and min(confidence.values()) >= 0


def test_split_and_join_are_tracked_from_both_sides(tmp_path: Path) -> None:
    background = cv2.cvtColor(texture(HEIGHT, WIDTH), cv2.COLOR_GRAY2BGR)
    frames, masks = [], []
    for number in range(9):
        gap = 2.5 * number
        mask = disc(HEIGHT, WIDTH, 64 - 6 - gap, 48, 12) | disc(HEIGHT, WIDTH, 64 + 6 + gap, 48, 12)
        frame = background.copy()
        frame[mask > 0] = frame[mask > 0] // 4
        frames.append(frame)
        masks.append(mask)
    assert [cv2.connectedComponents(masks[n])[0] - 1 for n in (0, 8)] == [1, 2]
    for name, step in (("split", 1), ("join", -1)):
        clip = write_frames(tmp_path / name / "clip", frames[::step])
        truth = masks[::step]
        given = write_annotations(tmp_path / name / "a", {0: truth[0], 8: truth[8]})
        _, tracked = run(clip, given, tmp_path / name)
        assert np.mean([dice(tracked[n], truth[n]) for n in range(1, 8)]) > 0.85


def test_unknown_method_names_the_known(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {})
    with pytest.raises(MethodError, match=r"no flow method 'raft'\. Known: dis, farneback\."):
        track(moving[0], given, tmp_path / "out", flow_method="raft")


def test_output_that_cannot_be_written(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    given = write_annotations(tmp_path / "a", {0: moving[1][0]})
    with pytest.raises(OutputError, match="The result cannot be written"):
        track(moving[0], given, tmp_path / "file" / "out")


@pytest.mark.parametrize("place", ["clip", "file", "papers"])
def test_output_where_something_else_lies_is_left_alone(
    moving: tuple[Path, list[Array]], tmp_path: Path, place: str
) -> None:
    clip = write_frames(tmp_path / "clip", [cv2.imread(str(file)) for file in sorted(moving[0].iterdir())])
    (tmp_path / "file").write_text("mine")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "metadata.json").write_text("{}")
    (tmp_path / "papers" / "thesis.txt").write_text("mine")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    given = write_annotations(tmp_path.with_name(f"{tmp_path.name}-a"), {0: moving[1][0]})
    with pytest.raises(OutputError) as caught:
        track(clip, given, tmp_path / place)
    assert caught.value.code == "OUTPUT_OCCUPIED"
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_names_too_long_for_the_disk(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    long, given = "a" * 300, write_annotations(tmp_path / "a", {0: moving[1][0]})
    assert refused(Path(long), given, tmp_path) == "CLIP_UNREADABLE"
    assert refused(moving[0], Path(long), tmp_path) == "ANNOTATIONS_UNREADABLE"
    with pytest.raises(OutputError, match="cannot be written"):
        track(moving[0], given, tmp_path / long)
    _, tracked = run(moving[0], given, tmp_path, flow_cache=FlowStore(tmp_path / long), previous=tmp_path / long)
    assert all(mask.any() for mask in tracked.values())


def test_result_is_the_same_each_time(moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {0: moving[1][0], 5: moving[1][5]})
    for name in ("one", "two"):
        track(moving[0], given, tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).glob("*.webp")} for n in ("one", "two"))
    assert one == two and len(one) == COUNT
    assert entries_of(tmp_path / "one") == entries_of(tmp_path / "two")
