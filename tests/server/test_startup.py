"""What the server does when its data set is not as it should be, and what it tells while it starts."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from server.assemble import Running
from server.records import Production
from tests.helpers.clips import uids, write_clip, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, StartServer

Indexed = Callable[..., tuple[Running, Caller]]
PRODUCTION = Production(None, "of other inputs", "dis", "2026-01-15T12:00:00.000000Z", 8, 0, 96, 64, "0" * 64)


def test_a_cluster_without_dask_is_one_sentence(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['distributed'] = None; from server.__main__ import main; sys.exit(main([]))"
    server = ServerProcess(tmp_path, code=blocked, DATASET="folder:clips", WORKERS="dask://127.0.0.1:8786")
    with server:
        assert server.process.wait(30) == 2
    assert server.log().startswith("Setting WORKERS: Dask is not installed")
    assert len(server.log().splitlines()) == 1


def test_a_missing_folder_is_said_and_the_server_stays_up(tmp_path: Path, start_server: StartServer) -> None:
    _, caller = start_server(DATASET="folder:nowhere")
    status = caller.wait_for("/api/status", lambda s: s["problems"])
    assert [problem["code"] for problem in status["problems"]] == ["DATASET_MISSING"]
    assert caller.get("/api/series").json() == {"series": []}


def test_what_earlier_runs_left_is_served_without_the_clips(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]]
) -> None:
    shutil.copytree(prepared[0] / "server_state", tmp_path / "server_state")
    shutil.copytree(prepared[0] / "output", tmp_path / "output")
    _, caller = start_server(DATASET="folder:nowhere")
    status = caller.wait_ready()
    assert (status["series_completed"], len(status["problems"])) == (1, 1)
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == prepared[1][-1]
    assert len(caller.get(f"/api/series/{PATH}").json()["history"]) == 3 + 1


def test_a_clip_that_is_gone_is_no_longer_listed_and_comes_back_with_its_history(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]]
) -> None:
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    write_clip(tmp_path / "clips" / "another.avi")
    (tmp_path / "clips" / KEY[0]).rename(tmp_path / "elsewhere")
    running, caller = start_server()
    caller.wait_ready()
    assert KEY[0] not in [series["study_uid"] for series in caller.get("/api/series").json()["series"]]
    assert caller.get(f"/api/series/{PATH}").status == 404
    running.stop()
    (tmp_path / "elsewhere").rename(tmp_path / "clips" / KEY[0])
    _, caller = start_server()
    caller.wait_ready()
    assert len(caller.get(f"/api/series/{PATH}").json()["history"]) == 3 + 1


def test_a_clip_that_vanishes_while_indexing_costs_only_itself(tmp_path: Path, indexed: Indexed) -> None:
    running, caller = indexed(2)  # the data set names clips that are not there
    for entry in running.services.store.listed():
        entry.production = PRODUCTION
        running.services.jobs.plan(entry)
    assert caller.get("/api/status").json()["queue"] == {"tracking": 2, "retrack": 0}


def test_foreign_and_broken_annotations_are_said_and_the_rest_goes_on(
    tmp_path: Path, start_server: StartServer
) -> None:
    write_dataset(tmp_path / "clips", 1)
    path = tmp_path / "clips" / "annotations.json"
    export = json.loads(path.read_text("utf-8"))
    good = export["datasets"][0]["annotations"][0]
    export["datasets"][0]["annotations"] += [
        {**good, "StudyInstanceUID": "9.9.9"},
        {**good, "frameNumber": "zero"},
        {**good, "labelId": "L_other", "frameNumber": 2},
        {**good, "frameNumber": 3, "data": {"vertices": [["a", 1], [2, 2], [3, 3]]}},
        {**good, "frameNumber": 4, "data": {"vertices": [[9000, 9000], [9010, 9000], [9010, 9010]]}},
    ]
    path.write_text(json.dumps(export), "utf-8")
    _, caller = start_server()
    problems = {problem["code"]: problem["what"] for problem in caller.wait_ready()["problems"]}
    assert problems == {
        "ANNOTATION_WITHOUT_CLIP": "1",
        "ANNOTATION_INVALID": "1",
        "POLYGON_INVALID": "1",
        "ANNOTATION_OUTSIDE": "1",
    }
    assert caller.get("/api/series").json()["series"][0]["tracking_status"] == "completed"


def test_annotations_that_are_no_json_leave_the_clips(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 1)
    (tmp_path / "clips" / "annotations.json").write_text("{broken", "utf-8")
    _, caller = start_server()
    status = caller.wait_for("/api/status", lambda s: s["ready"] and s["next_sync_at"])
    assert [problem["code"] for problem in status["problems"]] == ["ANNOTATIONS_UNREADABLE"]
    assert status["series_completed"] == 1
    assert status["next_sync_at"] == "2026-01-15T12:01:00.000000Z"  # in a minute


def test_metrics_can_be_read_by_prometheus_and_name_no_series(live: tuple[ServerProcess, str]) -> None:
    server, _ = live
    server.get(f"/api/series/{PATH}")
    text = metrics_that_count(server, "/api/series/<study>/<series>")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    states = {sample.labels["state"]: sample.value for sample in families["goobusters_series"].samples}
    assert states == {"pending": 0, "completed": 1, "failed": 0}
    assert not any(uid in text for uid in uids(0))


def metrics_that_count(server: ServerProcess, route: str) -> str:
    """The metrics once they hold a request of this route: one is counted after its last byte was sent."""
    end = time.monotonic() + 30
    routes: set[str] = set()
    while time.monotonic() < end:
        text = server.get("/metrics").text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        routes = {sample.labels["route"] for sample in families["goobusters_requests"].samples}
        if route in routes:
            return text
        time.sleep(0.05)
    raise TimeoutError(f"no request of {route} was counted, only of {routes}")
