"""The viewer as a test sees it: what it shows, what its model says, and gestures in pixels of the picture.

Reads through `window.goobusters` (web_viewer/surface.js) and, for what is really on the screen, from the mask canvas.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.browser.page import SECONDS, XY, Page, PageError

Mask = npt.NDArray[np.bool_]
SAVE_SECONDS = 60.0  # a save is tracked again before its masks come

# What lies on the screen above the middle of each pixel of the picture: 1 mask, 0 none, 2 outside the stage.
SCREEN = """((canvas) => {
  const {place, stage} = goobusters.state();
  const ratio = canvas.width / stage.width;
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = [];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const left = Math.floor(((x + 0.5) * place.scale + place.x) * ratio);
    const top = Math.floor(((y + 0.5) * place.scale + place.y) * ratio);
    const isInside = left >= 0 && top >= 0 && left < canvas.width && top < canvas.height;
    found.push(isInside ? (data[4 * (top * canvas.width + left) + 3] > 0 ? 1 : 0) : 2);
  }
  return found.join("");
})(document.getElementById("overlay"))"""


class Viewer:
    """One page that shows the viewer."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, address: str, exam: int | None = None) -> Viewer:
        """Opens a core's address, chooses an exam, and waits until it can be edited."""
        self.page.open(address)
        self.page.wait_for("Boolean(window.goobusters && goobusters.state().can_edit)", "the first exam")
        if exam is not None and self.state()["name"] != f"Exam {exam}, Series 1":
            self.choose(exam)
        self.page.settle()
        return self

    def choose(self, exam: int) -> None:
        """Goes to an exam through the chooser, by keys alone. Begins anew when a browser's driver loses a key."""
        for is_last in (False, False, True):
            self.page.evaluate("(document.querySelectorAll('dialog').forEach((each) => each.close()), null)")
            self.page.evaluate("void goobusters.run('exams')")
            self.page.wait_for("document.querySelectorAll('.exam-list button').length > 0", "the list of exams")
            if self._typed(f"exam {exam},"):
                break
            assert not is_last, "what was typed did not arrive three times"
        self.page.key("Enter")
        name = f"Exam {exam}, Series 1"
        self.page.wait_for("goobusters.state().name === name && goobusters.state().can_edit", name, name=name)

    def _typed(self, text: str) -> bool:
        """Whether all of it has arrived in the chooser's field."""
        with contextlib.suppress(PageError):
            self.page.text(text)
            self.page.settle()
        return bool(self.page.evaluate("document.querySelector('dialog[open] input').value === text", text=text))

    def reload(self) -> None:
        """Loads the page anew and waits until it can be edited again."""
        self.page.evaluate("(window.isOld = true, void setTimeout(() => location.reload(), 0))")
        end = time.monotonic() + SECONDS
        is_back = False
        while not is_back and time.monotonic() < end:
            with contextlib.suppress(PageError):  # between two pages there is nobody to answer
                is_back = self.page.evaluate("!window.isOld && Boolean(window.goobusters?.state().can_edit)")
        assert is_back, "the page did not come back"

    def state(self) -> dict[str, Any]:
        """As surface.js describes it."""
        found: dict[str, Any] = self.page.evaluate("goobusters.state()")
        return found

    def run(self, command: str) -> None:
        """A command by its id in shortcuts.js."""
        self.page.evaluate("(goobusters.run(command), null)", command=command)

    def go_to(self, frame: int) -> None:
        """Steps to a frame and waits for its picture and masks."""
        self.run("first")
        for _ in range(frame):
            self.run("next")
        self.page.evaluate("goobusters.loadMasks(frame)", frame=frame)
        self.page.wait_for("goobusters.state().frame === frame && goobusters.state().has_picture", frame=frame)
        self.page.settle()

    def mask(self, frame: int | None = None, label: str | None = None) -> Mask:
        """The model's mask of a frame (else the shown one) and a label type (else the main one), (height, width)."""
        number = self.state()["frame"] if frame is None else frame
        pixels = "goobusters.maskPixels(number, label ?? undefined)"
        found = self.page.evaluate(f"(await goobusters.loadMasks(number), {pixels})", number=number, label=label)
        return from_runs(found["runs"], found["width"], found["height"])

    def kind(self, frame: int | None = None) -> str:
        """ "none", "tracked", "annotation" or "empty"."""
        number = self.state()["frame"] if frame is None else frame
        is_empty = self.page.evaluate(
            "goobusters.maskPixels(n, (await (await fetch('/api/session')).json()).empty_id).kind", n=number
        )
        return str(is_empty if is_empty == "empty" else self.page.evaluate("goobusters.maskPixels(n).kind", n=number))

    def on_screen(self, width: int, height: int) -> tuple[Mask, Mask]:
        """(mask as it is on the screen, which of its pixels the stage shows at all), both bool, (height, width)."""
        self.page.settle()
        signs = np.frombuffer(self.page.evaluate(SCREEN, width=width, height=height).encode(), np.uint8) - ord("0")
        found = signs.reshape(height, width)
        return found == 1, found != 2

    def assert_screen_is_model(self) -> Mask:
        """Model and screen agree wherever the stage shows the picture; returns the mask."""
        model = self.mask()
        screen, is_shown = self.on_screen(model.shape[1], model.shape[0])
        different = np.argwhere((model != screen) & is_shown)
        assert len(different) == 0, f"{len(different)} pixels differ on the screen, the first (y, x) {different[0]}"
        return model

    def to_page(self, x: float, y: float) -> tuple[int, int]:
        """Whole page coordinates that show a point of the picture (or lie next to it)."""
        state = self.state()
        place, stage = state["place"], state["stage"]
        left, top = stage["left"] + place["x"] + x * place["scale"], stage["top"] + place["y"] + y * place["scale"]
        return round(left), round(top)

    def to_picture(self, point: Sequence[float]) -> XY:
        """Point of the picture under page coordinates."""
        state = self.state()
        place, stage = state["place"], state["stage"]
        x, y = point[0] - stage["left"] - place["x"], point[1] - stage["top"] - place["y"]
        return x / place["scale"], y / place["scale"]

    def paint(self, *points: XY) -> list[XY]:
        """A stroke of the mouse through points of the picture; returns where it really went, in the picture."""
        path = [self.to_page(*point) for point in points]
        self.page.mouse(path)
        self.page.settle()
        return [self.to_picture(point) for point in path]

    def wait_mask(self, frame: int, expected: Mask) -> None:
        """Waits until the model's mask of a frame is what it should be."""
        end = time.monotonic() + SECONDS
        while not np.array_equal(self.mask(frame), expected):
            assert time.monotonic() < end, f"the mask of frame {frame} did not come"
            time.sleep(0.05)

    def wait_written(self) -> None:
        """Waits until the core has every op on its disk."""
        self.page.wait_for("goobusters.state().unsent_ops === 0", "the journal to be written")

    def save(self) -> None:
        """Saves by key and waits until the new masks are there."""
        before = self.state()["series"]["base_version_id"]
        self.page.key("Mod+S")
        self.wait_saved(before)

    def wait_saved(self, before: str | None) -> str:
        """Waits until another version than `before` is saved, tracked and shown; returns it."""
        self.page.wait_for(
            "((s) => !s.unsaved.length && !s.series.save && s.series.base_version_id !== before)(goobusters.state())",
            "the save",
            SAVE_SECONDS,
            before=before,
        )
        return self.wait_shown(str(self.state()["series"]["base_version_id"]))

    def wait_shown(self, version: str) -> str:
        """Waits until the masks on the page are those of a version."""
        self.page.wait_for(
            "((s) => s.shown_version_id === version && !s.is_loading)(goobusters.state())",
            "the masks of the version",
            SAVE_SECONDS,
            version=version,
        )
        return version


