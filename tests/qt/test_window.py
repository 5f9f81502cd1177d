"""The desktop window over a real core and a real server: page, menus, a second start, a crash, and the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from tests.helpers.kill import KILL
from tests.qt.conftest import KEY
from tracking.contracts.archive import unpack
from workstation.backend import Backend
from workstation.journal import Journal
from workstation.qt.exchange import export_to
from workstation.qt.main_window import MainWindow, show_problem
from workstation.qt.single_instance import SingleInstance, instance_name, raise_first

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60_000
STATE = "window.goobusters.state()"


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path) -> None:
    """Where windows were is remembered in the test's directory."""
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "places"))


@pytest.fixture
def window(qtbot: QtBot, make_backend: Callable[[], Backend]) -> Iterator[MainWindow]:
    """A shown window; closed as a person would if the test has not."""
    window = MainWindow(make_backend())
    window.show()
    window.start()
    yield window
    finish(qtbot, window)


def finish(qtbot: QtBot, window: MainWindow) -> None:
    if window.isVisible():
        with qtbot.waitSignal(window.closed, timeout=PATIENCE):
            window.close()


def ask(qtbot: QtBot, window: MainWindow, expression: str) -> Any:
    """The value of a JavaScript expression in the page; None when the page cannot say."""
    answers: list[Any] = []
    window.view.ask(expression, answers.append)
    for _ in range(500):  # a page that is being loaded never answers
        if answers:
            return answers[0]
        qtbot.wait(10)
    return None


def value(qtbot: QtBot, window: MainWindow, expression: str) -> Any:
    """Like ask(), of a page that is alive but maybe slow."""
    for _ in range(30):
        answer = ask(qtbot, window, expression)
        if answer is not None:
            return answer
    raise TimeoutError(expression)


def wait_page(qtbot: QtBot, window: MainWindow, expression: str) -> None:
    """Until an expression about the page's state `s` is true."""
    code = f"(s => ({expression}))({STATE})"
    qtbot.waitUntil(lambda: ask(qtbot, window, code) is True, timeout=PATIENCE)


def stroke(qtbot: QtBot, window: MainWindow, down: int) -> None:
    """A short stroke with the mouse, `down` pixels below the middle: each test paints where no other has saved."""
    box = value(qtbot, window, f"{STATE}.stage")
    target = window.view.focusProxy()
    middle = QPoint(int(box["left"] + box["width"] / 2), int(box["top"] + box["height"] / 2) + down)
    qtbot.mousePress(target, Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 6):
        qtbot.mouseMove(target, middle + QPoint(6 * step, 0))
        qtbot.wait(15)
    qtbot.mouseRelease(target, Qt.MouseButton.LeftButton, pos=middle + QPoint(30, 0))


def ops(window: MainWindow) -> list[dict[str, Any]]:
    return Journal(window._core.cache.series(KEY).journal).ops()


def test_the_window_shows_the_viewer_and_its_menus_work(qtbot: QtBot, window: MainWindow) -> None:
    wait_page(qtbot, window, "s.can_edit && s.has_picture")
    titles = [action.text().replace("&", "") for action in window.menuBar().actions()]
    assert titles == ["File", "Edit", "View", "Help"]
    stroke(qtbot, window, 0)
    wait_page(qtbot, window, "s.unsaved.length === 1 && s.unsent_ops === 0")
    assert [op["op"] for op in ops(window)] == ["edit"]
    window.findChild(QAction, "undo").trigger()
    wait_page(qtbot, window, "s.unsaved.length === 0 && s.unsent_ops === 0")
    assert [op["op"] for op in ops(window)] == ["edit", "undo"]
    window.findChild(QAction, "redo").trigger()
    qtbot.waitUntil(lambda: "not saved" in window._work_line.text(), timeout=PATIENCE)
    assert "Server connected" in window._server_line.text()
    assert "ann@example.org" in window._server_line.text()
    window.findChild(QAction, "save").trigger()
    qtbot.waitUntil(lambda: window._work_line.text() == "Exam 1, Series 1: saved", timeout=PATIENCE)


def test_every_menu_entry_leads_somewhere(qtbot: QtBot, window: MainWindow) -> None:
    """A command that the viewer does not know would throw; those of the window are methods of it."""
    wait_page(qtbot, window, "s.can_edit")
    names = value(qtbot, window, "Object.keys(window.goobusters)")
    assert "run" in names
    text = (ROOT / "web_viewer" / "shortcuts.js").read_text("utf-8")
    for action in window.findChildren(QAction):
        name = action.objectName()
        if name and not name.startswith("_ask") and not hasattr(window, name):
            assert f'action("{name}"' in text, f"the viewer has no command {name}"


