"""What worker processes run in tests of what goes wrong: real jobs that die, hang or fail on purpose.

They are importable by name, because a worker process is a new Python. A file in the job's flow cache directory says
what is to happen and counts the attempts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from server.track_job import JobResult, TrackJob, run
from tests.helpers.kill import KILL

Report = Callable[[int, int], None]
Ask = Callable[[], bool]


def order(flow_cache: Path, word: str, series_uid: str) -> None:
    """Asks the next jobs of a series to `die`, `die-once`, `hang`, `raise` or `slow`; `die-late`: with an open clip."""
    flow_cache.mkdir(parents=True, exist_ok=True)
    (flow_cache / f"order-{series_uid}").write_text(word, "utf-8")


def attempts(flow_cache: Path, series_uid: str) -> int:
    """How often jobs of a series have begun."""
    path = flow_cache / f"attempts-{series_uid}"
    return len(path.read_text("utf-8")) if path.exists() else 0


def misbehave(job: TrackJob, progress: Report, cancelled: Ask) -> JobResult:
    """The real job, after doing what was ordered."""
    job.flow_cache.mkdir(parents=True, exist_ok=True)
    with (job.flow_cache / f"attempts-{job.series_uid}").open("a") as stream:
        stream.write("x")
    path = job.flow_cache / f"order-{job.series_uid}"
    word = path.read_text("utf-8") if path.exists() else ""
    if word.endswith("-late"):
        return run(job, lambda done, total: _fail(word), cancelled)
    if word == "die-once":
        path.unlink()
    if word.startswith("die") or word == "raise":
        _fail(word)
    if word == "hang":
        progress(1, 8)
        while True:
            time.sleep(0.05)
    if word == "slow":
        end = time.monotonic() + 150
        while path.exists() and time.monotonic() < end:
            time.sleep(0.01)
    return run(job, progress, cancelled)


def _fail(word: str) -> NoReturn:
    if word.startswith("raise"):
        raise ZeroDivisionError("the tracker's own mistake, with a path such as /data/1.2.3 in it")
    os.kill(os.getpid(), KILL)
    raise AssertionError("killed")
