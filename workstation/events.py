"""What has just changed? Carries news from the core to everyone who watches: the viewer's SSE stream and the Qt shell.

Publishing never blocks: a watcher that does not keep up is dropped and comes back with a full list.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

_KEPT = 1000


@dataclass(frozen=True)
class Event:
    """One piece of news. kind is one of series, session, conflict, journal, notice, raise; number grows by one each."""

    number: int
    kind: str
    data: dict[str, Any]


class Subscription:
    """One watcher's queue. `is_lost` once it fell behind: it must read everything anew."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Event | None] = queue.Queue(_KEPT)
        self.is_lost = False

    def get(self, timeout: float) -> Event | None:
        """The next event, or None after `timeout` seconds or when the bus was closed."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def put(self, event: Event | None) -> None:
        """Queues one event; marks the subscription lost instead of waiting."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.is_lost = True


class EventBus:
    """Hands every event to every subscription, and remembers the last thousand for those who reconnect."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._recent: deque[Event] = deque(maxlen=_KEPT)
        self._subscriptions: list[Subscription] = []
        self.is_closed = False

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Sends one event to all watchers."""
        with self._lock:
            self._number += 1
            event = Event(self._number, kind, data)
            self._recent.append(event)
            for subscription in self._subscriptions:
                subscription.put(event)

    def notice(self, code: str, message: str, **details: Any) -> None:
        """Tells people something that needs no answer."""
        self.publish("notice", {**details, "code": code, "message": message})

    def subscribe(self, after: int | None = None) -> tuple[Subscription, list[Event] | None]:
        """A new watcher, and the events since number `after`; None when nobody can say what was missed.

        That is so at the first time (`after` is None), and after longer than events are kept.
        """
        subscription = Subscription()
        with self._lock:
            self._subscriptions.append(subscription)
            oldest = self._recent[0].number if self._recent else self._number + 1
            if after is None or after > self._number or after + 1 < oldest:
                return subscription, None
            return subscription, [event for event in self._recent if event.number > after]

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forgets a watcher."""
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> None:
        """Wakes every watcher for the last time."""
        with self._lock:
            self.is_closed = True
            for subscription in self._subscriptions:
                subscription.put(None)
