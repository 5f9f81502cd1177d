"""Is kept flow given back as it was, found out when damaged, small, bounded, and usable while it is made?"""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.tracking.helpers import masks_of, moving_clip, write_annotations, write_frames
from tracking.errors import Cancelled, ClipError, OutputError
from tracking.flow import DisFlow, FarnebackFlow
from tracking.flow_store import FlowFile, FlowHeader, FlowStore, quantise
from tracking.motion import Motion, flow_key
from tracking.open_clip import open_clip
from tracking.params import Params
from tracking.track import track

COUNT = 6


class CountingFlow(DisFlow):
    """DIS that counts how often it is asked."""

    calls = 0

    def compute(self, previous, following, init=None):
        type(self).calls += 1
        return super().compute(previous, following, init)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "clip", moving_clip(COUNT, 96, 128, 2)[0])


@pytest.fixture
def store(tmp_path: Path) -> FlowStore:
    return FlowStore(tmp_path / "flow")


def fill(clip: Path, store: FlowStore) -> Path:
    with Motion(open_clip(clip), DisFlow(), Params(), store) as motion:
        motion.finish()
    (kept,) = store.directory.iterdir()
    return kept


def test_kept_flow_is_what_was_computed_and_is_not_computed_again(clip: Path, store: FlowStore) -> None:
    with Motion(open_clip(clip), DisFlow(), Params(), store) as motion:
        first = [motion.forward(n).copy() for n in range(COUNT - 1)] + [motion.backward(n) for n in range(1, COUNT)]
        pictures = [motion.picture(n).copy() for n in range(COUNT)]
        small = [motion.grid_picture(n).copy() for n in range(COUNT)]
        assert not motion.was_kept
    CountingFlow.calls = 0
    with Motion(open_clip(clip), CountingFlow(), Params(), store) as motion:
        again = [motion.forward(n).copy() for n in range(COUNT - 1)] + [motion.backward(n) for n in range(1, COUNT)]
        assert motion.was_kept and motion.frame_count == COUNT and CountingFlow.calls == 0
        assert all(np.array_equal(one, motion.picture(n)) for n, one in enumerate(pictures))
        assert all(np.array_equal(one, motion.grid_picture(n)) for n, one in enumerate(small))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))


def test_flow_is_right_and_points_forward(clip: Path) -> None:
    with Motion(open_clip(clip), DisFlow(), Params()) as motion:
        scale = motion.width / motion.grid_size[1]
        inner = (slice(8, -8), slice(8, -8))
        assert abs(np.median(motion.forward(2)[inner][..., 0]) * scale - 2) < 0.1
        assert abs(np.median(motion.backward(3)[inner][..., 0]) * scale + 2) < 0.1
        assert abs(np.median(motion.forward(2)[inner][..., 1])) < 0.05


def test_frames_are_decoded_only_as_far_as_needed(clip: Path, store: FlowStore) -> None:
    found: list[int] = []
    with Motion(open_clip(clip), DisFlow(), Params(), store) as motion:
        motion.on_frame_found = found.append
        motion.forward(1)
        assert found == [1, 2, 3]
    assert not list(store.directory.iterdir()), "half a clip's flow is not kept"


def test_frozen_frames_do_not_move_at_all(tmp_path: Path) -> None:
    frame = moving_clip(1)[0][0]
    with Motion(open_clip(write_frames(tmp_path / "c", [frame] * 3)), DisFlow(), Params()) as motion:
        assert not motion.forward(0).any() and not motion.backward(2).any()


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other", "header"])
def test_damaged_flow_is_computed_again(clip: Path, store: FlowStore, damage: str, tmp_path: Path, caplog) -> None:
    kept = fill(clip, store)
    whole = kept.read_bytes()
    middle = len(whole) // 2
    kept.write_bytes(
        {
            "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "cut": whole[:middle],
            "empty": b"",
            "other": b"something else entirely" * 10,
            "header": b"{" + whole,
        }[damage]
    )
    masks = moving_clip(COUNT, 96, 128, 2)[1]
    given = write_annotations(tmp_path / "a", {0: masks[0]})
    result = track(clip, given, tmp_path / "out", flow_cache=store)
    assert not result.flow_kept and "damaged" in caplog.text
    assert kept.read_bytes() == whole
    assert track(clip, given, tmp_path / "again", flow_cache=store).flow_kept
    one, two = (masks_of(tmp_path / name, 96, 128) for name in ("out", "again"))
    assert all(np.array_equal(one[n], two[n]) for n in one)


