"""After thousands of random actions, do model, screen and the core's journal still say the same?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.browser.stack import Stack
from tests.browser.viewer import Mask, Viewer
from tests.helpers.clips import FRAMES

ACTIONS = (Path(__file__).with_name("static") / "random_actions.js").read_text("utf-8").partition("*/\n")[2]
CHUNK = 250
ROUNDS = {"chromium": 40, "webkit": 6, "qtwebengine": 6}


def all_masks(viewer: Viewer) -> list[tuple[str, Mask]]:
    return [(viewer.kind(frame), viewer.mask(frame)) for frame in range(FRAMES)]


def assert_same(one: list[tuple[str, Mask]], other: list[tuple[str, Mask]]) -> None:
    for frame, ((kind, mask), (other_kind, other_mask)) in enumerate(zip(one, other, strict=True)):
        assert kind == other_kind, f"frame {frame}"
        assert np.array_equal(mask, other_mask), f"frame {frame}"


def act(viewer: Viewer, seed: int, count: int) -> None:
    """Random actions, then a plain look at the whole picture with the brush in the hand."""
    counts = viewer.page.run(ACTIONS, {"seed": seed, "count": count})
    assert counts["strokes"] > count // 5 and counts["commands"] > count // 5
    viewer.run("brush")
    viewer.page.key("Escape")
    viewer.run("fit")
    viewer.page.evaluate("goobusters.loadMasks(goobusters.state().frame)")


def test_random_actions_leave_model_screen_and_journal_equal(viewer: Viewer, engine: str, stack: Stack) -> None:
    for number in range(ROUNDS[engine]):
        act(viewer, 1000 + number, CHUNK)
        viewer.assert_screen_is_model()
    viewer.wait_written()
    before = all_masks(viewer)
    unsaved = viewer.state()["unsaved"]
    viewer.reload()
    viewer.page.wait_for(
        "goobusters.state().unsaved.join() === unsaved.join()", "the same unsaved frames", unsaved=unsaved
    )
    assert_same(all_masks(viewer), before)
    viewer.assert_screen_is_model()


def test_undo_goes_all_the_way_back(viewer: Viewer) -> None:
    start = all_masks(viewer)
    act(viewer, 5, 200)
    viewer.page.evaluate(
        "(async () => { for (let n = 0; n < 500 && goobusters.state().can_undo; n++) await goobusters.run('undo'); })()"
    )
    assert not viewer.state()["can_undo"]
    assert_same(all_masks(viewer), start)
    viewer.assert_screen_is_model()
    viewer.page.wait_for("goobusters.state().unsaved.length === 0", "nothing to be unsaved")
