"""What happens when tracking goes wrong: workers die, hang or raise, and disks refuse. Production and the save stay."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from server.assemble import Running
from server.local_workers import LocalWorkers
from tests.helpers.clips import uids, write_clip, write_dataset
from tests.helpers.job_functions import attempts, misbehave, order
from tests.helpers.kill import KILL
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, SetClock, StartServer, save, settle
from tracking.contracts.archive import unpack


def prepare(tmp_path: Path, start_server: StartServer, count: int = 2) -> tuple[Running, Caller, Path]:
    write_dataset(tmp_path / "clips", count)
    running, caller = start_server(function=misbehave, RETRACK_WORKERS="2")
    caller.wait_ready()
    return running, caller, running.services.settings.data_path / "flow"


def test_a_worker_that_dies_costs_one_retry(tmp_path: Path, start_server: StartServer) -> None:
    _, caller, flow = prepare(tmp_path, start_server)
    before = attempts(flow, KEY[1])
    order(flow, "die-once", KEY[1])
    version = save(caller, None).json()["version_id"]
    assert settle(caller)["status"] == "RETRACK_DONE"
    assert attempts(flow, KEY[1]) - before == 2
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version


def test_a_job_that_kills_every_worker_fails_alone(tmp_path: Path, start_server: StartServer) -> None:
    _, caller, flow = prepare(tmp_path, start_server)
    order(flow, "die", KEY[1])
    order(flow, "slow", uids(1)[1])
    served = caller.get(f"/api/masks/{PATH}").headers["ETag"]
    version = save(caller, None).json()["version_id"]
    other = save(caller, None, uids(1)).json()["version_id"]
    before = attempts(flow, KEY[1])
    status = settle(caller)
    (flow / f"order-{uids(1)[1]}").unlink()  # ran beside the dying ones all the time
    assert (status["status"], status["error_code"]) == ("RETRACK_FAILED", "WORKER_DIED")
    assert settle(caller, uids(1)) == {**settle(caller, uids(1)), "status": "RETRACK_DONE", "version_id": other}
    assert attempts(flow, KEY[1]) <= before + 2

    production = caller.get(f"/api/masks/{PATH}")  # what was served stays, the edit is kept
    assert (production.headers["ETag"], production.headers["X-Version-ID"]) == (served, "null")
    series = caller.get(f"/api/series/{PATH}").json()
    assert series["version_id"] == series["history"][0]["version_id"] == version
    assert series["retrack"]["error_code"] == "WORKER_DIED"

    (flow / f"order-{KEY[1]}").unlink()  # and can be tracked again
    assert caller.post(f"/api/retrack/{PATH}").json()["version_id"] == version
    assert settle(caller)["status"] == "RETRACK_DONE"
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version
    assert caller.post(f"/api/retrack/{PATH}").json()["error_code"] == "NOTHING_TO_RETRACK"


def test_killing_an_idle_worker_is_no_attempt(tmp_path: Path, start_server: StartServer) -> None:
    running, caller, flow = prepare(tmp_path, start_server)
    workers = running.workers
    assert isinstance(workers, LocalWorkers)
    killed = workers.process_ids()
    for process_id in killed:
        os.kill(process_id, KILL)
    end = time.monotonic() + 60
    while any(psutil.pid_exists(process_id) for process_id in killed) and time.monotonic() < end:
        time.sleep(0.01)  # until the executors have noticed
    before = attempts(flow, KEY[1])
    order(flow, "die-once", KEY[1])
    save(caller, None)
    assert settle(caller)["status"] == "RETRACK_DONE"
    assert attempts(flow, KEY[1]) - before == 2


def test_a_stalled_job_is_given_up_after_five_minutes(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    running, caller, flow = prepare(tmp_path, start_server)
    order(flow, "hang", KEY[1])
    version = save(caller, None).json()["version_id"]
    path = f"/api/retrack/status/{PATH}"
    caller.wait_for(path, lambda status: status["frames_done"] == 1)
    clock.advance(seconds=299)
    time.sleep(0.3)
    assert caller.get(path).json()["status"] == "RETRACK_PROCESSING"
    assert save(caller, version).json()["error_code"] == "RETRACK_IN_PROGRESS"
    clock.advance(seconds=2)
    assert settle(caller)["error_code"] == "STALLED"
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == "null"
    (flow / f"order-{KEY[1]}").unlink()
    again = save(caller, version)  # the hanging process is gone, its slot works again
    assert again.status == 200
    assert settle(caller)["status"] == "RETRACK_DONE"
    entry = running.services.store.get(*KEY)
    assert not (entry.directory / "version_temp.json").exists()


def test_a_tracker_that_raises_is_named_by_its_kind_only(tmp_path: Path, start_server: StartServer) -> None:
    _, caller, flow = prepare(tmp_path, start_server)
    order(flow, "raise", KEY[1])
    save(caller, None)
    status = settle(caller)
    assert status["error_code"] == "INTERNAL_ERROR"
    assert "ZeroDivisionError" in status["message"]
    assert "/data" not in status["message"]


def test_a_broken_clip_fails_alone_and_says_why(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 2)
    broken = tmp_path / "clips" / KEY[0] / f"{KEY[1]}.avi"
    broken.write_bytes(broken.read_bytes()[:100])
    _, caller = start_server()
    status = caller.wait_ready()
    assert (status["series_completed"], status["series_failed"]) == (1, 1)
    answer = caller.get(f"/api/masks/{PATH}")
    assert (answer.status, answer.json()["error_code"], answer.json()["reason"]) == (
        500,
        "TRACK_FAILED",
        "CLIP_UNREADABLE",
    )
    series = caller.get(f"/api/series/{PATH}").json()
    assert (series["tracking_status"], series["error_code"]) == ("failed", "CLIP_UNREADABLE")
    assert save(caller, None).json()["error_code"] == "SERIES_NOT_READY"


def test_annotations_that_do_not_fit_are_said_and_the_rest_is_tracked(
    tmp_path: Path, start_server: StartServer
) -> None:
    write_dataset(tmp_path / "clips", 1)
    path = tmp_path / "clips" / "annotations.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"frameNumber": 7', '"frameNumber": 99'), "utf-8")
    _, caller = start_server()
    status = caller.wait_ready()
    assert [(p["code"], p["what"]) for p in status["problems"]] == [("ANNOTATION_BEYOND_END", "1")]
    archive = unpack(caller.get(f"/api/masks/{PATH}").content)
    assert [e["frame_number"] for e in archive.metadata["frames"] if e["is_annotation"]] == [0]


def test_a_series_without_annotations_is_served_without_masks(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 1, annotated=False)
    _, caller = start_server()
    caller.wait_ready()
    archive = unpack(caller.get(f"/api/masks/{PATH}").content)
    assert (archive.metadata["mask_count"], len(archive.metadata["frames"])) == (0, 8)
    assert save(caller, None).status == 200


def test_a_series_that_somebody_asks_for_goes_first(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 6)
    flow = tmp_path / "data" / "flow"
    for number in (0, 1):
        order(flow, "slow", uids(number)[1])
    _, caller = start_server(function=misbehave, RETRACK_WORKERS="2")
    caller.wait_for("/api/status", lambda s: s["phase"] == "tracking" and s["queue"]["tracking"] == 4)
    assert caller.get("/api/masks/" + "/".join(uids(5))).status == 202
    (flow / f"order-{uids(0)[1]}").unlink()  # one worker is free now
    caller.wait_for("/api/status", lambda s: s["series_completed"] >= 2)
    done = [s["exam_number"] for s in caller.get("/api/series").json()["series"] if s["tracking_status"] == "completed"]
    (flow / f"order-{uids(1)[1]}").unlink()
    assert 6 in done


def test_unchanged_series_are_not_tracked_again(tmp_path: Path, start_server: StartServer) -> None:
    running, caller, flow = prepare(tmp_path, start_server, 3)
    running.stop()
    before = [attempts(flow, uids(number)[1]) for number in range(3)]
    write_clip(tmp_path / "clips" / uids(1)[0] / f"{uids(1)[1]}.avi", seed=99)
    _, caller = start_server(function=misbehave)
    caller.wait_ready()
    after = [attempts(flow, uids(number)[1]) for number in range(3)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [0, 1, 0]


def test_an_upgraded_tracker_makes_all_masks_anew_and_keeps_nobody_from_saving(
    tmp_path: Path, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, caller, flow = prepare(tmp_path, start_server, 3)
    keys = [uids(number) for number in range(3)]
    versions = [save(caller, None, key).json()["version_id"] for key in keys]
    for key in keys:
        settle(caller, key)
    running.stop()
    before = [attempts(flow, key[1]) for key in keys]
    monkeypatch.setattr("tracking.params.TRACKER_VERSION", 10_000)
    order(flow, "slow", keys[0][1])  # holds the only worker
    _, caller = start_server(function=misbehave)
    caller.wait_for("/api/status", lambda s: s["queue"]["retrack"] == 2)
    assert caller.get("/api/masks/" + "/".join(keys[2])).headers["X-Version-ID"] == versions[2]  # still served
    saved = save(caller, versions[2], keys[2])
    assert (saved.status, saved.json()["queue_position"]) == (200, 0)  # before the upgrade's jobs
    assert save(caller, saved.json()["version_id"], keys[2]).json()["error_code"] == "RETRACK_IN_PROGRESS"
    (flow / f"order-{keys[0][1]}").unlink()
    caller.wait_for("/api/status", lambda s: s["ready"] and not s["queue"]["retrack"])
    for key in keys:
        assert settle(caller, key)["status"] == "RETRACK_DONE"
    assert [attempts(flow, key[1]) - b for key, b in zip(keys, before, strict=True)] == [1, 1, 1]


@pytest.mark.parametrize("word", ["hang", "slow"])
def test_stopping_during_a_job_loses_nothing(tmp_path: Path, start_server: StartServer, word: str) -> None:
    running, caller, flow = prepare(tmp_path, start_server)
    order(flow, word, KEY[1])
    version = save(caller, None).json()["version_id"]
    caller.wait_for(f"/api/retrack/status/{PATH}", lambda status: status["status"] == "RETRACK_PROCESSING")
    running.stop()
    (flow / f"order-{KEY[1]}").unlink()
    _, caller = start_server(function=misbehave)
    caller.wait_for("/api/status", lambda s: s["ready"] and not s["queue"]["retrack"])
    assert settle(caller)["status"] == "RETRACK_DONE"
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version
