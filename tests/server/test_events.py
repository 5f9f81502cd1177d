"""Live news: what is told, what is resumed, and that abandoned streams give their place back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from server.assemble import Running
from server.events import KEPT, Events
from server.http_server import MAX_STREAMS
from server.routes_events import _news
from tests.helpers.clips import rectangle, submission
from tests.helpers.server_process import ServerProcess
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, SetClock

Live = tuple[ServerProcess, str]
News = tuple[int, str, Any]


def test_who_falls_behind_gets_everything_anew(indexed: Callable[..., tuple[Running, Caller]]) -> None:
    running, _ = indexed(3)
    news = _news(running.services, "")
    assert b"retry" in next(news)
    assert b"event: status" in next(news)
    for number in range(KEPT + 10):
        running.services.events.publish("series", {"number": number})
    last = running.services.events.last_id
    told = [next(news).decode().split("\n") for _ in range(3)]
    assert [json.loads(data.removeprefix("data: "))["exam_number"] for _, _, data, *_ in told] == [1, 2, 3]
    assert {number for number, *_ in told} == {f"id: {last}"}
    assert b"event: status" in next(news)
    running.services.events.publish("series", {"number": "next"})
    assert b'"next"' in next(news)


class Stream:
    """A live connection, read in a thread of its own."""

    def __init__(self, server: ServerProcess, last_event_id: int | None = None) -> None:
        headers = dict(server.headers)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self.answer = requests.get(f"{server.address}/api/events", headers=headers, stream=True, timeout=30)
        self.news: list[News] = []
        self.heartbeats = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self._lines():
                if line.startswith(":"):
                    self.heartbeats += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif "data" in event:
                    self.news.append((int(event["id"]), event["event"], json.loads(event["data"])))
                    event = {}
        except (requests.RequestException, AttributeError, ValueError):
            return  # closed

    def _lines(self) -> Iterator[str]:
        for line in self.answer.iter_lines(chunk_size=1):
            yield line.decode()

    def wait_for(self, condition: Any) -> News:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for item in list(self.news):
                if condition(item):
                    return item
            time.sleep(0.02)
        raise TimeoutError(f"not among {[name for _, name, _ in self.news]}")

    def close(self) -> None:
        self.answer.close()


def test_everything_that_happens_is_told_and_can_be_resumed(live: Live) -> None:
    server, _ = live
    stream = Stream(server)
    first = stream.wait_for(lambda n: n[1] == "status")
    assert first[2]["ready"] is True
    server.post(f"/api/series/{PATH}/activity")
    told = stream.wait_for(lambda n: n[1] == "series" and n[2]["activity"])
    assert told[2]["activity"][0]["editor"] == "ann@example.org"
    server.post(f"/api/series/{PATH}/complete")
    stream.wait_for(lambda n: n[1] == "series" and n[2]["completed"])
    stream.close()

    server.post(f"/api/series/{PATH}/reopen")
    current = server.get(f"/api/series/{PATH}").json()["version_id"]
    body = submission(KEY, current, {3: rectangle(2, 2, 30, 30)})
    version = server.post(f"/api/masks/{PATH}", data=body, headers={"X-Previous-Version-ID": current}).json()[
        "version_id"
    ]
    server.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")

    resumed = Stream(server, stream.news[-1][0])
    resumed.wait_for(lambda n: n[1] == "series" and n[2]["version_id"] == version and n[2]["retrack"] is None)
    states = [n[2]["retrack"]["status"] for n in resumed.news if n[1] == "series" and n[2]["retrack"]]
    assert states[0] == "RETRACK_PENDING"
    assert "RETRACK_PROCESSING" in states
    assert any(n[2]["completed"] is None for n in resumed.news if n[1] == "series")
    ids = [n[0] for n in resumed.news]
    assert ids == sorted(ids)
    assert min(ids) >= stream.news[-1][0]
    resumed.close()


def test_a_quiet_stream_has_a_heartbeat(live: Live) -> None:
    stream = Stream(live[0])
    end = time.monotonic() + 20
    while stream.heartbeats < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert stream.heartbeats >= 2
    stream.close()


def test_an_unknown_position_gives_the_full_list(live: Live) -> None:
    server, _ = live
    for position in (1, 2**52):
        stream = Stream(server, position)
        assert stream.wait_for(lambda n: n[1] == "series")[2]["series_uid"] == KEY[1]
        stream.close()


def test_streams_are_limited_and_abandoned_ones_make_room(live: Live) -> None:
    server, _ = live
    opened: list[requests.Response] = []

    def one_more() -> requests.Response:
        answer = requests.get(f"{server.address}/api/events", headers=server.headers, stream=True, timeout=30)
        opened.append(answer)
        return answer

    refused = next(answer for answer in (one_more() for _ in range(MAX_STREAMS + 1)) if answer.status_code != 200)
    assert (refused.status_code, refused.json()["error_code"]) == (503, "TOO_MANY_STREAMS")
    assert server.get("/api/status").status_code == 200  # threads are left for requests
    for answer in opened:
        answer.close()
    end = time.monotonic() + 60
    while one_more().status_code != 200:
        assert time.monotonic() < end, "abandoned streams keep their places"
        opened[-1].close()
        time.sleep(0.1)
    opened[-1].close()


def test_old_events_are_forgotten_and_that_is_known(clock: SetClock) -> None:
    events = Events(clock)
    start = events.last_id
    assert events.can_resume(start)
    for number in range(KEPT + 5):
        events.publish("series", number)
    assert not events.can_resume(start)
    assert events.can_resume(start + 5)
    assert [json.loads(e.data) for e in events.after(events.last_id - 2, 0)] == [KEPT + 3, KEPT + 4]


def test_ids_grow_across_restarts(clock: SetClock) -> None:
    before = Events(clock)
    for number in range(100):
        before.publish("series", number)
    clock.advance(seconds=1)
    assert Events(clock).last_id > before.last_id