def test_keys_depend_on_clip_method_and_sizes(clip: Path, tmp_path: Path) -> None:
    other = write_frames(tmp_path / "other", moving_clip(COUNT, 96, 128, 1)[0])
    keys = {
        flow_key(open_clip(clip), DisFlow(), Params()),
        flow_key(open_clip(other), DisFlow(), Params()),
        flow_key(open_clip(clip), FarnebackFlow(), Params()),
        flow_key(open_clip(clip), DisFlow(), Params(picture_pixels=1000)),
        flow_key(open_clip(clip), DisFlow(), Params(grid_step=1)),
    }
    assert len(keys) == 5
    assert flow_key(open_clip(clip), DisFlow(), Params()) in keys


def test_least_recently_used_go_first(tmp_path: Path) -> None:
    store = FlowStore(tmp_path / "flow", limit=1)
    header = FlowHeader(8, 8, 8, 8, 4, 4)
    for age, name in enumerate(("oldest", "older", "newest")):
        file = store.begin(name, header)
        file.append(b"picture", np.zeros((4, 4), np.uint8), None)
        store.limit = 1 << 20
        store.keep(name, file)
        file.close()
        os.utime(store.directory / f"{name}.flow", (1000 + age, 1000 + age))
    used = store.open("oldest")
    assert used is not None
    used.close()
    size = (store.directory / "newest.flow").stat().st_size
    store.limit = 2 * size
    store.evict()
    assert sorted(path.stem for path in store.directory.iterdir()) == ["newest", "oldest"]


def test_the_clip_just_kept_survives_a_limit_too_small(clip: Path, tmp_path: Path) -> None:
    store = FlowStore(tmp_path / "flow", limit=10)
    assert fill(clip, store).is_file()


def test_read_only_store_costs_speed_not_masks(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where the directory should be")
    given = write_annotations(tmp_path / "a", {0: moving_clip(COUNT, 96, 128, 2)[1][0]})
    result = track(clip, given, tmp_path / "out", flow_cache=FlowStore(tmp_path / "file" / "flow"))
    assert result.mask_count == COUNT


def test_disk_that_fills_up_is_one_sentence(clip: Path, store: FlowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FlowFile, picture: bytes, small: object, flows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FlowFile, "append", full)
    given = write_annotations(clip.parent / "a", {0: moving_clip(COUNT, 96, 128, 2)[1][0]})
    with pytest.raises(OutputError, match="No space left"):
        track(clip, given, clip.parent / "out", flow_cache=store)
    assert not list(store.directory.iterdir()) and not (clip.parent / "out").exists()


def test_cancel_leaves_no_file(clip: Path, store: FlowStore) -> None:
    asked = iter([False, False, False, True])
    with (
        pytest.raises(Cancelled),
        Motion(open_clip(clip), DisFlow(), Params(), store, cancelled=lambda: next(asked, True)) as motion,
    ):
        motion.finish()
    assert not list(store.directory.iterdir())


def test_frame_that_vanished_meanwhile_is_an_error_and_leaves_no_file(clip: Path, store: FlowStore) -> None:
    opened = open_clip(clip)
    assert opened.digest  # read once and remembered
    (clip / "00004.png").unlink()
    with pytest.raises(ClipError), Motion(opened, DisFlow(), Params(), store) as motion:
        motion.finish()
    assert not list(store.directory.iterdir())


def test_flow_and_walks_take_less_than_300_kilobytes_a_frame_at_640x480(tmp_path: Path, store: FlowStore) -> None:
    frames, masks = moving_clip(COUNT, 480, 640, 3)
    coloured = [frame // np.array([1, 2, 3], np.uint8) for frame in frames]  # colour takes three times the room
    given = write_annotations(tmp_path / "a", {0: masks[0], COUNT - 1: masks[-1]})
    track(write_frames(tmp_path / "wide", coloured), given, tmp_path / "out", flow_cache=store)
    sizes = {suffix: sum(f.stat().st_size for f in store.directory.glob(f"*{suffix}")) for suffix in (".flow", ".walk")}
    assert min(sizes.values()) > 0
    assert sizes[".flow"] / COUNT + sizes[".walk"] / (COUNT - 2) < 300_000  # annotated frames have no walks


def test_quantising_errs_by_half_a_step_and_holds_at_the_ends() -> None:
    flow = np.random.default_rng(0).uniform(-200, 200, (2, 5, 5, 2)).astype(np.float32)
    assert np.abs(quantise(flow) / 128 - flow).max() <= 0.5 / 128 + 1e-5
    assert quantise(np.full((1,), 1e6, np.float32)).tolist() == [32767]


def test_unfinished_file_is_not_taken_for_whole(tmp_path: Path) -> None:
    with (tmp_path / "part").open("w+b") as stream:
        file = FlowFile.create(stream, FlowHeader(8, 8, 8, 8, 4, 4))
        file.append(b"picture", np.zeros((4, 4), np.uint8), None)
        stream.flush()
        with pytest.raises(ValueError, match="damaged"):
            FlowFile.load(stream)
