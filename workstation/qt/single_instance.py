"""Is the window open already? A second start tells the first to come to the front, and ends. Used by qt.app."""

from __future__ import annotations

import getpass
import hashlib
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_RAISE = b"raise\n"
_PATIENCE_MS = 1000


def instance_name(cache: Path) -> str:
    """One name a person and cache, because one core at a time may use a cache."""
    digest = hashlib.sha256(f"{getpass.getuser()}\0{cache}".encode()).hexdigest()
    return f"goobusters-{digest[:16]}"


def raise_first(name: str) -> bool:
    """Asks a window that is open to come to the front; False when there is none."""
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(_PATIENCE_MS):
        return False
    socket.write(_RAISE)
    socket.waitForBytesWritten(_PATIENCE_MS)
    socket.disconnectFromServer()
    return True


class SingleInstance(QObject):
    """Listens for second starts and emits `raised`. Only this person's processes may connect."""

    raised = Signal()

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        if not self._server.listen(name):
            QLocalServer.removeServer(name)  # left behind by a crash: raise_first() has found nobody there
            self._server.listen(name)

    def _on_connection(self) -> None:
        socket = self._server.nextPendingConnection()
        if socket is not None:
            socket.disconnected.connect(socket.deleteLater)
            self.raised.emit()

    def close(self) -> None:
        """Stops listening."""
        self._server.close()
