"""A page in WebKit, the stand-in for the iPad's: WebKitGTK's driver and small browser under a screen of their own.

The driver knows mouse, wheel, keys and a pen that is always pressed fully (WebDriver's pointer type "pen"; its pressure
is ignored, and its other buttons are never let go). It takes pointer type "touch" for the mouse, also two at once. So
pressure, the barrel button and fingers are made by script, as PointerEvents at the element under the first point.
Each page has its own driver and its own Xvfb.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_PEN
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.page import SECONDS, XY, EngineMissing, Look, Page, PageError, PenPoint, call_text, split_keys

_KEYS = {"Ctrl": Keys.CONTROL, "Shift": Keys.SHIFT, "Alt": Keys.ALT, "Space": Keys.SPACE, "Delete": Keys.DELETE,
         "Backspace": Keys.BACKSPACE, "Escape": Keys.ESCAPE, "Enter": Keys.ENTER, "Tab": Keys.TAB, "Home": Keys.HOME,
         "End": Keys.END, "F1": Keys.F1, "ArrowLeft": Keys.ARROW_LEFT, "ArrowRight": Keys.ARROW_RIGHT,
         "ArrowUp": Keys.ARROW_UP, "ArrowDown": Keys.ARROW_DOWN}  # fmt: skip

_LOST_ANSWER = "Could not parse script result"  # the driver's words; seen once in some ten thousand calls

# From now on, counts what a page hears of keys, buttons and the wheel.
_LISTEN = """() => {
  const heard = (window[Symbol.for("heard")] ??= {count: 0});
  if (!heard.is_listening) for (const kind of ["keydown", "pointerdown", "wheel"])
    addEventListener(kind, () => heard.count++, true);
  Object.assign(heard, {is_listening: true, count: 0});
}"""
_HEARD = "() => window[Symbol.for('heard')]?.count ?? -1"

# Sends one PointerEvent after another, a task each, as an engine would; later ones follow the first one's element.
_POINTER_SCRIPT = """async ({events}) => {
  const targets = new Map();
  for (const {kind, ...init} of events) {
    if (kind === "pointerdown") targets.set(init.pointerId, document.elementFromPoint(init.clientX, init.clientY));
    const options = {bubbles: true, cancelable: true, composed: true, isPrimary: init.pointerId === 71, ...init};
    targets.get(init.pointerId).dispatchEvent(new PointerEvent(kind, options));
    await new Promise((done) => setTimeout(done, 8));
  }
}"""


def _find_browser() -> str:
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))
    if not found or not all(shutil.which(name) for name in ("WebKitWebDriver", "Xvfb", "setpriv")):
        raise EngineMissing("WebKit's driver or Xvfb is not installed (Debian: apt install webkit2gtk-driver xvfb)")
    return str(found[-1])


_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # what is started this way ends with the tests, even when they are killed


class _Driver(Service):
    """The driver's process; without it and the screen, the browser ends too."""

    def command_line_args(self) -> list[str]:
        return [*_WITH_US[1:], "WebKitWebDriver", *super().command_line_args()]


