"""Do processes that share one flow store leave each other whole, also when one removes what another is using?"""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from tests.tracking.helpers import masks_of, moving_clip, write_annotations, write_frames
from tests.tracking.test_kept_walk import GRID, made, same
from tracking.flow_store import FlowStore
from tracking.kept_walk import KeptWalk
from tracking.track import track

COUNT, HEIGHT, WIDTH, ROUNDS = 5, 96, 128, 6


def _track_often(folder: Path, name: str, limit: int) -> None:
    """What each process does: its own clip again and again, with the store that both share."""
    for round_ in range(ROUNDS):
        out = folder / f"{name}-{round_}"
        track(folder / name, folder / f"{name}-given", out, flow_cache=FlowStore(folder / "flow", limit))


def test_two_processes_with_room_for_one_clip(tmp_path: Path) -> None:
    expected = {}
    for name, step in (("one", 2), ("two", 3)):
        frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step)
        clip = write_frames(tmp_path / name, frames)
        given = write_annotations(tmp_path / f"{name}-given", {0: masks[0], COUNT - 1: masks[-1]})
        track(clip, given, tmp_path / f"{name}-alone", flow_cache=FlowStore(tmp_path / "alone"))
        expected[name] = masks_of(tmp_path / f"{name}-alone", HEIGHT, WIDTH)
    limit = sum(file.stat().st_size for file in (tmp_path / "alone").iterdir()) // 2
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_track_often, args=(tmp_path, name, limit)) for name in expected]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    for name, masks in expected.items():
        for round_ in range(ROUNDS):
            found = masks_of(tmp_path / f"{name}-{round_}", HEIGHT, WIDTH)
            assert all(np.array_equal(found[number], masks[number]) for number in range(COUNT))
    left = list((tmp_path / "flow").iterdir())
    assert all(file.suffix in (".flow", ".walk") for file in left)
    FlowStore(tmp_path / "flow", limit).evict()
    assert sum(file.stat().st_size for file in (tmp_path / "flow").iterdir()) <= limit


def test_a_walk_removed_while_it_is_written_is_written_again(tmp_path: Path) -> None:
    path, steps = tmp_path / "a.walk", made(4)
    walk = KeptWalk(GRID, path)
    walk.keep(*steps[0])
    walk.keep(*steps[1])
    path.unlink()
    walk.keep(*steps[2])
    walk.keep(*steps[3])
    again = KeptWalk(GRID, path)
    for place in range(4):
        kept = walk.at(place)
        assert kept is not None and same(again.at(place), kept)


def test_a_walk_with_a_hole_ends_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, steps = tmp_path / "a.walk", made(3)
    walk = KeptWalk(GRID, path)
    for step in steps:
        walk.keep(*step)
    whole = path.read_bytes()
    first = len(whole) // 3
    path.write_bytes(whole[:first] + bytes(first) + whole[2 * first :])
    again = KeptWalk(GRID, path)
    assert again.at(0) is not None and again.at(1) is None and "damaged" in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no open files")
def test_flow_removed_the_moment_it_is_kept_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, 2)
    clip = write_frames(tmp_path / "clip", frames)
    given = write_annotations(tmp_path / "given", {0: masks[0]})
    track(clip, given, tmp_path / "expected")
    replace, utime = Path.replace, os.utime

    def replaced_and_removed(self: Path, target: Path) -> Path:
        done = replace(self, target)
        if target.suffix == ".flow":
            target.unlink()
        return done

    def removed_first(path: Path) -> None:
        path.unlink()
        utime(path)

    monkeypatch.setattr(Path, "replace", replaced_and_removed)
    track(clip, given, tmp_path / "first", flow_cache=FlowStore(tmp_path / "flow"))
    monkeypatch.setattr(Path, "replace", replace)
    track(clip, given, tmp_path / "kept", flow_cache=FlowStore(tmp_path / "flow"))
    monkeypatch.setattr(os, "utime", removed_first)
    assert track(clip, given, tmp_path / "removed", flow_cache=FlowStore(tmp_path / "flow")).flow_kept
    expected = masks_of(tmp_path / "expected", HEIGHT, WIDTH)
    for name in ("first", "kept", "removed"):
        found = masks_of(tmp_path / name, HEIGHT, WIDTH)
        assert all(np.array_equal(found[number], expected[number]) for number in range(COUNT))
