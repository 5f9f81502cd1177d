"""The same news as a stream (SSE), so that nobody has to poll. Added by `server.app`."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator, Iterator

import bottle

from server.errors import ApiError
from server.events import Event, Events
from server.http_server import MAX_STREAMS
from server.records import render
from server.services import Services, check_loaded, read_header

HEARTBEAT_SECONDS = 1.0


def add(app: bottle.Bottle, services: Services) -> None:
    places = threading.BoundedSemaphore(MAX_STREAMS)

    @app.get("/api/events")
    def events() -> Iterator[bytes]:
        check_loaded(services)
        last = read_header("Last-Event-ID")
        if not places.acquire(blocking=False):
            raise ApiError(
                "TOO_MANY_STREAMS", "Too many live connections; poll instead.", headers={"Retry-After": "30"}
            )
        bottle.response.content_type = "text/event-stream"
        bottle.response.set_header("X-Accel-Buffering", "no")
        return _Stream(services, places, last)


class _Stream:
    """One client's stream; its place is given back when the HTTP server closes it."""

    def __init__(self, services: Services, places: threading.BoundedSemaphore, last_event_id: str) -> None:
        self._services = services
        self._places = places
        self._news = _news(services, last_event_id)
        services.metrics.streams.inc()

    def __iter__(self) -> Iterator[bytes]:
        return self._news

    def __next__(self) -> bytes:
        return next(self._news)

    def close(self) -> None:
        self._news.close()
        self._services.metrics.streams.dec()
        self._places.release()


def _news(services: Services, last_event_id: str) -> Generator[bytes]:
    events: Events = services.events
    yield b"retry: 2000\n\n"
    position = events.last_id
    if last_event_id:
        known = int(last_event_id) if re.fullmatch("[0-9]{1,20}", last_event_id) else -1
        if events.can_resume(known):
            position = known
        else:
            yield from _all_series(services, position)
    yield _status(services, position)
    while not events.is_closed:
        newer = events.after(position, HEARTBEAT_SECONDS)
        if newer is None:  # more has happened at once than is kept, or the client reads too slowly
            position = events.last_id
            yield from _all_series(services, position)
            yield _status(services, position)
            continue
        for event in newer:
            position = event.id
            yield _format(event)
        if not newer:
            yield b": \n\n"


def _all_series(services: Services, position: int) -> Iterator[bytes]:
    for entry in services.store.listed():
        yield _format(Event(position, "series", json.dumps(render(entry))))


def _status(services: Services, position: int) -> bytes:
    return _format(Event(position, "status", json.dumps(services.render_status())))


def _format(event: Event) -> bytes:
    return f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n".encode()