def narrow_width(engine: str) -> int:
    """As wide as the narrowest split view of an iPad; WebKit's small browser cannot be made as narrow."""
    return 480 if engine == "webkit" else 390


def click_text(page: Page, text: str) -> None:
    """Clicks the button with exactly this text."""
    page.evaluate(
        "[...document.querySelectorAll('button')].find((b) => b.textContent === text).setAttribute('data-wanted', '')",
        text=text,
    )
    page.click("[data-wanted]")
    page.evaluate("document.querySelector('[data-wanted]')?.removeAttribute('data-wanted')")


def from_runs(runs: Sequence[int], width: int, height: int) -> Mask:
    """Run lengths (docs/contracts.md, Journal) as a mask, bool, (height, width)."""
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(height, width)


def capsules(path: Sequence[Sequence[float]], radius: float, width: int, height: int) -> Mask:
    """Pixels whose centres lie within `radius` of a line through `path`. By definition, in no hurry.

    Points may carry a radius of their own as third number; it changes evenly along each stretch.
    """
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    mask = np.zeros((height, width), bool)
    points = [(p[0], p[1], p[2] if len(p) > 2 else radius) for p in path]
    for (x0, y0, r0), (x1, y1, r1) in zip([points[0], *points[:-1]], points, strict=True):
        length = math.hypot(x1 - x0, y1 - y0) ** 2
        along = ((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / (length or 1)
        along = np.clip(along, 0, 1) if length else np.zeros_like(rows)
        distance = np.hypot(columns - x0 - along * (x1 - x0), rows - y0 - along * (y1 - y0))
        mask |= distance <= r0 + along * (r1 - r0)
    return mask
