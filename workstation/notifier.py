"""Hands the core's news to the `notify` hook of plugins, in a thread of its own. Started and stopped by the core."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from workstation.errors import CoreError

if TYPE_CHECKING:
    from workstation.core import Core


log = logging.getLogger("goobusters.notifier")


class Notifier:
    """One thread between the event bus and the plugins, so that a slow plugin holds up nobody."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._subscription, _ = core.events.subscribe()
        self._thread = threading.Thread(target=self._run, name="notify-plugins", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening; a plugin that is still busy is not waited for."""
        self._core.events.unsubscribe(self._subscription)
        self._subscription.is_lost = True
        self._subscription.put(None)

    def _run(self) -> None:
        while not self._core.events.is_closed:
            event = self._subscription.get(1.0)
            if event is None:
                continue
            try:
                self._core.plugins.all("notify", core=self._core, kind=event.kind, data=event.data)
            except CoreError as error:  # nobody waits for an answer here
                log.error("a plugin cannot be told the news: %s", error.code)
