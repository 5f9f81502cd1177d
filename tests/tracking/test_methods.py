"""Do a lab's own flow method and its own clip tracker plug in by name, without a change to this package?"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import Array, dice, disc, entries_of, masks_of, moving_clip, write_annotations, write_frames
from tracking.errors import Cancelled, MethodError
from tracking.flow import ClipTracker, DisFlow, FlowMethod, find_method, flow_between, method_factories
from tracking.hookspecs import PROJECT, hookimpl, plugin_manager
from tracking.track import track

HEIGHT, WIDTH, COUNT = 96, 128, 8


class ShiftFlow:
    """An example of a flow method: one shift for the whole picture, by phase correlation. A RAFT would look alike."""

    name = "shift"
    version = "1"

    def compute(self, previous: Array, following: Array, init: object = None) -> np.ndarray:
        window = cv2.createHanningWindow(previous.shape[::-1], cv2.CV_32F)
        shift, _ = cv2.phaseCorrelate(previous.astype(np.float32), following.astype(np.float32), window)
        return np.full((*previous.shape, 2), shift, np.float32)


class PatchTracker:
    """An example of a clip tracker: looks for the first annotated patch in every frame. A SAM 2 would look the same."""

    name = "patch"
    version = "1"

    def track_label(self, clip, annotated, wanted, cancelled) -> Iterator[tuple[int, Array, float]]:
        number, mask = next((number, mask) for number, mask in sorted(annotated.items()) if mask.any())
        left, top, width, height = cv2.boundingRect(mask)
        patch = clip.frame(number)[top : top + height, left : left + width]
        for number, frame in enumerate(clip.frames()):
            if cancelled():
                return
            if any(number in frames for frames in wanted):
                _, likeness, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(frame, patch, cv2.TM_CCOEFF_NORMED))
                yield number, np.roll(mask, (y - top, x - left), (0, 1)), likeness


class LabPlugin:
    """What a lab's package registers through its entry point."""

    @hookimpl
    def goobusters_flow_methods(self) -> dict[str, type]:
        return {"shift": ShiftFlow, "patch": PatchTracker}


@pytest.fixture
def lab() -> Iterator[None]:
    plugin_manager().register(LabPlugin(), "lab")
    yield
    plugin_manager().unregister(name="lab")


@pytest.fixture
def moving(tmp_path: Path) -> tuple[Path, list[Array]]:
    frames, masks = moving_clip(COUNT, HEIGHT, WIDTH, step=2)
    return write_frames(tmp_path / "clip", frames), masks


@pytest.mark.parametrize("name", ["dis", "farneback", "shift"])
def test_flow_methods_by_name(lab: None, moving: tuple[Path, list[Array]], tmp_path: Path, name: str) -> None:
    clip, masks = moving
    track(clip, write_annotations(tmp_path / "a", {0: masks[0]}), tmp_path / "out", flow_method=name)
    tracked = masks_of(tmp_path / "out", HEIGHT, WIDTH)
    assert all(dice(tracked[n], masks[n]) > 0.9 for n in range(COUNT))
    assert f'"flow_method":"{name}"' in (tmp_path / "out" / "metadata.json").read_text()


