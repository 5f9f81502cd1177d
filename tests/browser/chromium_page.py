"""A page in Chromium, driven by Playwright; pen and fingers go in through the DevTools protocol as real input.

Debian's `chromium`, or the one that Playwright installed. One browser serves all tests, each page has its own context.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.browser.page import (
    POINTER_STEP_MS,
    SECONDS,
    XY,
    EngineMissing,
    Look,
    Page,
    PageError,
    PenPoint,
    call_text,
    split_keys,
)

_NAMES = {"Ctrl": "Control"}
_BITS = {"Alt": 1, "Ctrl": 2, "Shift": 8}


class ChromiumBrowser:
    """Starts on first use. `close` ends Chromium and Playwright's own process."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def open_page(self, look: Look) -> ChromiumPage:
        if self._browser is None:
            self._start()
        assert self._browser is not None
        return ChromiumPage(self._browser, look)

    def _start(self) -> None:
        self._playwright = sync_playwright().start()
        path = shutil.which("chromium") or shutil.which("google-chrome")
        args = ["--force-color-profile=srgb", "--disable-background-networking"]
        launch = self._playwright.chromium.launch
        for is_last in (False, True):  # whether it starts at once is not what is tested
            try:
                self._browser = launch(executable_path=path, chromium_sandbox=False, args=args, timeout=SECONDS * 1000)
                return
            except PlaywrightError as error:
                if not is_last:
                    continue
                self.close()
                if path is None:
                    raise EngineMissing("Chromium is not installed (Debian: apt install chromium)") from error
                raise PageError("Chromium does not start") from error

    def close(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._browser = self._playwright = None


class ChromiumPage(Page):
    engine = "chromium"

    def __init__(self, browser: Browser, look: Look) -> None:
        self._context = browser.new_context(
            viewport={"width": look.width, "height": look.height},
            color_scheme="dark" if look.is_dark else "light",
            reduced_motion="reduce" if look.has_reduced_motion else "no-preference",
            has_touch=True,
        )
        self._context.set_default_timeout(SECONDS * 1000)
        self._page = self._context.new_page()
        self._devtools = self._context.new_cdp_session(self._page)
        self._requests: list[str] = []
        self._problems: list[str] = []
        self._context.on("request", lambda request: self._requests.append(request.url))
        self._page.on("pageerror", lambda error: self._problems.append(str(error)))
        self._page.on("console", lambda line: self._problems.append(line.text) if line.type == "error" else None)

    def open(self, url: str) -> None:
        self._page.goto(url, wait_until="load")

    def run(self, function: str, argument: Any) -> Any:
        limit = f"new Promise((_, no) => setTimeout(() => no(new Error('no answer in time')), {SECONDS * 1000}))"
        try:
            return self._page.evaluate(f"() => Promise.race([{call_text(function, argument)}, {limit}])")
        except PlaywrightError as error:
            raise PageError(str(error)) from error

    def _hold(self, modifiers: str, is_down: bool) -> None:
        for name in filter(None, modifiers.split("+")):
            getattr(self._page.keyboard, "down" if is_down else "up")(_NAMES.get(name, name))

    def mouse(self, path: Sequence[XY], button: str = "left", modifiers: str = "") -> None:
        self._hold(modifiers, True)
        self._page.mouse.move(*path[0])
        self._page.mouse.down(button=button)  # type: ignore[arg-type]
        for point in path[1:]:
            self._page.mouse.move(*point)
        self._page.mouse.up(button=button)  # type: ignore[arg-type]
        self._hold(modifiers, False)

    def hover(self, point: XY) -> None:
        self._page.mouse.move(*point)

    def wheel(self, point: XY, dx: float, dy: float, modifiers: str = "") -> None:
        self._page.mouse.move(*point)
        self._hold(modifiers, True)
        self._page.mouse.wheel(dx, dy)
        self.settle()
        self._hold(modifiers, False)

    def key(self, combination: str) -> None:
        modifiers, key = split_keys(combination)
        key = key.lower() if len(key) == 1 and "Shift" not in modifiers else key
        self._hold("+".join(modifiers), True)
        self._page.keyboard.press(" " if key == "Space" else key)
        self._hold("+".join(reversed(modifiers)), False)

    def text(self, value: str) -> None:
        self._page.keyboard.type(value)

    def pen(self, path: Sequence[PenPoint], is_barrel: bool = False) -> None:
        button, buttons = ("right", 2) if is_barrel else ("left", 1)
        kinds = ["mousePressed"] + ["mouseMoved"] * (len(path) - 1) + ["mouseReleased"]
        for kind, (x, y, pressure) in zip(kinds, [*path, path[-1]], strict=True):
            is_up = kind == "mouseReleased"
            event = {"type": kind, "x": x, "y": y, "button": button, "buttons": 0 if is_up else buttons}
            event |= {"pointerType": "pen", "force": 0 if is_up else pressure, "clickCount": 1, "tiltX": 20}
            self._devtools.send("Input.dispatchMouseEvent", event)

    def fingers(self, paths: Sequence[Sequence[XY]]) -> None:
        for step, points in enumerate(zip(*paths, strict=True)):
            touches = [
                {"x": x, "y": y, "id": finger, "radiusX": 10, "radiusY": 10} for finger, (x, y) in enumerate(points)
            ]
            kind = "touchStart" if step == 0 else "touchMove"
            self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
            self._page.wait_for_timeout(POINTER_STEP_MS)
        self._devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def resize(self, width: int, height: int) -> None:
        self._page.set_viewport_size({"width": width, "height": height})
        self.settle()

    def screenshot(self, path: Path) -> None:
        self._page.screenshot(path=path, animations="disabled")

    def requests(self) -> list[str]:
        return list(self._requests)

    def problems(self) -> list[str]:
        return list(self._problems)

    def kill(self) -> None:
        with self._page.expect_event("crash"), contextlib.suppress(PlaywrightError):
            self._page.goto("chrome://crash")  # never loads: that is the crash
        self._context.close()

    def close(self) -> None:
        self._context.close()
