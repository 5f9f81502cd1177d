"""The desktop window: the viewer's page, menus, a status line and plugins' docks. Holds no state of its own."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QMessageBox, QWidget

from workstation.backend import Backend
from workstation.core import version
from workstation.errors import CoreError
from workstation.qt.event_bridge import EventBridge
from workstation.qt.menus import add_menus
from workstation.qt.web_view import WebView
from workstation.series import SaveState, State

log = logging.getLogger("goobusters.qt")

_UNSENT = "window.goobusters ? window.goobusters.state().unsent_ops : 0"
_FLUSH_SECONDS = 10.0  # for a page that does not answer; one that does is done in a fraction of a second
_ASK_EVERY_MS = 100
_QUIET_ANSWERS = 3  # a stroke that has just ended is still on its way through Chromium's processes

_STATES = {
    State.NOT_DOWNLOADED: "not on this computer",
    State.DOWNLOADING: "downloading",
    State.DOWNLOADED: "preparing pictures",
    State.EXTRACTING: "preparing pictures",
    State.EXTRACTED: "fetching masks",
    State.PENDING: "the server is preparing masks",
    State.TRACKING: "the server is preparing masks",
    State.READY: "ready",
    State.EDITED: "not saved",
    State.SAVED: "saved",
    State.ERROR: "needs attention",
}
_SAVES = {
    SaveState.SAVING: "saving",
    SaveState.WAITING: "waiting to save",
    SaveState.RETRACKING: "new masks are coming",
    SaveState.CONFLICT: "waiting for your choice",
    SaveState.OFFLINE: "kept here, goes up when the server is back",
    SaveState.FAILED: "not saved",
}


class MainWindow(QMainWindow):
    """The window over one backend. `closed` once everything has ended and the program may quit."""

    closed = Signal()
    _stopped = Signal()

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend
        self._core = backend.core
        self._is_closing = False
        self._deadline = 0.0
        self._quiet_answers = 0
        self.setWindowTitle("Goobusters")
        self.resize(1280, 860)
        self.view = WebView(self)
        self.setCentralWidget(self.view)
        self._server_line = QLabel(self)
        self._work_line = QLabel(self)
        self.statusBar().addWidget(self._work_line, 1)
        self.statusBar().addPermanentWidget(self._server_line)
        add_menus(self, self._core)
        self._add_docks()
        self._bridge = EventBridge(self._core.events, self)
        self._bridge.arrived.connect(self._on_event)
        self._stopped.connect(self._finish)
        self.view.crashed.connect(self._on_crash)
        self._restore_place()

    def start(self) -> None:
        """Loads the page and begins to listen."""
        self._bridge.start()
        self._show_server(self._core.session_json())
        self.view.open(self._backend.address)
        self.view.setFocus()

    # Docks, and what the window itself does

    def _add_docks(self) -> None:
        for dock in self._core.docks():
            try:
                widget = dock.build(self._core)
            except Exception as error:  # foreign code: named, left out, and the window comes up without it
                log.exception("dock %s", dock.name)
                self._core.events.notice("PLUGIN_FAILED", f"The panel {dock.title} failed: {type(error).__name__}.")
                continue
            holder = QDockWidget(dock.title, self)
            holder.setObjectName(f"dock-{dock.name}")
            holder.setWidget(widget)
            self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, holder)

    def toggle_full_screen(self) -> None:
        """View → Full screen."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def refresh(self) -> None:
        """File → Refresh the data set."""
        self._core.session.refresh()

    def purge(self) -> None:
        """File → Clear downloaded pictures, after a question."""
        question = "Remove all downloaded pictures and masks from this computer? What is not saved yet is kept."
        box = QMessageBox(QMessageBox.Icon.Question, "Goobusters", question, parent=self)
        remove = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.buttonClicked.connect(lambda button: self._purge() if button is remove else None)
        box.open()

    def _purge(self) -> None:
        def work() -> None:
            try:
                self._core.session.purge(None)
            except CoreError as error:
                self._core.events.notice(error.code, error.message)

        threading.Thread(target=work, name="purge", daemon=True).start()

    def about(self) -> None:
        """Help → About."""
        text = f"Goobusters {version()}\n\nPaint a few frames of a clip; the server tracks the rest."
        QMessageBox(QMessageBox.Icon.NoIcon, "About Goobusters", text, parent=self).open()

    # News

    def _on_event(self, kind: str, data: Any) -> None:
        if kind == "session":
            self._show_server(data)
        elif kind == "series":
            self._show_work(data)
        elif kind == "notice" and data["code"] == "IMPORTED":
            self.view.open(self._backend.address)  # the page must read the journal anew

    def _show_server(self, session: dict[str, Any]) -> None:
        words = {
            "ok": "Server connected",
            "offline": "Server not reached; work is kept here",
            "unauthorized": "The server does not accept the access token",
            "connecting": "Asking the server …",
            "unset": "No server yet",
        }
        editor = session["editor"]
        text = words.get(session["server"]["state"], "")
        self._server_line.setText(f"{text} · {editor}" if editor else text)

    def _show_work(self, series: dict[str, Any]) -> None:
        if self._core.session.current != (series["study_uid"], series["series_uid"]):
            return
        name = f"Exam {series['exam_number']}, Series {series['series_number']}"
        progress = series["progress"] or series["save"]
        words = _SAVES[series["save"]["state"]] if series["save"] else _STATES[series["state"]]
        count = f" {progress['done']} of {progress['total']}" if progress and progress["total"] else ""
        self._work_line.setText(f"{name}: {words}{count}")

    def bring_to_front(self) -> None:
        """A second start: this window is the one."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        self._core.events.publish("raise", {})

    def _on_crash(self) -> None:
        if not self._is_closing:
            self.statusBar().showMessage("The page had a problem and was loaded again. Your edits are safe.", 10_000)
            QTimer.singleShot(500, lambda: self.view.open(self._backend.address))

    # The end

    def closeEvent(self, event: QCloseEvent) -> None:
        """Waits until the page has handed over its last edits, then for the core; the GUI thread never blocks."""
        if self._is_closing:
            event.accept()
            return
        event.ignore()
        self._is_closing = True
        self._keep_place()
        self.setEnabled(False)
        self.statusBar().showMessage("Closing…")
        self._deadline = time.monotonic() + _FLUSH_SECONDS
        self._wait_for_page()

    def _wait_for_page(self) -> None:
        QTimer.singleShot(int(_FLUSH_SECONDS * 1000), self._stop_core)  # should the page not answer at all
        self.view.ask(_UNSENT, self._on_unsent)

    def _on_unsent(self, count: Any) -> None:
        self._quiet_answers = 0 if count else self._quiet_answers + 1
        if self._quiet_answers < _QUIET_ANSWERS and time.monotonic() < self._deadline:
            QTimer.singleShot(_ASK_EVERY_MS, lambda: self.view.ask(_UNSENT, self._on_unsent))
        else:
            self._stop_core()

    def _stop_core(self) -> None:
        if self._deadline == 0.0:
            return
        self._deadline = 0.0
        self._bridge.stop()
        self.view.dispose()

        def work() -> None:
            self._backend.stop()
            self._stopped.emit()

        threading.Thread(target=work, name="stop-core", daemon=False).start()

    def _finish(self) -> None:
        self.close()
        self.closed.emit()

    # Where the window was

    def _restore_place(self) -> None:
        place = _places().value("window/geometry")
        if isinstance(place, QByteArray):
            self.restoreGeometry(place)
        state = _places().value("window/state")
        if isinstance(state, QByteArray):
            self.restoreState(state)

    def _keep_place(self) -> None:
        _places().setValue("window/geometry", self.saveGeometry())
        _places().setValue("window/state", self.saveState())


def _places() -> QSettings:
    return QSettings("goobusters", "workstation")


def show_problem(text: str, parent: QWidget | None = None) -> None:
    """One sentence in a box of its own, for a start that failed."""
    QMessageBox.critical(parent, "Goobusters", text)
