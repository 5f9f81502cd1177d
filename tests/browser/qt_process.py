"""The browser process behind qt_page.py: takes a JSON command a line, answers with a JSON line, ends with its input.

Input goes to `view.focusProxy()` as Qt events, the way a mouse, a pen or a touch screen sends them to the desktop app.
It reaches the page by another way than questions do, so each gesture waits until the page has heard of it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, QPointF, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QPointingDevice,
    QPointingDeviceUniqueId,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWebEngineCore import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
)
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication, QWidget

SECONDS = 60.0
HEARD_SECONDS = 10.0
LOST_MS = 2000  # a question that was not answered by then went with a page that was left, or waits behind others
STEP_MS = 12
BUTTONS = {
    "left": Qt.MouseButton.LeftButton,
    "middle": Qt.MouseButton.MiddleButton,
    "right": Qt.MouseButton.RightButton,
}
GONE = "gone"  # no JSON: another page has come, which knows nothing of the call
# How many of these the page has heard so far. A page that is new has heard nothing.
HEARD = """((kinds) => {
  const heard = (window[Symbol.for('heard')] ??= {});
  for (const kind of kinds) if (heard[kind] === undefined) {
    heard[kind] = 0;
    addEventListener(kind, () => heard[kind]++, true);
  }
  return String(kinds.reduce((sum, kind) => sum + heard[kind], 0));
})(%s)"""
UP = ("pointerup", "pointercancel")
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
NO_BUTTON = Qt.MouseButton.NoButton
MODIFIERS = {
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
    "Shift": Qt.KeyboardModifier.ShiftModifier,
    "Alt": Qt.KeyboardModifier.AltModifier,
}
KEYS = {"ArrowLeft": "Left", "ArrowRight": "Right", "ArrowUp": "Up", "ArrowDown": "Down", "Enter": "Return"}


class Interceptor(QWebEngineUrlRequestInterceptor):
    """Writes down every address that the page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        self.urls.append(info.requestUrl().toString())


class LoudPage(QWebEnginePage):
    """Writes down what the page reports as an error."""

    def __init__(self, profile: QWebEngineProfile, parent: QObject) -> None:
        super().__init__(profile, parent)
        self.problems: list[str] = []

    def javaScriptConsoleMessage(self, level: Any, message: str, line: int, source: str) -> None:
        if level == QWebEnginePage.JavaScriptConsoleMessageLevel.ErrorMessageLevel:
            self.problems.append(f"{message} ({source}:{line})")


