"""`goobusters backend` as a process: prints its address, survives kill -9 in the middle of work, ends on SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.helpers.clips import uids
from tests.helpers.kill import KILL
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Key, Workstation, change, edit

ROOT = Path(__file__).resolve().parents[2]
KEY: Key = uids(0)
_COMMAND = (sys.executable, "-m", "workstation", "backend", "--print-address", "--stop-with-stdin")


class Process:
    """A backend as its user starts it. `address` is what it printed."""

    def __init__(self, directory: Path, clips: Path, server: str) -> None:
        own = {
            "DATASET": f"folder:{clips}",
            "SERVER_URL": server,
            "USER_EMAIL": "ann@example.org",
            "MDAI_TOKEN": "a token, so that nobody's keyring is asked",
            "VIDEO_CACHE_PATH": str(directory / "cache"),
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [*_COMMAND, "--user", str(directory / "user")],
            cwd=directory,
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        self.base = self.address.partition("/?")[0]
        self.session = requests.Session()
        assert self.session.get(self.address, timeout=30).ok

    def open(self) -> None:
        """Opens the one series and waits until it can be edited."""
        path = f"{self.base}/api/series/{KEY[0]}/{KEY[1]}"
        self._wait(lambda: self.session.get(path, timeout=30).ok)
        self.session.post(f"{path}/open", timeout=30)
        self._wait(lambda: self.session.get(path, timeout=30).json()["state"] in ("ready", "edited", "saved"))

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "it takes too long"
            time.sleep(0.05)

    def end(self, number: int) -> tuple[int, str]:
        """Sends a signal; returns exit status and standard error."""
        self.session.close()
        self.process.send_signal(number)
        if number != KILL:
            self.process.wait(60)  # with its standard input open
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def test_every_stroke_that_was_answered_survives_a_kill(tmp_path: Path, server: ServerProcess) -> None:
    clips = server.directory / "clips"
    with Workstation(tmp_path, clips, server=server.address) as station:  # brings frames and masks here
        station.open(KEY)
    for round_ in range(3):
        backend = Process(tmp_path, clips, server.address)
        answered: list[str] = []

        def paint(backend: Process = backend, answered: list[str] = answered, round_: int = round_) -> None:
            for number in range(10_000):
                op = edit(change(number % 8, (number % 90, round_, 5, 5)))
                try:
                    url = f"{backend.base}/api/journal/{KEY[0]}/{KEY[1]}"
                    if backend.session.post(url, json={"ops": [op]}, timeout=30).ok:
                        answered.append(op["id"])
                except requests.RequestException:
                    return

        painter = threading.Thread(target=paint)
        painter.start()
        while len(answered) < 20 and painter.is_alive():
            painter.join(0.01)
        backend.process.kill()
        painter.join(60)
        backend.end(KILL)
        with Workstation(tmp_path, clips, server=server.address) as station:
            assert station.open(KEY)["state"] == "edited"
            there = [op["id"] for op in station.ops(KEY)]
        assert len(answered) >= 20
        assert there[-len(answered) - 1 :][: len(answered)] == answered or there[-len(answered) :] == answered


def test_a_save_goes_on_after_a_kill(tmp_path: Path, server: ServerProcess) -> None:
    clips = server.directory / "clips"
    backend = Process(tmp_path, clips, server.address)
    path = f"{backend.base}/api/series/{KEY[0]}/{KEY[1]}"
    backend.open()
    op = edit(change(3, (4, 4, 20, 20)))
    url = f"{backend.base}/api/journal/{KEY[0]}/{KEY[1]}"
    assert backend.session.post(url, json={"ops": [op]}, timeout=30).ok
    assert backend.session.post(f"{path}/save", timeout=30).status_code == 202
    backend.end(KILL)
    with Workstation(tmp_path, clips, server=server.address) as station:
        series = station.open(KEY)
        if series["is_dirty"]:  # killed before the save was on disk: the edit is there, the person saves again
            series = station.save(KEY)
        done = station.wait(KEY, lambda s: s["save"] is None and s["base_version_id"] == s["version_id"])
        assert not done["is_dirty"]
    history = server.get(f"/api/series/{KEY[0]}/{KEY[1]}").json()["history"]
    assert [version["is_original"] for version in history] == [False, True], "saved once, not twice"


def test_it_ends_quietly_on_sigterm(tmp_path: Path, server: ServerProcess) -> None:
    backend = Process(tmp_path, server.directory / "clips", server.address)
    events = backend.session.get(f"{backend.base}/api/events", stream=True, timeout=30)
    assert events.ok
    status, errors = backend.end(signal.SIGTERM)
    events.close()
    assert (status, errors) == (0, "")


def test_it_ends_with_whoever_started_it(tmp_path: Path, server: ServerProcess) -> None:
    backend = Process(tmp_path, server.directory / "clips", server.address)
    backend.session.close()
    _, errors = backend.process.communicate(timeout=60)  # closes its standard input
    assert (backend.process.returncode, errors) == (0, "")


def test_nothing_private_is_printed_or_named(tmp_path: Path, server: ServerProcess) -> None:
    backend = Process(tmp_path, server.directory / "clips", server.address)
    backend.open()
    backend.session.post(f"{backend.base}/api/journal/{KEY[0]}/{KEY[1]}", data=b"{", timeout=30)
    backend.session.get(f"{backend.base}/api/frames/{KEY[0]}/{KEY[1]}/99", timeout=30)
    _, errors = backend.end(signal.SIGTERM)
    names = " ".join(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*"))
    for secret in (*KEY, "ann@example.org", "a token", backend.address.partition("key=")[2]):
        assert secret not in errors
        assert secret not in names
