"""What does a person do with the viewer? Opens it, moves to a frame, draws with the mouse, saves; and reads its pixels.

Drives the real page through `tests.browser.page.Page`, and reads `window.goobusters` (web_viewer/surface.js).
Frame numbers are 0-based, points are (x, y) in pixels of the clip, masks are bool arrays (height, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.browser.page import XY, Page

Mask = npt.NDArray[np.bool_]
SECONDS = 60.0


class Viewer:
    """The page of one workstation."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.open(address)
        page.wait_for("Boolean(window.goobusters)", "the viewer")
        page.wait_for(
            "(s => s.has_picture && s.can_edit && s.series.state === 'ready')(goobusters.state())",
            "a series that can be painted on",
            SECONDS,
        )

    def state(self) -> dict[str, Any]:
        return dict(self.page.evaluate("goobusters.state()"))

    def show(self, frame_number: int) -> None:
        """Goes to a frame with the arrow keys."""
        self.page.key("Home")
        for _ in range(frame_number // 10):
            self.page.key("Shift+ArrowRight")
        for _ in range(frame_number % 10):
            self.page.key("ArrowRight")
        shown = "(s => s.frame === frame && s.has_picture && s.can_edit)(goobusters.state())"
        self.page.wait_for(shown, f"frame {frame_number}", frame=frame_number)
        self.mask(frame_number)

    def mask(self, frame_number: int) -> Mask:
        """The mask as the page holds it."""
        self.page.evaluate("Promise.resolve(goobusters.loadMasks(frame)).then(() => true)", frame=frame_number)
        there = "(m => m && m.runs !== null ? m : null)(goobusters.maskPixels(frame))"
        pixels = self.page.wait_for(there, f"the mask of frame {frame_number}", frame=frame_number)
        values = np.arange(len(pixels["runs"])) % 2 == 1  # runs start with zeros
        return np.repeat(values, pixels["runs"]).reshape(pixels["height"], pixels["width"])

    def kind(self, frame_number: int) -> str:
        return str(self.page.evaluate("goobusters.maskPixels(frame).kind", frame=frame_number))

    def stroke(self, points: Sequence[XY]) -> None:
        """Paints with the mouse, from point to point of the clip, and waits until the core has it on disk."""
        state = self.state()
        place, stage = state["place"], state["stage"]

        def on_page(x: float, y: float) -> XY:
            # (x, y) is the pixel's centre, half a pixel from its corner
            left = stage["left"] + place["x"] + (x + 0.5) * place["scale"]
            return left, stage["top"] + place["y"] + (y + 0.5) * place["scale"]

        self.page.mouse([on_page(x, y) for x, y in points])
        shown = "(s => s.unsaved.includes(frame) && s.unsent_ops === 0)(goobusters.state())"
        self.page.wait_for(shown, "the stroke", frame=state["frame"])

    def save(self) -> None:
        """Presses the Save button."""
        self.page.click("[data-command=save]")

    def wait_until_saved(self, old_version: str | None) -> str:
        """Returns the new version once it is saved, tracked again and its masks are shown."""
        self.page.wait_for(
            "(s => s.series.version_id !== old && s.unsaved.length === 0)(goobusters.state())",
            "the save",
            SECONDS,
            old=old_version,
        )
        return self.wait_until_shown(str(self.state()["series"]["version_id"]))

    def wait_until_shown(self, version: str) -> str:
        """Waits until the masks on the page are those of a version."""
        self.page.wait_for(
            "(s => s.shown_version_id === version && !s.is_loading)(goobusters.state())",
            "the tracked masks of the version",
            SECONDS,
            version=version,
        )
        return version