class Browser:
    """A view of the given size and the commands on it."""

    def __init__(self, width: int, height: int) -> None:
        self.profile = QWebEngineProfile()
        self.interceptor = Interceptor()
        self.profile.setUrlRequestInterceptor(self.interceptor)
        self.view = QWebEngineView()
        self.page = LoudPage(self.profile, self.view)
        self.view.setPage(self.page)
        self.view.resize(width, height)
        self.view.show()
        self.calls = itertools.count()
        self.touch_device = QTest.createTouchDevice()
        self.pen_device = QPointingDevice(
            "pen", 91, QInputDevice.DeviceType.Stylus, QPointingDevice.PointerType.Pen,
            QInputDevice.Capability.Position | QInputDevice.Capability.Pressure, 1, 2, "", QPointingDeviceUniqueId(),
        )  # fmt: skip

    @property
    def target(self) -> QWidget:
        return self.view.focusProxy() or self.view

    def pause(self, ms: int = STEP_MS) -> None:
        loop = QEventLoop()
        QTimer.singleShot(ms, loop.quit)
        loop.exec()

    def send(self, event: QEvent) -> None:
        QApplication.sendEvent(self.target, event)
        self.pause()

    def open(self, url: str) -> None:
        loop = QEventLoop()
        results: list[bool] = []
        self.page.loadFinished.connect(lambda ok: (results.append(ok), loop.quit()))
        QTimer.singleShot(int(SECONDS * 1000), loop.quit)
        self.page.load(QUrl(url))
        loop.exec()
        self.page.loadFinished.disconnect()
        if results != [True]:
            raise RuntimeError("the page does not load")
        self.target.setFocus()

    def run(self, call: str) -> Any:
        """Awaits the call in the page. runJavaScript awaits nothing: the result is left on the window and fetched."""
        slot = f"__harness{next(self.calls)}"
        start = (
            f"Promise.resolve().then(() => {call}).then((value) => ({{value}}), (error) => ({{error: String(error)}}))"
        )
        self.page.runJavaScript(
            f"window.{slot} = ''; void {start}.then((answer) => {{ window.{slot} = JSON.stringify(answer); }})"
        )
        end = time.monotonic() + SECONDS
        while not (answer := self._ask(f"window.{slot} ?? '{GONE}'")):
            if time.monotonic() > end:
                raise RuntimeError("no answer in time")
            self.pause(4)
        if answer == GONE:
            raise RuntimeError("the page was left before it answered")
        self.page.runJavaScript(f"delete window.{slot}")
        result = json.loads(answer)
        if "error" in result:
            raise RuntimeError(result["error"])
        return result.get("value")

    def _ask(self, source: str) -> str:
        """The text that an expression gives; "" when no answer came, so it has to do no harm when it is asked again."""
        loop = QEventLoop()
        results: list[Any] = []
        self.page.runJavaScript(source, lambda value: (results.append(value), loop.quit()))
        QTimer.singleShot(LOST_MS, loop.quit)
        if not results:
            loop.exec()
        return str(results[0] or "") if results else ""

    @contextlib.contextmanager
    def heard(self, count: int, *kinds: str) -> Iterator[None]:
        """Waits at the end until the page has heard `count` more of these events.

        Not for ever: what the page did with the first of them may be that it goes away, or the browser kept them.
        """
        question = HEARD % json.dumps(kinds)
        end = time.monotonic() + HEARD_SECONDS
        while not (before := self._ask(question)) and time.monotonic() < end:
            self.pause(4)
        yield
        end = time.monotonic() + HEARD_SECONDS
        while before and time.monotonic() < end:
            now = self._ask(question)
            if now and (int(now) < int(before) or int(now) >= int(before) + count):
                return  # heard, or another page
            self.pause(4)

    def _mouse(self, kind: QEvent.Type, point: list[float], button: Any, buttons: Any, modifiers: Any) -> None:
        place = QPointF(*point)
        self.send(QMouseEvent(kind, place, self.target.mapToGlobal(place), button, buttons, modifiers))

    def mouse(self, path: list[list[float]], button: str, modifiers: str) -> None:
        held, pressed = modifiers_of(modifiers), BUTTONS[button]
        with self.heard(1, *UP):
            self._mouse(QEvent.Type.MouseMove, path[0], NO_BUTTON, NO_BUTTON, held)
            self._mouse(QEvent.Type.MouseButtonPress, path[0], pressed, pressed, held)
            for point in path[1:]:
                self._mouse(QEvent.Type.MouseMove, point, NO_BUTTON, pressed, held)
            self._mouse(QEvent.Type.MouseButtonRelease, path[-1], pressed, NO_BUTTON, held)

    def hover(self, point: list[float]) -> None:
        self._mouse(QEvent.Type.MouseMove, point, NO_BUTTON, NO_BUTTON, Qt.KeyboardModifier.NoModifier)

    def wheel(self, point: list[float], dx: float, dy: float, modifiers: str) -> None:
        place = QPointF(*point)
        turn = QPoint(round(-dx), round(-dy))
        where = self.target.mapToGlobal(place)
        phase = Qt.ScrollPhase.NoScrollPhase
        with self.heard(1, "wheel"):
            self.send(QWheelEvent(place, where, QPoint(), turn, NO_BUTTON, modifiers_of(modifiers), phase, False))

    def key(self, combination: str) -> None:
        head, _, last = combination[:-1].rpartition("+")
        name = last + combination[-1]
        held = modifiers_of(head)
        is_plain = len(name) == 1
        code = ord(name.upper()) if is_plain else getattr(Qt.Key, f"Key_{KEYS.get(name, name)}").value
        is_typed = is_plain and not held & Qt.KeyboardModifier.ControlModifier
        text = (name if held & Qt.KeyboardModifier.ShiftModifier else name.lower()) if is_typed else ""
        text = " " if name == "Space" else text
        with self.heard(1, "keyup"):
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                self.send(QKeyEvent(kind, code, held, text))

    def text(self, text: str) -> None:
        with self.heard(len(text), "keyup"):
            for sign in text:
                for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                    self.send(QKeyEvent(kind, ord(sign.upper()), Qt.KeyboardModifier.NoModifier, sign))

    def pen(self, path: list[list[float]], is_barrel: bool) -> None:
        button = BUTTONS["right" if is_barrel else "left"]
        with self.heard(1, *UP):
            self._tablet(QEvent.Type.TabletPress, path[0], button, button)
            for point in path[1:]:
                self._tablet(QEvent.Type.TabletMove, point, NO_BUTTON, button)
            self._tablet(QEvent.Type.TabletRelease, [*path[-1][:2], 0.0], button, NO_BUTTON)

    def _tablet(self, kind: QEvent.Type, point: list[float], button: Any, buttons: Any) -> None:
        place = QPointF(point[0], point[1])
        where = self.target.mapToGlobal(place)
        none = Qt.KeyboardModifier.NoModifier
        self.send(
            QTabletEvent(kind, self.pen_device, place, where, point[2], 20.0, 0.0, 0.0, 0.0, 0.0, none, button, buttons)
        )

    def fingers(self, paths: list[list[list[float]]]) -> None:
        with self.heard(len(paths), *UP):
            for step, points in enumerate(zip(*paths, strict=True)):
                self._touch("press" if step == 0 else "move", points)
            self.pause(4 * STEP_MS)  # moves go with the page's frames
            self.run(TWO_FRAMES)  # so the last one is there before the fingers leave
            self._touch("release", [path[-1] for path in paths])

    def _touch(self, change: str, points: Any) -> None:
        event = QTest.touchEvent(self.target, self.touch_device, False)
        for finger, (x, y) in enumerate(points):
            getattr(event, change)(finger, QPoint(round(x), round(y)), self.target)
        event.commit()
        self.pause()

    def resize(self, width: int, height: int) -> None:
        self.view.resize(width, height)
        self.pause(50)

    def screenshot(self, path: str) -> None:
        self.pause(100)
        if not self.view.grab().save(path):
            raise RuntimeError("the picture cannot be written")

    def requests(self) -> list[str]:
        return self.interceptor.urls

    def problems(self) -> list[str]:
        return self.page.problems