def test_closing_at_once_loses_no_stroke(qtbot: QtBot, window: MainWindow, make_backend: Callable[[], Backend]) -> None:
    wait_page(qtbot, window, "s.can_edit && s.has_picture")
    stroke(qtbot, window, 80)
    wait_page(qtbot, window, "s.can_undo")  # the hand's events have reached the page; whether the core knows is open
    with qtbot.waitSignal(window.closed, timeout=PATIENCE):
        window.close()
    assert [op["op"] for op in ops(window)] == ["edit"]
    assert not window.isVisible()
    again = make_backend()  # the cache is free: everything has ended
    again.stop()


def test_a_page_whose_process_dies_comes_back_with_the_edits(qtbot: QtBot, window: MainWindow) -> None:
    wait_page(qtbot, window, "s.can_edit && s.has_picture")
    stroke(qtbot, window, -80)
    wait_page(qtbot, window, "s.unsaved.length === 1 && s.unsent_ops === 0")
    with qtbot.waitSignal(window.view.crashed, timeout=PATIENCE):
        os.kill(window.view.page().renderProcessPid(), KILL)
    wait_page(qtbot, window, "s.can_edit && s.unsaved.length === 1")


def test_the_page_goes_nowhere_else_and_keeps_nothing_on_disk(qtbot: QtBot, window: MainWindow) -> None:
    wait_page(qtbot, window, "s.can_edit")
    assert window.view.page().profile().isOffTheRecord()
    window.view.page().runJavaScript("window.location.href = 'http://127.0.0.2:9/'")
    qtbot.wait(300)
    assert window.view.url().host() == "127.0.0.1"
    wait_page(qtbot, window, "s.can_edit")


def test_a_second_start_raises_the_first_window(
    qtbot: QtBot, window: MainWindow, environment: dict[str, str], tmp_path: Path
) -> None:
    name = instance_name(Path(environment["VIDEO_CACHE_PATH"]))
    assert not raise_first(name), "nobody listens yet"
    single = SingleInstance(name)
    single.raised.connect(window.bring_to_front)
    command = [sys.executable, "-m", "workstation", "workstation", "--settings", str(tmp_path), "--user", str(tmp_path)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MDAI_")}
    with qtbot.waitSignal(single.raised, timeout=PATIENCE):
        second = subprocess.Popen(command, cwd=ROOT, env={**clean, **environment}, stderr=subprocess.DEVNULL)
    qtbot.waitUntil(lambda: second.poll() is not None, timeout=PATIENCE)
    assert second.returncode == 0
    single.close()


def test_the_program_runs_and_ends_by_itself(environment: dict[str, str], tmp_path: Path) -> None:
    """The whole program as a process: SIGTERM closes it as a person would."""
    command = [sys.executable, "-m", "workstation", "workstation", "--settings", str(tmp_path), "--user", str(tmp_path)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MDAI_")}
    process = subprocess.Popen(command, cwd=ROOT, env={**clean, **environment}, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1200):
            if list(tmp_path.glob("cache/series/*/journal.jsonl")) or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_one_sentence_says_what_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workstation", "workstation", "--settings", str(tmp_path)]
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "MDAI_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(displays)}
    result = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "goobusters backend" in result.stderr


def test_a_start_that_fails_says_why(
    qtbot: QtBot, make_backend: Callable[[], Backend], environment: dict[str, str], tmp_path: Path
) -> None:
    def look() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append(box.text())
        box.accept()

    seen: list[str] = []
    QTimer.singleShot(200, look)
    show_problem("The folder cannot be written to. [CACHE_NOT_WRITABLE]")
    assert seen == ["The folder cannot be written to. [CACHE_NOT_WRITABLE]"]


def test_export_writes_what_is_drawn(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    wait_page(qtbot, window, "s.can_edit")
    core = window._core
    action = window.findChild(QAction, "_ask_export-archive")
    action.trigger()
    dialog = window.findChild(QFileDialog)
    assert dialog.isVisible()
    dialog.reject()
    target = tmp_path / "out.tgz"
    (exporter,) = core.exporters()
    export_to(core, exporter, target)
    qtbot.waitUntil(target.exists, timeout=PATIENCE)
    annotations = unpack(target.read_bytes()).metadata["annotations"]
    assert {a["frame_number"] for a in annotations} >= {0, 7}
