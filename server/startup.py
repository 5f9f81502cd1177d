"""What happens between binding the port and being ready? One background thread, made by `server.assemble`.

Store (what earlier runs left) -> data set (brought up to date, and from then on now and again: `dataset_sync`) -> index
(joined with the store) -> jobs (every series whose masks are missing or stale). The server answers all the while;
`status` says how far it is.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from server.dataset import Source
from server.dataset_sync import DatasetSync
from server.services import Services
from tracking.contracts.dataset import Problem

log = logging.getLogger("goobusters.startup")

_STATUS_SECONDS = 0.25


class Startup:
    """The start-up and, after it, the watch over the data set and over the status that live clients are told."""

    def __init__(self, services: Services, source: Source) -> None:
        self._services = services
        self._stopped = threading.Event()
        self._sync = DatasetSync(services, source, self._stopped)

    def start(self) -> None:
        """Begins in the background."""
        threading.Thread(target=self._run, name="startup", daemon=True).start()
        threading.Thread(target=self._tell_status, name="status", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        try:
            self._services.store.load()
        except OSError as error:
            text = f"The server's directories cannot be used: {error.strerror}."
            log.error("startup_failed", extra={"code": "STORAGE_FAILED", "reason": text})
            self._services.status.problems = [Problem("STORAGE_FAILED", text)]
            return
        self._sync.run()

    def _tell_status(self) -> None:
        """Publishes the status whenever it has changed."""
        told: dict[str, Any] = {}
        while not self._stopped.wait(_STATUS_SECONDS):
            now = self._services.render_status()
            if now != told:
                told = now
                self._services.events.publish("status", now)
