"""Does the whole thing work? Paint with the mouse in a real browser, save, and the server carries it to other frames.

Real server process, real worker processes, real core process, real viewer in Chromium and in QtWebEngine. The clip's
motion is known, so where the painted spot must turn up on other frames is known too.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.page import Page
from tests.e2e.conftest import FRAMES, HEIGHT, WIDTH, KnownClip
from tests.e2e.viewer import Mask, Viewer
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation_process import WorkstationProcess
from tracking.contracts.archive import unpack
from tracking.contracts.masks import decode_mask

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PAINTED = 8
SPOT = np.array([[206.0, 95.0]])  # on frame 0, outside the left ventricle, beside its wall
OTHERS = (9, 12, 16)


def station(directory: Path, server: ServerProcess, clip: KnownClip, editor: str) -> WorkstationProcess:
    return WorkstationProcess(
        directory, DATASET=f"folder:{clip.directory}", SERVER_URL=server.address, USER_EMAIL=editor
    )


def spot_on(clip: KnownClip, frame_number: int) -> tuple[float, float]:
    """Where the painted spot lies on a frame, by the known motion."""
    ((x, y),) = clip.motion.locate(frame_number, SPOT)
    return float(x), float(y)


def holds(mask: Mask, point: tuple[float, float]) -> bool:
    x, y = (round(value) for value in point)
    return bool(mask[y, x])


def near(left: float, right: float, y: float, distance: float) -> Mask:
    """Pixels within a distance of the horizontal line from (left, y) to (right, y)."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(columns - np.clip(columns, left, right), rows - y) <= distance)


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
    tmp_path: Path, known_clip: KnownClip, server: ServerProcess, open_page: Callable[[], Page]
) -> None:
    with station(tmp_path / "a", server, known_clip, "a@example.org") as own:
        viewer = Viewer(open_page(), own.address)
        first = viewer.mask(0)
        assert dice(first, known_clip.motion.mask(0, known_clip.outline) > 0) > 0.97
        before = {number: viewer.mask(number) for number in OTHERS}
        for number, mask in before.items():
            assert viewer.kind(number) == "tracked"
            assert dice(mask, known_clip.motion.mask(number, known_clip.outline) > 0) > 0.85
            assert not holds(mask, spot_on(known_clip, number))

        viewer.show(PAINTED)
        there = viewer.mask(PAINTED)
        x, y = spot_on(known_clip, PAINTED)
        viewer.stroke([(x - 14, y), (x - 4, y), (x, y)])
        painted = viewer.mask(PAINTED)
        radius = viewer.state()["brush_radius"]
        assert viewer.kind(PAINTED) == "annotation"
        assert not (there & ~painted).any(), "painting took something away"
        assert (painted | ~near(x - 14, x, y, radius - 1.5)).all(), "painted less than the brush covered"
        assert (near(x - 14, x, y, radius + 1.5) | ~(painted & ~there)).all(), "painted beside the stroke"
        viewer.save()
        version = viewer.wait_until_saved(None)

        assert np.array_equal(viewer.mask(0), first), "an annotation was altered"
        assert np.array_equal(viewer.mask(PAINTED), painted), "what was painted was altered"
        for number in OTHERS:
            after = viewer.mask(number)
            assert viewer.kind(number) == "tracked"
            assert holds(after, spot_on(known_clip, number)), f"frame {number} lacks what was painted"
            assert (after & ~before[number]).sum() > 60
        served, masks = served_masks(server, known_clip)
        assert served == version
        assert sorted(masks) == list(range(FRAMES))
        for number in range(FRAMES):
            assert np.array_equal(viewer.mask(number), masks[number]), f"frame {number} differs from the server's"
        assert viewer.page.problems() == []


def test_two_people_other_frames_are_joined_and_the_same_frame_is_asked_about(
    tmp_path: Path, known_clip: KnownClip, server: ServerProcess, open_page: Callable[[], Page]
) -> None:
    with (
        station(tmp_path / "a", server, known_clip, "a@example.org") as own,
        station(tmp_path / "b", server, known_clip, "b@example.org") as other,
    ):
        mine, theirs = Viewer(open_page(), own.address), Viewer(open_page(), other.address)
        paint_at(mine, known_clip, 8, 0)
        paint_at(theirs, known_clip, 16, 0)
        mine.save()
        version = mine.wait_until_saved(None)
        assert counted(server, "goobusters_conflicts_total") == 0
        theirs.save()
        version = theirs.wait_until_saved(version)
        refused = counted(server, "goobusters_conflicts_total")
        assert refused >= 1, "the second save was not refused first"
        assert theirs.page.evaluate("document.querySelector('dialog[open]') === null")
        assert theirs.kind(8) == theirs.kind(16) == "annotation"
        assert holds(theirs.mask(8), spot_on(known_clip, 8))

        mine.wait_until_shown(version)
        paint_at(mine, known_clip, 12, -30)
        paint_at(theirs, known_clip, 12, 30)
        upper, lower = mine.mask(12), theirs.mask(12)
        mine.save()
        version = mine.wait_until_saved(version)
        theirs.save()
        theirs.page.wait_for("document.querySelector('dialog[open]') !== null", "the conflict dialog", 60)
        assert counted(server, "goobusters_conflicts_total") > refused
        assert "Frame 13" in theirs.page.evaluate("document.querySelector('dialog[open]').innerText")
        buttons = "[...document.querySelectorAll('dialog[open] button')]"
        theirs.page.evaluate(f"{buttons}.find((b) => b.innerText === 'Use these').click() ?? true")
        theirs.wait_until_saved(version)
        assert np.array_equal(theirs.mask(12), upper | lower), "joining both lost something"


def paint_at(viewer: Viewer, clip: KnownClip, frame_number: int, down: float) -> None:
    """A stroke across the spot, `down` pixels below it."""
    x, y = spot_on(clip, frame_number)
    viewer.show(frame_number)
    viewer.stroke([(x - 10, y + down), (x, y + down)])
