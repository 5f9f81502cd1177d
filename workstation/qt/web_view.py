"""Shows the viewer's page and nothing else: no other address, no disk cache, no downloads. Used by the main window."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile, QWebEngineSettings
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QWidget


class _Page(QWebEnginePage):
    """Stays on the core's own address."""

    def __init__(self, profile: QWebEngineProfile, parent: QWidget) -> None:
        super().__init__(profile, parent)
        self.origin = QUrl()

    def acceptNavigationRequest(
        self, url: QUrl | str, type: QWebEnginePage.NavigationType, is_main_frame: bool
    ) -> bool:
        """Refuses every other host and port."""
        asked = QUrl(url)
        return asked.scheme() == "about" or (asked.host(), asked.port()) == (self.origin.host(), self.origin.port())


class WebView(QWebEngineView):
    """The page. `crashed` when its process died: loading it again is safe, edits are in the journal."""

    crashed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # No storage name: cache and cookies stay in memory, so no picture of a patient reaches the disk this way.
        self._profile = QWebEngineProfile()
        self._page = _Page(self._profile, self)
        self.setPage(self._page)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        settings = self._page.settings()
        settings.setAttribute(QWebEngineSettings.WebAttribute.ScreenCaptureEnabled, False)
        settings.setAttribute(QWebEngineSettings.WebAttribute.PdfViewerEnabled, False)
        self._profile.downloadRequested.connect(lambda download: download.cancel())
        self._page.renderProcessTerminated.connect(lambda *_: self.crashed.emit())

    def open(self, address: str) -> None:
        """Loads the viewer."""
        self._page.origin = QUrl(address)
        self.load(QUrl(address))

    def command(self, name: str) -> None:
        """Does what a key of the viewer does; name: an id of web_viewer/shortcuts.js."""
        self._page.runJavaScript(f"window.goobusters?.run({json.dumps(name)})")

    def ask(self, expression: str, answer: Callable[[Any], None]) -> None:
        """Hands the JSON value of a JavaScript expression to `answer`; None when the page cannot say."""

        def parse(text: Any) -> None:
            answer(json.loads(text) if isinstance(text, str) and text else None)

        self._page.runJavaScript(
            f"(() => {{ try {{ return JSON.stringify({expression}) }} catch {{ return '' }} }})()", parse
        )

    def dispose(self) -> None:
        """Ends the page before its profile, as QtWebEngine demands."""
        self.setPage(None)  # type: ignore[arg-type]
        self._page.deleteLater()
        self._profile.deleteLater()
