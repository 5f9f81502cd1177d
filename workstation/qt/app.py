"""`goobusters workstation`: the desktop program.

Start-up, in order: options → Qt → is a window open already? (then it comes to the front and this start ends) →
settings → backend (port bound, cache opened, core started) in a thread, so that the window is never stuck → window.
The end: the window waits for the page's last edits and for the core, then Qt's loop ends.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from tracking.contracts.settings import SettingError
from workstation.backend import Backend, parser
from workstation.errors import CoreError
from workstation.qt.main_window import MainWindow, show_problem
from workstation.qt.single_instance import SingleInstance, instance_name, raise_first
from workstation.settings import SettingsStore

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


class _Starter(QObject):
    """Starts the backend in a thread; `started` with it, or `failed` with one sentence."""

    started = Signal(object)
    failed = Signal(str)

    def __init__(self, store: SettingsStore, *, safe_mode: bool) -> None:
        super().__init__()
        self._store = store
        self._safe_mode = safe_mode

    def start(self) -> None:
        """Returns at once."""
        threading.Thread(target=self._run, name="start-core", daemon=True).start()

    def _run(self) -> None:
        try:
            backend = Backend(self._store, safe_mode=self._safe_mode)
            backend.start()
        except CoreError as error:
            self.failed.emit(f"{error.message} [{error.code}]")
        else:
            self.started.emit(backend)


def main(arguments: list[str] | None = None) -> int:
    """Runs until the window is closed; returns the exit status."""
    options = parser("workstation").parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR, format="%(levelname)s %(message)s")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in _DISPLAYS):  # Qt would abort
        print("There is no display here. `goobusters backend` works without one, in a browser.", file=sys.stderr)
        return 1
    prepare_environment(is_verbose=options.verbose)
    application = make_application()
    try:
        store = SettingsStore(options.settings, options.user)
    except SettingError as error:
        show_problem(str(error))
        return 1
    name = instance_name(store.current.video_cache_path)
    if raise_first(name):
        return 0
    return _run(application, store, name, options)


def prepare_environment(*, is_verbose: bool) -> None:
    """What Qt and its Chromium must know before they start."""
    if sys.platform == "linux" and os.geteuid() == 0:  # Chromium's sandbox does not run as root
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")
    if not is_verbose:  # a machine without a graphics card gets six lines that say so, and nobody can help
        os.environ.setdefault("QT_LOGGING_RULES", "default.info=false;default.warning=false")
        os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--log-level=3")


def make_application() -> QApplication:
    """The one QApplication of this process."""
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication(["goobusters"])  # what desktops group and name windows by
    application.setApplicationName("Goobusters")
    application.setQuitOnLastWindowClosed(False)  # the window says when the core has ended too
    return application


def _run(application: QApplication, store: SettingsStore, name: str, options: argparse.Namespace) -> int:
    single = SingleInstance(name)
    starter = _Starter(store, safe_mode=options.safe_mode)
    windows: list[MainWindow] = []

    def show(backend: Backend) -> None:
        window = MainWindow(backend)
        windows.append(window)
        single.raised.connect(window.bring_to_front)
        window.closed.connect(application.quit)
        window.show()
        window.start()

    def fail(text: str) -> None:
        show_problem(text)
        application.exit(1)

    starter.started.connect(show)
    starter.failed.connect(fail)
    starter.start()
    waker = _listen_to_signals(lambda: windows[0].close() if windows else application.quit())
    status = application.exec()
    waker.stop()
    single.close()
    return status


def _listen_to_signals(close: object) -> QTimer:
    """Ctrl-C and SIGTERM close the window. Python runs its handlers only when it gets a turn: a timer gives it one."""

    def on_signal(*_: object) -> None:
        if callable(close):
            close()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(200)
    return timer
