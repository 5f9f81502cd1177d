"""The same jobs on a Dask cluster: a real scheduler and two worker processes, one of which is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="the extra `dask` is not installed")

from server.clock import SystemClock
from server.workers import ATTEMPTS
from tests.helpers.clips import uids, write_dataset
from tests.helpers.dask_cluster import DaskCluster
from tests.helpers.job_functions import attempts, misbehave, order
from tests.helpers.wsgi import Caller
from tests.server.conftest import StartServer
from tracking.contracts.archive import unpack

FIRST, SECOND = uids(0), uids(1)


class HurriedClock(SystemClock):
    """Real time, since the cluster is real, and a leap when a test wants one."""

    offset = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.offset

    def leap(self, seconds: float) -> bool:
        self.offset += seconds
        return True


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def archive_of(caller: Caller, key: tuple[str, str]) -> bytes:
    answer = caller.get("/api/masks/" + "/".join(key))
    assert answer.status == 200
    return answer.content


def test_a_cluster_gives_the_same_masks_also_when_a_worker_is_killed(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 2)
    local, caller = start_server()
    caller.wait_ready()
    expected = [unpack(archive_of(caller, key)).masks for key in (FIRST, SECOND)]
    local.stop()

    directory = tmp_path / "elsewhere"
    write_dataset(directory / "clips", 2)
    flow = directory / "data" / "flow"
    for key in (FIRST, SECOND):
        order(flow, "slow", key[1])
    with DaskCluster(tmp_path / "cluster") as cluster:
        settings = {"WORKERS": f"dask://{cluster.address}", "RETRACK_WORKERS": "2"}
        running, caller = start_server(directory, function=misbehave, **settings)
        caller.wait_for("/api/status", lambda _: attempts(flow, FIRST[1]) and attempts(flow, SECOND[1]))
        cluster.workers[0].kill()
        for key in (FIRST, SECOND):
            (flow / f"order-{key[1]}").unlink()
        status = caller.wait_ready()
        assert (status["series_completed"], status["series_failed"]) == (2, 0)
        assert sorted(attempts(flow, key[1]) for key in (FIRST, SECOND)) == [1, 2]
        assert [unpack(archive_of(caller, key)).masks for key in (FIRST, SECOND)] == expected
        assert not list((directory / "output").rglob(".dask-*"))
        running.stop()
        said = cluster.said()
    assert said
    assert not [uid for uid in (*FIRST, *SECOND) if f"{uid}/" in said or f"'{uid}'" in said]


def test_jobs_wait_for_the_cluster_and_what_hangs_or_kills_fails_alone(
    tmp_path: Path, start_server: StartServer, clock: HurriedClock
) -> None:
    write_dataset(tmp_path / "clips", 3)
    flow = tmp_path / "data" / "flow"
    order(flow, "hang", FIRST[1])
    order(flow, "die", SECOND[1])
    cluster = DaskCluster(tmp_path / "cluster", workers=1)
    running, caller = start_server(function=misbehave, WORKERS=f"dask://{cluster.address}", RETRACK_WORKERS="1")

    def series() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = caller.get("/api/series").json().get("series", [])  # none while it starts
        return found

    wait_for(lambda: len(series()) == 3 and series()[0]["tracking_status"] == "processing")
    with cluster:
        wait_for(lambda: clock.leap(400) and series()[0]["tracking_status"] == "failed")
        for _ in range(ATTEMPTS + 1):  # the second job kills two of them, the third job gets the last
            cluster.add_worker()
        wait_for(lambda: caller.get("/api/status").json()["ready"])
        assert [one["error_code"] for one in series()] == ["STALLED", "WORKER_DIED", None]
        assert attempts(flow, FIRST[1]) == 1
        assert attempts(flow, SECOND[1]) == ATTEMPTS
        running.stop()
