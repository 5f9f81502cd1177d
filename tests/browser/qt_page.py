"""A page in QtWebEngine, as the desktop app shows it. The browser runs in a process of its own (qt_process.py), so that
a crash or a hang of it costs one test, and Playwright and Qt never share an event loop.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.browser.page import SECONDS, XY, EngineMissing, Look, Page, PageError, PenPoint, call_text

_PROCESS = Path(__file__).with_name("qt_process.py")
_FLAGS = "--ignore-gpu-blocklist --disable-gpu-compositing --force-color-profile=srgb"


class QtPage(Page):
    engine = "qtwebengine"

    def __init__(self, look: Look) -> None:
        if importlib.util.find_spec("PySide6.QtWebEngineWidgets") is None:
            raise EngineMissing("PySide6 with QtWebEngine is not installed")
        flags = _FLAGS + (" --blink-settings=preferredColorScheme=0" if look.is_dark else "")
        flags += " --force-prefers-reduced-motion" if look.has_reduced_motion else ""
        own = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_CHROMIUM_FLAGS": flags}
        if os.name == "posix" and os.geteuid() == 0:
            own["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
        command = [sys.executable, str(_PROCESS), str(look.width), str(look.height)]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the page
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env={**os.environ, **own},
            text=True,
            start_new_session=True,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._answer()  # {"ready": true}
        except PageError:
            self.close()
            raise

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self) -> str:
        try:
            line = self._answers.get(timeout=SECONDS * 1.5)
        except queue.Empty:
            raise PageError("QtWebEngine does not answer") from None
        if not line:
            raise PageError(f"QtWebEngine has died; its last words:\n{self._last_words()}")
        return line

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read().decode("utf-8", "replace")[-1500:]

    def _do(self, command: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        if "error" in answer:
            raise PageError(answer["error"])
        return answer.get("value")

    def open(self, url: str) -> None:
        self._do("open", url=url)

    def run(self, function: str, argument: Any) -> Any:
        return self._do("run", call=call_text(function, argument))

    def mouse(self, path: Sequence[XY], button: str = "left", modifiers: str = "") -> None:
        self._do("mouse", path=path, button=button, modifiers=modifiers)

    def hover(self, point: XY) -> None:
        self._do("hover", point=point)

    def wheel(self, point: XY, dx: float, dy: float, modifiers: str = "") -> None:
        self._do("wheel", point=point, dx=dx, dy=dy, modifiers=modifiers)

    def key(self, combination: str) -> None:
        self._do("key", combination=combination)

    def text(self, value: str) -> None:
        self._do("text", text=value)

    def pen(self, path: Sequence[PenPoint], is_barrel: bool = False) -> None:
        self._do("pen", path=path, is_barrel=is_barrel)

    def fingers(self, paths: Sequence[Sequence[XY]]) -> None:
        self._do("fingers", paths=paths)

    def resize(self, width: int, height: int) -> None:
        self._do("resize", width=width, height=height)
        self.wait_for("innerWidth === width && innerHeight === height", "the new size", width=width, height=height)

    def screenshot(self, path: Path) -> None:
        self.settle()
        self._do("screenshot", path=str(path))

    def requests(self) -> list[str]:
        return list(self._do("requests"))

    def problems(self) -> list[str]:
        return list(self._do("problems"))

    def kill(self) -> None:
        self.close()

    def close(self) -> None:
        if self._process.poll() is None:
            if os.name == "posix":
                os.killpg(self._process.pid, 9)
            else:  # Chromium's own processes end with the one that started them
                self._process.kill()
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was not sent has no reader any more
        self._words.close()
