"""How do clients hear at once what changed? A ring of numbered events, waited on by `routes_events` (SSE)."""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any, NamedTuple

from server.clock import Clock

KEPT = 2000
_IDS_A_SECOND = 1_000_000  # ids start at the second of the start times this: they grow across restarts, below 2**53


class Event(NamedTuple):
    """One message: `data` is JSON text."""

    id: int
    name: str
    data: str


class Events:
    """The last events. All methods may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._changed = threading.Condition()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._last = int(clock.now().timestamp()) * _IDS_A_SECOND
        self._is_closed = False

    def publish(self, name: str, data: Any) -> None:
        """Tells every listener."""
        with self._changed:
            self._last += 1
            self._kept.append(Event(self._last, name, json.dumps(data, separators=(",", ":"))))
            self._changed.notify_all()

    @property
    def last_id(self) -> int:
        """Id of the newest event; listeners start here."""
        return self._last

    def can_resume(self, last_id: int) -> bool:
        """Whether every event after `last_id` is still kept."""
        with self._changed:
            return last_id <= self._last and self._has_all_after(last_id)

    def _has_all_after(self, last_id: int) -> bool:
        oldest = self._kept[0].id if self._kept else self._last + 1
        return oldest - 1 <= last_id

    def after(self, last_id: int, seconds: float) -> list[Event] | None:
        """Events newer than `last_id`, waiting at most so long for the first one; None when some are no longer kept."""
        with self._changed:
            if self._last <= last_id and not self._is_closed:
                self._changed.wait(seconds)
            if not self._has_all_after(last_id):
                return None
            newer = []
            for event in reversed(self._kept):
                if event.id <= last_id:
                    break
                newer.append(event)
            return newer[::-1]

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        """The server stops: wakes every listener."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