class WebKitPage(Page):
    engine = "webkit"

    def __init__(self, look: Look) -> None:
        browser = _find_browser()
        self._home = tempfile.TemporaryDirectory(prefix="goobusters-webkit-", ignore_cleanup_errors=True)
        self._screen, display = _start_screen()
        self._service = _Driver(shutil.which("setpriv"), env=self._environment(look, display))
        options = Options()
        options.set_capability("browserName", "MiniBrowser")
        options.binary_location = browser
        options.add_argument("--automation")
        self._driver: WebDriver | None = None
        self._calls = 0
        try:
            with warnings.catch_warnings():
                # WORKAROUND for selenium 4.51: its own WebKitGTK class passes an argument that it calls deprecated
                warnings.filterwarnings("ignore", "setting remote_server_addr", DeprecationWarning)
                self._driver = webdriver.WebKitGTK(options=options, service=self._service)
            self._driver.set_page_load_timeout(SECONDS)
            self._driver.set_script_timeout(SECONDS)
            self.resize(look.width, look.height)
        except WebDriverException as error:
            self.close()
            raise PageError(f"WebKit does not start: {error.msg}") from error
        except BaseException:
            self.close()
            raise

    def _environment(self, look: Look, display: str) -> dict[str, str]:
        settings = Path(self._home.name) / "gtk-3.0" / "settings.ini"
        settings.parent.mkdir()
        settings.write_text(f"[Settings]\ngtk-enable-animations={0 if look.has_reduced_motion else 1}\n")
        own = {"DISPLAY": display, "NO_AT_BRIDGE": "1", "XDG_CONFIG_HOME": self._home.name}
        return {**os.environ, **own, "GTK_THEME": "Adwaita:dark" if look.is_dark else "Adwaita"}

    @property
    def _web(self) -> WebDriver:
        assert self._driver is not None
        return self._driver

    def open(self, url: str) -> None:
        self._web.get(url)

    def run(self, function: str, argument: Any) -> Any:
        """When the driver loses the answer it is asked for that answer again; nothing is called twice."""
        self._calls += 1
        ask = (
            "const [call, again, done] = arguments; let last = window[Symbol.for('call')];"
            "if (!last && again) { done({error: 'the page was left during this call'}); return; }"
            "if (last?.number !== call) window[Symbol.for('call')] = last = {number: call, answer: Promise.resolve()"
            f".then(() => {call_text(function, argument)})"
            ".then((value) => ({value}), (error) => ({error: String(error)}))};"
            "last.answer.then(done);"
        )
        answer = self._answer(ask)
        if "error" in answer:
            raise PageError(answer["error"])
        return answer.get("value")

    def _answer(self, ask: str) -> dict[str, Any]:
        for attempt in range(3):
            try:
                return dict(self._web.execute_async_script(ask, self._calls, attempt > 0))
            except WebDriverException as error:
                if _LOST_ANSWER not in str(error.msg):
                    raise PageError(str(error.msg)) from error
        raise PageError("WebKit's driver lost the same answer three times")

    def _actions(self, modifiers: Sequence[str] = ()) -> ActionBuilder:
        actions = ActionBuilder(self._web, duration=0)
        for name in modifiers:
            actions.key_action.key_down(_KEYS[name])
            self._keep_in_step(actions)
        return actions

    def _release(self, actions: ActionBuilder, modifiers: Sequence[str]) -> None:
        for name in reversed(modifiers):
            actions.key_action.key_up(_KEYS[name])
            self._keep_in_step(actions)

    def _perform(self, actions: ActionBuilder, presses: int = 0) -> None:
        """One in thousands fails with an unknown error. When the page has heard nothing of it, it is done again.

        Where nothing but letting go follows the last of `presses`, it is enough that the page has heard them all.
        """
        planned = [(device, list(device.actions)) for device in actions.devices]
        for is_last in (False, False, True):
            self.run(_LISTEN, None)
            try:
                actions.perform()
                return
            except WebDriverException as error:
                with contextlib.suppress(WebDriverException):  # nothing may be held down
                    actions.clear_actions()
                self.settle()
                heard = self.run(_HEARD, None)
                if presses and heard == presses:
                    return
                if is_last or heard != 0:
                    raise PageError(f"WebKit's driver did not do everything: {error.msg}") from error
                for device, steps in planned:
                    device.actions = steps[:]

    def _keep_in_step(self, actions: ActionBuilder) -> None:
        """All devices of one `perform` run tick by tick, so while one acts the others have to pause."""
        longest = max(len(device.actions) for device in actions.devices)
        for device in actions.devices:
            while len(device.actions) < longest:
                device.create_pause(0)

    def mouse(self, path: Sequence[XY], button: str = "left", modifiers: str = "") -> None:
        if button != "left":
            self._other_button(path, button)
            return
        held = [name for name in modifiers.split("+") if name]
        actions = self._actions(held)
        actions.pointer_action.move_to_location(*_whole(path[0])).pointer_down(MouseButton.LEFT)
        for point in path[1:]:
            actions.pointer_action.move_to_location(*_whole(point))
        actions.pointer_action.pointer_up(MouseButton.LEFT)
        self._keep_in_step(actions)
        self._release(actions, held)
        self._perform(actions)

    def _other_button(self, path: Sequence[XY], button: str) -> None:
        """By script: this driver presses other buttons but lets go of none."""
        shared = {"pointerId": 71, "pointerType": "mouse"}
        number, bit = (1, 4) if button == "middle" else (2, 2)
        events = [{"kind": "pointerdown", "button": number, "buttons": bit, **_at(path[0])}]
        events += [{"kind": "pointermove", "button": -1, "buttons": bit, **_at(point)} for point in path[1:]]
        events.append({"kind": "pointerup", "button": number, "buttons": 0, **_at(path[-1])})
        self.run(_POINTER_SCRIPT, {"events": [shared | event for event in events]})

    def hover(self, point: XY) -> None:
        actions = self._actions()
        actions.pointer_action.move_to_location(*_whole(point))
        self._perform(actions)

    def wheel(self, point: XY, dx: float, dy: float, modifiers: str = "") -> None:
        x, y = _whole(point)
        if modifiers:  # the small browser takes Ctrl and the wheel for its own zoom before the page hears of it
            keys = {f"{name.lower()}Key": True for name in modifiers.split("+")}
            event = {
                "deltaX": dx,
                "deltaY": dy,
                "clientX": x,
                "clientY": y,
                "bubbles": True,
                "cancelable": True,
                **keys,
            }
            self.evaluate(
                "document.elementFromPoint(x, y).dispatchEvent(new WheelEvent('wheel', event))", x=x, y=y, event=event
            )
            return
        actions = self._actions()
        actions.wheel_action.scroll(x, y, int(dx), int(dy))
        self._perform(actions)

    def key(self, combination: str) -> None:
        modifiers, key = split_keys(combination)
        code = _KEYS.get(key) or (key if "Shift" in modifiers else key.lower())
        actions = self._actions(modifiers)
        actions.key_action.key_down(code).key_up(code)
        self._keep_in_step(actions)
        self._release(actions, modifiers)
        self._perform(actions, len(modifiers) + 1)

    def text(self, value: str) -> None:
        for sign in value:  # one at a time: then it is known which of them has arrived
            actions = self._actions()
            actions.key_action.key_down(sign).key_up(sign)
            self._perform(actions, 1)

    def pen(self, path: Sequence[PenPoint], is_barrel: bool = False) -> None:
        button, buttons = (2, 2) if is_barrel else (0, 1)
        shared = {"pointerId": 71, "pointerType": "pen"}
        first, last = path[0], path[-1]
        events = [{"kind": "pointerdown", "button": button, "buttons": buttons, **_at(first), "pressure": first[2]}]
        events += [
            {"kind": "pointermove", "button": -1, "buttons": buttons, **_at(p), "pressure": p[2]} for p in path[1:]
        ]
        events.append({"kind": "pointerup", "button": button, "buttons": 0, **_at(last), "pressure": 0})
        self.run(_POINTER_SCRIPT, {"events": [shared | event for event in events]})

    def steady_pen(self, path: Sequence[XY]) -> None:
        actions = ActionBuilder(self._web, mouse=PointerInput(POINTER_PEN, "pen"), duration=0)
        actions.pointer_action.move_to_location(*_whole(path[0])).pointer_down(MouseButton.LEFT)
        for point in path[1:]:
            actions.pointer_action.move_to_location(*_whole(point))
        actions.pointer_action.pointer_up(MouseButton.LEFT)
        self._keep_in_step(actions)
        self._perform(actions)

    def fingers(self, paths: Sequence[Sequence[XY]]) -> None:
        events = []
        for step, points in enumerate(zip(*paths, strict=True)):
            kind = "pointerdown" if step == 0 else "pointermove"
            events += [_touch(kind, finger, point) for finger, point in enumerate(points)]
        events += [_touch("pointerup", finger, path[-1]) for finger, path in enumerate(paths)]
        self.run(_POINTER_SCRIPT, {"events": events})

    def resize(self, width: int, height: int) -> None:
        bars = (0, 0)  # the small browser has a tool bar
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:  # a window that is still changing tells old numbers, so it may take some rounds
            self._web.set_window_size(width + bars[0], height + bars[1])
            self.settle()
            inner, outer = self.evaluate("[innerWidth, innerHeight]"), self._web.get_window_size()
            if inner == [width, height]:
                return
            bars = (outer["width"] - inner[0], outer["height"] - inner[1])
        raise PageError(f"the window does not become {width}×{height}, it is {inner}")

    def screenshot(self, path: Path) -> None:
        self.settle()
        before, now = b"", self._web.get_screenshot_as_png()
        end = time.monotonic() + SECONDS
        while now != before or not self._has_page_size(now):  # a new size is composed later than the page is told of it
            if time.monotonic() > end:
                raise PageError("the picture of the page does not come to rest")
            time.sleep(0.1)
            before, now = now, self._web.get_screenshot_as_png()
        path.write_bytes(now)

    def _has_page_size(self, png: bytes) -> bool:
        with Image.open(io.BytesIO(png)) as picture:
            return list(picture.size) == self.evaluate("[innerWidth, innerHeight]")

    def requests(self) -> list[str]:
        kinds = ["navigation", "resource"]
        return list(
            self.evaluate("kinds.flatMap((k) => performance.getEntriesByType(k)).map((e) => e.name)", kinds=kinds)
        )

    def problems(self) -> list[str]:
        return []  # this driver hands out no log

    def kill(self) -> None:
        self.close()

    def close(self) -> None:
        process = getattr(self._service, "process", None)
        children = _descendants(process.pid) if process is not None else []
        if process is not None:
            process.kill()
            process.wait(SECONDS)
        for pid in children:
            _kill(pid)
        if self._driver is not None:
            self._driver.command_executor.close()
            self._driver = None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            self._service.process = None  # type: ignore[assignment]
        self._screen.kill()
        self._screen.wait(SECONDS)
        self._home.cleanup()


def _start_screen() -> tuple[subprocess.Popen[bytes], str]:
    read, write = os.pipe()
    command = [*_WITH_US, "Xvfb", "-displayfd", str(write), "-screen", "0", "2000x1600x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        screen.wait(SECONDS)
        raise PageError("Xvfb does not start")
    return screen, f":{number}"


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in children.read_text().split()] if children.exists() else []
    return found + [deeper for child in found for deeper in _descendants(child)]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # went with its parent


def _whole(point: XY) -> tuple[int, int]:
    return round(point[0]), round(point[1])


def _at(point: Sequence[float]) -> dict[str, float]:
    return {"clientX": point[0], "clientY": point[1]}


def _touch(kind: str, finger: int, point: XY) -> dict[str, Any]:
    state = {"button": -1 if kind == "pointermove" else 0, "buttons": 0 if kind == "pointerup" else 1}
    size = {"width": 20, "height": 20, "pressure": 0 if kind == "pointerup" else 0.5}
    return {"kind": kind, "pointerId": 71 + finger, "pointerType": "touch", **state, **size, **_at(point)}
