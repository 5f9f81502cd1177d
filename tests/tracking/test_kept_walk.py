"""Does a kept walk come back as it was, also when it was cut off, damaged or gets longer, and is not walked again?"""

from pathlib import Path

import numpy as np
import pytest

from tests.tracking.helpers import disc, masks_of, moving_clip, write_annotations, write_frames
from tracking.flow_store import FlowStore
from tracking.kept_walk import KeptWalk
from tracking.track import track
from tracking.walk import Walk

GRID = (7, 9)


Held = tuple[np.ndarray, np.ndarray, int]


def made(count: int) -> list[Held]:
    random = np.random.default_rng(2)
    return [
        (
            random.uniform(-200, 200, (*GRID, 2)).astype(np.float32),
            random.uniform(-1, 1, GRID).astype(np.float32),
            int(random.integers(256)),
        )
        for _ in range(count)
    ]


def same(one: Held | None, other: Held) -> bool:
    return one is not None and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_comes_back_as_it_was_rounded(tmp_path: Path) -> None:
    walk = KeptWalk(GRID, tmp_path / "a.walk")
    for displacement, likeness, vain in made(5):
        kept = walk.keep(displacement, likeness, vain)
        assert np.abs(kept[0] - displacement).max() <= 0.5 / 128 + 1e-4
        assert np.abs(kept[1] - likeness).max() <= 0.5 / 100 + 1e-6
        assert kept[2] == vain
    again = KeptWalk(GRID, tmp_path / "a.walk")
    for place in range(5):
        there = walk.at(place)
        assert there is not None and same(again.at(place), there)
    assert again.at(5) is None


def test_extreme_values_are_held(tmp_path: Path) -> None:
    far = np.full((*GRID, 2), 1e6, np.float32)
    displacement, likeness, _ = KeptWalk(GRID).keep(far, np.full(GRID, -3, np.float32), 0)
    assert (displacement == 32767 / 128).all() and (likeness == -1).all()


@pytest.mark.parametrize("damage", ["cut", "flip", "tail"])
def test_damage_ends_the_walk_and_it_is_gone_on_from_there(tmp_path: Path, damage: str, caplog) -> None:
    path, steps = tmp_path / "a.walk", made(4)
    walk = KeptWalk(GRID, path)
    sizes = []
    for step in steps:
        walk.keep(*step)
        sizes.append(path.stat().st_size)
    whole = path.read_bytes()
    middle = sizes[1] + 12
    path.write_bytes(
        {
            "cut": whole[:middle],
            "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "tail": whole[: sizes[1]] + b"\xff" * 30,
        }[damage]
    )
    again = KeptWalk(GRID, path)
    assert again.at(1) is not None and again.at(2) is None and "damaged" in caplog.text
    for step in steps[2:]:
        again.keep(*step)
    assert path.read_bytes() == whole


def test_disk_that_refuses_costs_only_speed(tmp_path: Path, caplog) -> None:
    walk = KeptWalk(GRID, tmp_path / "none" / "a.walk")
    step = made(1)[0]
    assert same(walk.at(0) or walk.keep(*step), walk.at(0) or step) and "cannot be kept" in caplog.text


def test_repainted_mask_finds_its_walks_and_a_new_frame_does_not(tmp_path: Path, monkeypatch) -> None:
    frames, masks = moving_clip(9, 96, 128, 2)
    clip, store = write_frames(tmp_path / "clip", frames), FlowStore(tmp_path / "flow")
    went: list[int] = []
    advance = Walk._advance

    monkeypatch.setattr(Walk, "_advance", lambda self, *step: went.append(step[1]) or advance(self, *step))
    one = write_annotations(tmp_path / "one", {0: masks[0], 8: masks[8]})
    repainted = write_annotations(tmp_path / "two", {0: masks[0], 8: disc(96, 128, 60, 40, 20)})
    added = write_annotations(tmp_path / "three", {0: masks[0], 4: masks[4], 8: masks[8]})
    counts = []
    for given in (one, repainted, added):
        track(clip, given, tmp_path / "out", flow_cache=store)
        counts.append(len(went))
        went.clear()
    assert counts == [14, 0, 6]

    kept = masks_of(tmp_path / "out", 96, 128)
    track(clip, added, tmp_path / "fresh")
    fresh = masks_of(tmp_path / "fresh", 96, 128)
    assert all(np.array_equal(kept[n], fresh[n]) for n in range(9))


def test_two_labels_share_their_walks(tmp_path: Path, monkeypatch) -> None:
    frames, masks = moving_clip(6, 96, 128, 2)
    clip = write_frames(tmp_path / "clip", frames)
    went: list[int] = []
    advance = Walk._advance
    monkeypatch.setattr(Walk, "_advance", lambda self, *step: went.append(step[1]) or advance(self, *step))
    given = write_annotations(tmp_path / "a", {0: {"A": masks[0], "B": disc(96, 128, 110, 20, 9)}})
    track(clip, given, tmp_path / "out")
    assert went == [1, 2, 3, 4, 5]
