"""What can a test do with a page, whatever browser shows it? The interface that the three engines implement.

Coordinates are CSS pixels of the page, (0, 0) top left. Gestures are whole: they press, move and let go. Everything has
a time limit, so that a browser that hangs fails its test and no more.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60.0  # the longest that any single step may take; a busy machine needs it, an idle one a hundredth
POINTER_STEP_MS = 16

# For what does not depend on the engine: words of a page, news of the core.
in_one_engine = pytest.mark.parametrize("engine", [pytest.param("chromium", marks=pytest.mark.browser)])

XY = tuple[float, float]
PenPoint = tuple[float, float, float]  # x, y, pressure 0..1


class EngineMissing(Exception):
    """The machine lacks what this engine needs; the message says what."""


class PageError(Exception):
    """The page threw, or did not answer in time."""


@dataclass(frozen=True)
class Look:
    """How the page is shown: its size in CSS pixels and what the system asks of it."""

    width: int = 1200
    height: int = 800
    is_dark: bool = False
    has_reduced_motion: bool = False


class Page(ABC):
    """One page in one browser of its own (no cookies, no cache from before)."""

    engine: str

    @abstractmethod
    def open(self, url: str) -> None:
        """Loads an address; returns when its `load` event has fired."""

    @abstractmethod
    def run(self, function: str, argument: Any) -> Any:
        """Calls the JavaScript function with a JSON argument and awaits its JSON result. Raises PageError."""

    def evaluate(self, expression: str, **names: Any) -> Any:
        """Value of a JavaScript expression that may await and may use the names given."""
        keys = ", ".join(names)
        return self.run(f"async ({{{keys}}}) => ({expression})", names)

    def wait_for(self, condition: str, what: str = "", seconds: float = SECONDS, **names: Any) -> Any:
        """Returns the first true value of an expression; `what` says in words what was waited for."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(condition, **names)):
            if time.monotonic() > end:
                raise PageError(f"waited {seconds:.0f} s in vain for: {what or condition}")
            time.sleep(0.03)
        return value

    def settle(self) -> None:
        """Waits until what the page has been told is on the screen: two frames."""
        self.evaluate(
            "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
        )

    def still(self) -> None:
        """Waits until nothing moves any more, and that is on the screen."""
        self.evaluate("(await Promise.allSettled(document.getAnimations().map((each) => each.finished)), null)")
        self.settle()

    def centre_of(self, selector: str) -> XY:
        """Middle of an element, after scrolling it into view. Raises PageError when there is none."""
        x, y = self.evaluate(
            "((e) => { e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            " return [r.left + r.width / 2, r.top + r.height / 2]; })(document.querySelector(selector))",
            selector=selector,
        )
        return x, y

    def click(self, selector: str) -> None:
        """A real mouse click in the middle of an element."""
        self.mouse([self.centre_of(selector)])

    @abstractmethod
    def mouse(self, path: Sequence[XY], button: str = "left", modifiers: str = "") -> None:
        """Presses `left`, `middle` or `right` at the first point, moves along and lets go at the last."""

    @abstractmethod
    def hover(self, point: XY) -> None:
        """Moves the mouse without pressing."""

    @abstractmethod
    def wheel(self, point: XY, dx: float, dy: float, modifiers: str = "") -> None:
        """Turns the wheel over a point; positive dy scrolls down. `modifiers` as in "Ctrl+Shift"."""

    @abstractmethod
    def key(self, combination: str) -> None:
        """Presses and releases a key, written as in web_viewer/shortcuts.js ("Mod+Shift+Z", "ArrowLeft", "[")."""

    @abstractmethod
    def text(self, value: str) -> None:
        """Types into what has the focus."""

    @abstractmethod
    def pen(self, path: Sequence[PenPoint], is_barrel: bool = False) -> None:
        """A stroke with a pen; `is_barrel` holds its barrel button down."""

    def steady_pen(self, path: Sequence[XY]) -> None:
        """A stroke with a pen that is pressed as hard as it goes."""
        self.pen([(x, y, 1.0) for x, y in path])

    @abstractmethod
    def fingers(self, paths: Sequence[Sequence[XY]]) -> None:
        """One path a finger, all equally long: they land together, move step by step and leave together."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Gives the page another size."""

    @abstractmethod
    def screenshot(self, path: Path) -> None:
        """Writes what is on the screen as PNG."""

    @abstractmethod
    def requests(self) -> list[str]:
        """Addresses that the page has asked for, as far as the engine tells."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Errors that the browser has reported: exceptions, refused requests, breaches of the security policy."""

    @abstractmethod
    def kill(self) -> None:
        """Ends the page as a crash would: no unload, no last words."""

    @abstractmethod
    def close(self) -> None:
        """Ends the browser and every process it started."""


def split_keys(combination: str) -> tuple[list[str], str]:
    """`Mod+Shift+Z` as (["Ctrl", "Shift"], "Z"); a lone "+" is a key. Mod is Ctrl on the systems of these tests."""
    head, _, key = combination[:-1].rpartition("+")
    modifiers = [part for part in head.split("+") if part]
    return ["Ctrl" if part == "Mod" else part for part in modifiers], key + combination[-1]


def call_text(function: str, argument: Any) -> str:
    """The call of a JavaScript function as an expression; JSON is JavaScript."""
    return f"({function})({json.dumps(argument)})"