def modifiers_of(text: str) -> Qt.KeyboardModifier:
    held = Qt.KeyboardModifier.NoModifier
    for name in filter(None, text.split("+")):
        held |= MODIFIERS["Ctrl" if name == "Mod" else name]
    return held


class Lines(QObject):
    """Hands the lines of standard input to Qt's thread; `ended` when there are no more."""

    arrived = Signal(str)
    ended = Signal()

    def read(self) -> None:
        for line in sys.stdin:
            self.arrived.emit(line)
        self.ended.emit()


def answer_to(browser: Browser, line: str) -> dict[str, Any]:
    arguments = json.loads(line)
    command: Callable[..., Any] = getattr(browser, arguments.pop("command"))
    try:
        return {"value": command(**arguments)}
    except Exception as error:  # noqa: BLE001 - every failure of a command is the test's to see, and it is sent there
        return {"error": f"{type(error).__name__}: {error}"}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    app = QApplication(["qt_process"])
    browser = Browser(int(sys.argv[1]), int(sys.argv[2]))
    lines = Lines()
    lines.arrived.connect(lambda line: say(answer_to(browser, line)))
    lines.ended.connect(app.quit)
    threading.Thread(target=lines.read, daemon=True).start()
    say({"ready": True})
    app.exec()


if __name__ == "__main__":
    main()
