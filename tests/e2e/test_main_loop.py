"""Does the whole thing work? Paint with the mouse in a real browser, save, and the server carries it to other frames.

Real server process, real worker processes, real core process, real viewer in Chromium and in QtWebEngine. The clip's
motion is known, so where the painted spot must turn up on other frames is known too.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.stack import Stack
from tests.browser.viewer import SAVE_SECONDS, Mask, Viewer, capsules
from tests.e2e.conftest import FRAMES, HEIGHT, WIDTH, KnownClip
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import unpack
from tracking.contracts.masks import decode_mask

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PAINTED = 8
SPOT = np.array([[206.0, 95.0]])  # on frame 0, outside the left ventricle, beside its wall
OTHERS = (9, 12, 16)


def spot_on(clip: KnownClip, frame_number: int) -> tuple[float, float]:
    """Where the painted spot lies on a frame, by the known motion: x and y from the picture's top left corner."""
    ((x, y),) = clip.motion.locate(frame_number, SPOT) + 0.5
    return float(x), float(y)


def holds(mask: Mask, point: tuple[float, float]) -> bool:
    x, y = (int(value) for value in point)
    return bool(mask[y, x])


def dice(one: Mask, other: Mask) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def served_masks(server: ServerProcess, clip: KnownClip) -> tuple[str | None, dict[int, Mask]]:
    """Version and {frame_number: mask} of the server's archive."""
    answer = server.get(f"/api/masks/{clip.path}")
    assert answer.status_code == 200
    archive = unpack(io.BytesIO(answer.content))
    masks = {}
    for entry in archive.metadata["frames"]:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        if entry["filename"]:
            pixels = decode_mask(archive.masks[entry["filename"]], WIDTH, HEIGHT)
            mask = np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH) > 0
        masks[entry["frame_number"]] = mask
    return archive.metadata["version_id"], masks


def counted(server: ServerProcess, metric: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    (value,) = (line.split()[-1] for line in lines if line.split()[0] == metric)
    return float(value)


def test_paint_save_and_see_it_on_other_frames(
    known_clip: KnownClip, stack: Stack, open_viewer: Callable[[str], Viewer]
) -> None:
    viewer = open_viewer("a@example.org")
    first = viewer.mask(0)
    assert dice(first, known_clip.motion.mask(0, known_clip.outline) > 0) > 0.97
    before = {number: viewer.mask(number) for number in OTHERS}
    for number, mask in before.items():
        assert viewer.kind(number) == "tracked"
        assert dice(mask, known_clip.motion.mask(number, known_clip.outline) > 0) > 0.85
        assert not holds(mask, spot_on(known_clip, number))

    viewer.go_to(PAINTED)
    there = viewer.mask()
    x, y = spot_on(known_clip, PAINTED)
    path = viewer.paint((x - 14, y), (x - 4, y), (x, y))
    painted = viewer.mask()
    radius = viewer.state()["brush_radius"]
    assert viewer.kind() == "annotation"
    assert np.array_equal(painted, there | capsules(path, radius, WIDTH, HEIGHT))
    viewer.page.click("[data-command=save]")
    version = viewer.wait_saved(None)

    assert np.array_equal(viewer.mask(0), first), "an annotation was altered"
    assert np.array_equal(viewer.mask(PAINTED), painted), "what was painted was altered"
    for number in OTHERS:
        after = viewer.mask(number)
        assert viewer.kind(number) == "tracked"
        assert holds(after, spot_on(known_clip, number)), f"frame {number} lacks what was painted"
        assert (after & ~before[number]).sum() > 60
    served, masks = served_masks(stack.server, known_clip)
    assert served == version
    assert sorted(masks) == list(range(FRAMES))
    for number in range(FRAMES):
        assert np.array_equal(viewer.mask(number), masks[number]), f"frame {number} differs from the server's"
    assert viewer.page.problems() == []


def test_two_people_other_frames_are_joined_and_the_same_frame_is_asked_about(
    known_clip: KnownClip, stack: Stack, open_viewer: Callable[[str], Viewer]
) -> None:
    mine, theirs = open_viewer("a@example.org"), open_viewer("b@example.org")
    paint_at(mine, known_clip, 8, 0)
    paint_at(theirs, known_clip, 16, 0)
    mine.page.click("[data-command=save]")
    version = mine.wait_saved(None)
    assert counted(stack.server, "goobusters_conflicts_total") == 0
    theirs.page.click("[data-command=save]")
    version = theirs.wait_saved(version)
    refused = counted(stack.server, "goobusters_conflicts_total")
    assert refused >= 1, "the second save was not refused first"
    assert theirs.page.evaluate("document.querySelector('dialog[open]') === null")
    assert theirs.kind(8) == theirs.kind(16) == "annotation"
    assert holds(theirs.mask(8), spot_on(known_clip, 8))

    mine.wait_shown(version)
    paint_at(mine, known_clip, 12, -30)
    paint_at(theirs, known_clip, 12, 30)
    upper, lower = mine.mask(12), theirs.mask(12)
    assert (upper & ~lower).any() and (lower & ~upper).any()
    mine.page.click("[data-command=save]")
    version = mine.wait_saved(version)
    theirs.page.click("[data-command=save]")
    theirs.page.wait_for("document.querySelector('dialog[open]') !== null", "the conflict dialog", SAVE_SECONDS)
    assert counted(stack.server, "goobusters_conflicts_total") > refused
    assert "Frame 13" in theirs.page.evaluate("document.querySelector('dialog[open]').innerText")
    buttons = "[...document.querySelectorAll('dialog[open] button')]"
    theirs.page.evaluate(f"{buttons}.find((b) => b.innerText === 'Use these').click() ?? true")
    theirs.wait_saved(version)
    assert np.array_equal(theirs.mask(12), upper | lower), "joining both lost something"


def paint_at(viewer: Viewer, clip: KnownClip, frame_number: int, down: float) -> None:
    """A stroke across the spot, `down` pixels below it, kept on disk by the workstation."""
    x, y = spot_on(clip, frame_number)
    viewer.go_to(frame_number)
    viewer.paint((x - 10, y + down), (x, y + down))
    viewer.page.wait_for("goobusters.state().unsaved.includes(frame)", "the stroke", frame=frame_number)
    viewer.wait_written()
