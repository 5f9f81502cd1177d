"""What is new on the server? Follows its event stream; asks for the list itself whenever the stream is not to be had.

One thread, started by the core. Each time round it asks for status and list, then listens until the stream breaks.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

from workstation.errors import CoreError

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.server_watch")

_PAUSE, _LONGEST_PAUSE = 2.0, 10.0
_REFUSED_PAUSE = 60.0  # a token that is not good does not get better by asking; a new one wakes the watch


class ServerWatch:
    """Keeps the session's picture of the server up to date."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._generation = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to watch, if a server is set."""
        self._generation += 1
        self._thread = threading.Thread(target=self._run, args=(self._generation,), name="server-watch", daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Watches the server that the settings name now."""
        self.wake()
        self.start()

    def wake(self) -> None:
        """Asks at once instead of after the pause."""
        self._woken.set()

    def stop(self) -> None:
        """Ends the watch; a stream that is open is left to the end of the process."""
        self._stopped.set()
        self._woken.set()

    def _is_current(self, generation: int) -> bool:
        return not self._stopped.is_set() and generation == self._generation

    def _run(self, generation: int) -> None:
        if not self._core.server.is_set:
            return
        pause = _PAUSE
        while self._is_current(generation):
            try:
                self._ask()
                pause = _PAUSE
                self._listen(generation)
            except CoreError as error:
                log.debug("the server cannot be watched: %s", error.code)
                pause = _REFUSED_PAUSE if error.status in (401, 403) else min(pause * 1.5, _LONGEST_PAUSE)
            except (ValueError, KeyError, TypeError):
                log.exception("the server sent news that cannot be understood")
            self._woken.wait(pause)
            self._woken.clear()

    def _ask(self) -> None:
        status = self._core.server.status()
        self._core.session.set_remote(self._core.server.list_series())
        self._core.set_server_state("ok", status)

    def _listen(self, generation: int) -> None:
        kind, data, is_first = "", "", True
        for line in self._core.server.event_lines(None):
            if not self._is_current(generation):
                return
            if is_first:
                is_first = False
                self._ask()  # again: what changed between the list and the stream would be missed
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line:
                self._take(kind, data)
                kind, data = "", ""

    def _take(self, kind: str, data: str) -> None:
        if kind == "series":
            self._core.session.update_remote(json.loads(data))
        elif kind == "removed":
            self._core.session.remove_remote(json.loads(data))
        elif kind == "status":
            self._core.session.status_changed(json.loads(data))
