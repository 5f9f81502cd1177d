"""Brings the core's news into the GUI thread. Used by the main window."""

from __future__ import annotations

import threading
from typing import Any

from PySide6.QtCore import QObject, Signal

from workstation.events import EventBus


class EventBridge(QObject):
    """One thread that waits for events and emits `arrived(kind, data)`; Qt queues it over to the GUI thread."""

    arrived = Signal(str, object)

    def __init__(self, events: EventBus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._events = events
        self._subscription, _ = events.subscribe()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="qt-events", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; nothing is emitted after this."""
        self._is_stopped.set()
        self._events.unsubscribe(self._subscription)
        self._subscription.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._is_stopped.is_set() and not self._events.is_closed:
            event = self._subscription.get(1.0)
            if event is not None and not self._is_stopped.is_set():
                data: Any = event.data
                self.arrived.emit(event.kind, data)
