"""Does `goobusters demo` start server and workstation, and leave nothing running, however it ends?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from workstation.demo_data import make_clips

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's data directory in which the clips are made already."""
    directory = tmp_path_factory.mktemp("home")
    make_clips(directory / "demo" / "clips", lambda line: None)
    return directory


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[str], requests.Session, str]]]:
    """Starts the demo; gives its process, a session that has the viewer's cookie, and the address without the key."""
    started: list[subprocess.Popen[str]] = []

    def run() -> tuple[subprocess.Popen[str], requests.Session, str]:
        process = start_demo(home)
        started.append(process)
        assert process.stdout is not None
        found = (re.search(r"http://\S+", line) for line in process.stdout)
        address = next(match.group(0) for match in found if match)
        session = requests.Session()
        assert session.get(address, timeout=30).status_code == 200
        return process, session, address.split("?")[0].rstrip("/")

    yield run
    for process in started:
        for one in [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []:
            one.kill()
        process.kill()
        process.wait(15)
        if process.stdout:
            process.stdout.close()


def start_demo(home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "GOOBUSTERS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "workstation", "demo", "--headless"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def exams(session: requests.Session, address: str) -> list[int]:
    """Exam numbers, once the data set has been listed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        series = session.get(f"{address}/api/series", timeout=30).json()["series"]
        if len(series) >= 3:
            break
        time.sleep(0.1)
    return [entry["exam_number"] for entry in series]


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return list(psutil.Process(process.pid).children(recursive=True))


def test_it_shows_three_exams_and_stops_clean(home: Path, start: Callable[[], tuple]) -> None:
    process, session, address = start()
    state = session.get(f"{address}/api/session", timeout=30).json()
    assert state["editor"] == "demo@example.org"
    assert exams(session, address) == [1, 2, 3]
    children = family(process)
    assert len(children) >= 2
    process.terminate()
    assert process.wait(30) == 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert {path.name for path in (home / "demo").iterdir()} >= {"clips", "server_state", "client_cache", "output"}


def test_kill_9_leaves_nothing_behind_and_the_next_start_works(start: Callable[[], tuple]) -> None:
    process, _, _ = start()
    children = family(process)
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    _, session, address = start()
    assert session.get(f"{address}/api/session", timeout=30).status_code == 200


def test_a_second_demo_says_that_one_is_running(home: Path, start: Callable[[], tuple]) -> None:
    start()
    second = start_demo(home)
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert output.splitlines()[-1] == "The demo is running already."
    assert "Traceback" not in output


def test_a_place_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    process = start_demo(tmp_path / "file")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be written" in output
    assert "Traceback" not in output
