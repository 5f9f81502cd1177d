"""Kills a real server again and again while clients work on it, and says what was lost. Used by test_kill.py with a few
rounds and by benchmarks/kills.py with hundreds.

Clients save, complete, reopen and ping as fast as they can. Whatever was answered with 200 is noted; after each start
everything noted must be there.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.helpers.clips import FRAMES, rectangle, submission, write_dataset
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import unpack

SERIES = 24
Key = tuple[str, str]


@dataclass
class Noted:
    """What the server has promised about one series: version id → digest of the saved body, in order."""

    saves: dict[str, str] = field(default_factory=dict)
    completed: str | None = None
    is_certain: bool = True
    """False while a complete or reopen was sent and not answered: then either outcome is right."""


@dataclass
class Report:
    """What a run found; `lost` must stay empty."""

    kills: int = 0
    saves: int = 0
    unanswered: int = 0
    waits: int = 0
    lost: list[str] = field(default_factory=list)
    start_seconds: list[float] = field(default_factory=list)


class KillRounds:
    """A data set in `directory`, clients, and a server that is killed after a random while."""

    def __init__(self, directory: Path, seed: int, longest: float) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        self._longest = longest
        self._keys = write_dataset(directory / "clips", SERIES, frames=FRAMES)
        self._noted = {key: Noted() for key in self._keys}
        self._lock = threading.Lock()
        self._server = ServerProcess(directory, DATASET="folder:clips")
        self.report = Report()

    def run(self, rounds: int) -> Report:
        """So many kills, then a last start in which everything must come to rest."""
        self._server.start()
        self._server.wait_ready()
        for _ in range(rounds):
            self._one_round()
        try:
            self._check_everything()
        finally:
            self._server.stop()
        return self.report

    def _one_round(self) -> None:
        stop = threading.Event()
        seeds = [self._random.random() for _ in range(4)]
        clients = [threading.Thread(target=self._client, args=(n, seed, stop)) for n, seed in enumerate(seeds)]
        for client in clients:
            client.start()
        self._wait_for_a_save()
        time.sleep(self._random.uniform(0, self._longest))
        self._server.kill()
        self.report.kills += 1
        stop.set()
        for client in clients:
            client.join()
        began = time.monotonic()
        self._server.start()
        self._server.wait_for("/api/series", lambda answer: "series" in answer)
        self.report.start_seconds.append(time.monotonic() - began)
        self._check_promises()

    def _wait_for_a_save(self) -> None:
        """Lets the clients get going; on a busy machine the first tracking after a start takes a while."""
        before, end = self.report.saves, time.monotonic() + 30
        while self.report.saves == before and time.monotonic() < end:
            time.sleep(0.01)

    def _client(self, number: int, seed: float, stop: threading.Event) -> None:
        choice = random.Random(seed)
        session = requests.Session()
        session.headers["X-Editor"] = f"person{number}@example.org"
        while not stop.is_set():
            key = choice.choice(self._keys)
            try:
                if choice.random() < 0.7:
                    self._save(session, key, choice, stop)
                else:
                    self._mark(session, key, choice)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                self.report.unanswered += 1
                return

    def _save(self, session: requests.Session, key: Key, choice: random.Random, stop: threading.Event) -> None:
        path = "/".join(key)
        current = session.get(f"{self._server.address}/api/series/{path}", timeout=10).json().get("version_id")
        left, top = choice.randrange(40), choice.randrange(30)
        body = submission(key, current, {choice.randrange(FRAMES): rectangle(left, top, left + 20, top + 20)})
        headers = {"X-Previous-Version-ID": current or "null"}
        answer = session.post(f"{self._server.address}/api/masks/{path}", data=body, headers=headers, timeout=10)
        if answer.status_code == 200:
            with self._lock:
                self.report.saves += 1
                self._noted[key].saves[answer.json()["version_id"]] = hashlib.sha256(body).hexdigest()
        elif answer.status_code == 429:  # while the first tracking after a start takes long, all are asked to wait
            self.report.waits += 1
            stop.wait(float(answer.headers["Retry-After"]))
        elif answer.status_code not in (409, 503):
            self.report.lost.append(f"a save was answered {answer.status_code}: {answer.text}")

    def _mark(self, session: requests.Session, key: Key, choice: random.Random) -> None:
        word = choice.choice(["complete", "reopen", "activity"])
        noted = self._noted[key]
        with self._lock if word != "activity" else threading.Lock():
            noted.is_certain = noted.is_certain and word == "activity"
            url = f"{self._server.address}/api/series/{'/'.join(key)}/{word}"
            answer = session.post(url, timeout=10)
            if word != "activity" and answer.status_code == 200:
                mark = answer.json()["completed"]
                noted.completed, noted.is_certain = (mark["at"] if mark else None), True

    def _check_promises(self) -> None:
        for key, noted in self._noted.items():
            series = self._server.get("/api/series/" + "/".join(key)).json()
            saves = (version for version in series["history"] if not version["is_original"])
            history = {version["version_id"]: version["content_sha256"] for version in saves}
            for version_id, digest in noted.saves.items():
                if history.get(version_id) != digest:
                    self.report.lost.append(f"kill {self.report.kills}: an acknowledged save is gone")
            if history and series["version_id"] != next(iter(history)):
                self.report.lost.append(f"kill {self.report.kills}: the current version is not the newest")
            at = series["completed"]["at"] if series["completed"] else None
            if noted.is_certain and at != noted.completed:
                self.report.lost.append(f"kill {self.report.kills}: a completion mark is wrong")
            noted.completed, noted.is_certain = at, True

    def _check_everything(self) -> None:
        """At rest: every version readable, the newest one tracked and served, nothing half-made on the disk."""
        self._server.wait_for("/api/status", lambda s: s["ready"] and not s["queue"]["retrack"])
        for key, noted in self._noted.items():
            path = "/".join(key)
            self._server.wait_for(
                f"/api/retrack/status/{path}", lambda s: s.get("status") in ("RETRACK_DONE", "RETRACK_FAILED")
            )
            series = self._read(f"/api/series/{path}").json()
            served = self._read(f"/api/masks/{path}")
            if served.status_code != 200:
                self.report.lost.append(f"the newest masks are not served: {served.status_code} {served.text}")
                continue
            if served.headers["X-Version-ID"] != (series["version_id"] or "null"):
                self.report.lost.append("the newest version is not the one served")
            unpack(served.content)
            for version_id in noted.saves:
                answer = self._read(f"/api/masks/{path}", version=version_id)
                if answer.status_code != 200:
                    self.report.lost.append(f"a version cannot be read: {answer.text}")
                elif unpack(answer.content).metadata["version_id"] != version_id:
                    self.report.lost.append("a version's archive is of another version")
        self.report.lost += [f"left behind: {name}" for name in leftovers(self._directory)]

    def _read(self, path: str, **params: str) -> requests.Response:
        """Hundreds in a row are more than one caller may ask at once: waits when told to."""
        for _ in range(30):
            answer = self._server.get(path, params=params)
            if answer.status_code != 429:
                return answer
            self.report.waits += 1
            time.sleep(1)
        return answer


def leftovers(directory: Path) -> list[str]:
    """Names of files that only a job or a write under way may have, or that were set aside for being unreadable."""
    found: list[Any] = []
    for root in (directory / "server_state", directory / "output"):
        for path in root.rglob("*"):
            is_unacknowledged = path.parent.name == "history" and ".tgz.set-aside-" in path.name
            half = any(word in path.name for word in (".tmp-", "masks_temp", "masks_old", "version_temp", ".partial"))
            if half or (".set-aside-" in path.name and not is_unacknowledged):
                found.append(path.name)
    return found