def test_clip_tracker_by_name(lab: None, moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    clip, masks = moving
    given = write_annotations(tmp_path / "a", {0: masks[0]}, [6])
    track(clip, given, tmp_path / "out", flow_method="patch")
    tracked, entries = masks_of(tmp_path / "out", HEIGHT, WIDTH), entries_of(tmp_path / "out")
    assert np.array_equal(tracked[0], masks[0])
    assert all(dice(tracked[n], masks[n]) > 0.95 for n in range(1, 6))
    assert entries[3][0]["confidence"] > 0.9
    assert not tracked[7].any() and entries[6][0]["is_annotation"], "the rules of F and C hold for trackers too"


def test_clip_tracker_redoes_all_after_any_change(lab: None, moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    clip, masks = moving
    before, after = {0: masks[0], 4: masks[4]}, {0: masks[0], 4: disc(HEIGHT, WIDTH, 60, 50, 9)}
    for name, masks_at in (("a", before), ("b", after)):
        write_annotations(tmp_path / name, masks_at)
    track(clip, tmp_path / "a", tmp_path / "one", flow_method="patch")
    options = {"flow_method": "patch", "previous": tmp_path / "one"}
    assert track(clip, tmp_path / "b", tmp_path / "two", **options).frames_redone == COUNT
    assert track(clip, tmp_path / "a", tmp_path / "same", **options).frames_redone == 0


def test_clip_tracker_is_cancelled(lab: None, moving: tuple[Path, list[Array]], tmp_path: Path) -> None:
    given = write_annotations(tmp_path / "a", {0: moving[1][0]})
    with pytest.raises(Cancelled):
        track(moving[0], given, tmp_path / "out", flow_method="patch", cancelled=lambda: True)


@pytest.mark.parametrize("wrong", ["shape", "missing"])
def test_clip_tracker_that_breaks_its_promise(
    moving: tuple[Path, list[Array]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, lab: None
) -> None:
    def broken(self, clip, annotated, wanted, cancelled):
        if wrong == "shape":
            yield 1, np.zeros((3, 3), np.uint8), 0.5

    monkeypatch.setattr(PatchTracker, "track_label", broken)
    given = write_annotations(tmp_path / "a", {0: moving[1][0]})
    with pytest.raises(MethodError) as caught:
        track(moving[0], given, tmp_path / "out", flow_method="patch")
    assert caught.value.code == "METHOD_RESULT"


@pytest.mark.parametrize("result", [np.zeros((9, 9, 2), np.float32), np.full((40, 50, 2), np.nan, np.float32), None])
def test_flow_method_that_breaks_its_promise(result: object) -> None:
    class Broken(ShiftFlow):
        def compute(self, previous, following, init=None):
            return result

    with pytest.raises(MethodError, match="finite flow"):
        flow_between(Broken(), np.zeros((40, 50), np.uint8), np.zeros((40, 50), np.uint8))


def test_kinds_are_told_apart_and_listed(lab: None) -> None:
    assert sorted(method_factories()) == ["dis", "farneback", "patch", "shift"]
    assert isinstance(find_method("shift"), FlowMethod) and not isinstance(find_method("shift"), ClipTracker)
    assert isinstance(find_method("patch"), ClipTracker) and not isinstance(find_method("patch"), FlowMethod)


def test_two_plugins_may_not_claim_one_name(lab: None) -> None:
    plugin_manager().register(LabPlugin(), "another lab")
    try:
        with pytest.raises(MethodError) as caught:
            find_method("shift")
        assert caught.value.code == "METHOD_DUPLICATE"
    finally:
        plugin_manager().unregister(name="another lab")


def test_plugin_that_offers_no_method(lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabPlugin, "goobusters_flow_methods", hookimpl(lambda self: {"odd": dict}))
    plugin_manager().unregister(name="lab")
    plugin_manager().register(LabPlugin(), "lab")
    with pytest.raises(MethodError, match="neither"):
        find_method("odd")


def test_installed_plugin_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab_flow.py").write_text(
        "from tracking.flow import DisFlow\nfrom tracking.hookspecs import hookimpl\n\n"
        "@hookimpl\ndef goobusters_flow_methods():\n    return {'lab': DisFlow}\n"
    )
    info = tmp_path / "lab_flow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-flow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{PROJECT}]\nlab = lab_flow\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin_manager.cache_clear()
    try:
        assert isinstance(find_method("lab"), DisFlow)
    finally:
        plugin_manager.cache_clear()


def test_first_guess_is_used_and_left_alone() -> None:
    frames, _ = moving_clip(2, HEIGHT, WIDTH, step=6)
    one, two = (cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames)
    for name in ("dis", "farneback"):
        guess = np.full((HEIGHT, WIDTH, 2), (6, 0), np.float32)
        found = flow_between(find_method(name), one, two, guess)
        assert abs(np.median(found[20:-20, 20:-20, 0]) - 6) < 0.1
        assert (guess == (6, 0)).all()
