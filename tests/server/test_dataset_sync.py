"""The data set changes while the server runs, or its source is away: what is taken over, when, and what is kept."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clips import uids, write_clip, write_dataset
from tests.helpers.job_functions import attempts, misbehave, order
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, SetClock, StartServer, save, settle
from tracking.contracts.archive import unpack


def sync(caller: Caller, clock: SetClock, condition: Callable[[Any], bool]) -> Any:
    """Asks for a sync and waits until the status shows it."""
    clock.advance(seconds=20)
    answer = caller.post("/api/sync")
    assert (answer.status, answer.json()) == (202, {"sync_queued": True})
    return caller.wait_for("/api/status", condition)


def planned_anew(status: Any, before: Any) -> bool:
    """Whether a sync has come to its end since `before`: the next one is planned last."""
    return bool(status["next_sync_at"] != before["next_sync_at"])


def listed(caller: Caller) -> list[int]:
    return [series["exam_number"] for series in caller.get("/api/series").json()["series"]]


def annotated(caller: Caller, number: int) -> list[int]:
    archive = unpack(caller.get("/api/masks/" + "/".join(uids(number))).content)
    return [e["frame_number"] for e in archive.metadata["frames"] if e["is_annotation"]]


def test_new_changed_and_removed_clips_are_seen_and_saves_stay(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    clips = tmp_path / "clips"
    write_dataset(clips, 4)
    (clips / uids(3)[0]).rename(tmp_path / "new")
    running, caller = start_server(function=misbehave)
    before = caller.wait_ready()
    assert listed(caller) == [1, 2, 3]
    told = running.services.events.last_id
    version = save(caller, None, frame=3).json()["version_id"]
    settle(caller)
    flow = tmp_path / "data" / "flow"
    jobs = [attempts(flow, uids(number)[1]) for number in range(4)]

    (tmp_path / "new").rename(clips / uids(3)[0])  # a new clip
    (clips / uids(2)[0]).rename(tmp_path / "away")  # one that is gone
    export = json.loads((clips / "annotations.json").read_text("utf-8"))
    for entry in export["datasets"][0]["annotations"]:  # new annotations of one that nobody saved, and of one saved
        if entry["labelId"] == "L_13yPql" and entry["StudyInstanceUID"] in (uids(0)[0], uids(1)[0]):
            entry["frameNumber"] = 2
    (clips / "annotations.json").write_text(json.dumps(export), "utf-8")
    after = sync(caller, clock, lambda s: s["dataset_version"] != before["dataset_version"] and s["ready"])
    assert (after["series_completed"], after["series_failed"], after["phase"]) == (3, 0, "ready")
    assert after["synced_at"] > before["synced_at"]
    assert listed(caller) == [1, 2, 4]
    news = [(e.name, json.loads(e.data)) for e in running.services.events.after(told, 0) if e.name != "status"]
    of_the_gone = [(name, data) for name, data in news if data["study_uid"] == uids(2)[0]]
    assert of_the_gone[-1] == ("removed", {"study_uid": uids(2)[0], "series_uid": uids(2)[1]})
    assert [name for name, _ in of_the_gone[:-1]].count("removed") == 0  # news of its first tracking may come late
    assert [annotated(caller, number) for number in (0, 1, 3)] == [[3], [2, 7], [0, 7]]
    now = [attempts(flow, uids(number)[1]) for number in range(4)]
    assert [n - j for n, j in zip(now, jobs, strict=True)] == [0, 1, 0, 1]  # only what changed was tracked
    series = caller.get(f"/api/series/{PATH}").json()
    assert (series["version_id"], len(series["history"])) == (version, 2)

    (tmp_path / "away").rename(clips / uids(2)[0])
    sync(caller, clock, lambda s: s["series_completed"] == 4)
    assert attempts(flow, uids(2)[1]) == jobs[2]  # and back, as it was
    write_clip(clips / uids(0)[0] / f"{uids(0)[1]}.avi", seed=99)  # the clip of a saved series is replaced
    sync(caller, clock, lambda s: attempts(flow, KEY[1]) > jobs[0] and s["ready"])
    caller.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version


def test_what_changes_while_a_series_is_tracked_is_tracked_afterwards(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "clips", 1)
    flow = tmp_path / "data" / "flow"
    order(flow, "slow", KEY[1])
    _, caller = start_server(function=misbehave)
    caller.wait_for(f"/api/retrack/status/{PATH}", lambda s: s.get("status") == "RETRACK_PROCESSING")
    before = caller.get("/api/status").json()["dataset_version"]
    path = tmp_path / "clips" / "annotations.json"
    path.write_text(path.read_text("utf-8").replace('"frameNumber": 7', '"frameNumber": 5'), "utf-8")
    sync(caller, clock, lambda s: s["dataset_version"] != before)
    (flow / f"order-{KEY[1]}").unlink()
    caller.wait_for("/api/status", lambda s: s["ready"] and attempts(flow, KEY[1]) == 2)
    assert annotated(caller, 0) == [0, 5]


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_folder_that_is_away_takes_nothing_with_it_and_is_tried_again(
    tmp_path: Path, start_server: StartServer, clock: SetClock, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    write_dataset(tmp_path / "clips", 2)
    _, caller = start_server()
    status = caller.wait_for("/api/status", lambda s: s["ready"] and s["next_sync_at"])
    masks = caller.get(f"/api/masks/{PATH}").content
    (tmp_path / "clips").rename(tmp_path / "elsewhere")
    if how == "empty":
        (tmp_path / "clips").mkdir()  # the mount point of a disk that is not mounted
    code = {"gone": "DATASET_MISSING", "empty": "DATASET_EMPTY"}[how]
    status = sync(caller, clock, lambda s: s["problems"] and planned_anew(s, status))
    assert [problem["code"] for problem in status["problems"]] == [code]
    assert status["next_sync_at"] == "2026-01-15T12:01:20.000000Z"  # in a minute
    assert listed(caller) == [1, 2]
    assert caller.get(f"/api/masks/{PATH}").content == masks
    version = save(caller, None, frame=3).json()["version_id"]  # accepted, and tracked when the clip is there again
    settle(caller)
    series = caller.get(f"/api/series/{PATH}").json()
    assert (series["version_id"], series["retrack"]["error_code"]) == (version, "CLIP_MISSING")

    clock.advance(seconds=61)
    status = caller.wait_for("/api/status", lambda s: planned_anew(s, status))
    assert status["next_sync_at"] == "2026-01-15T12:03:21.000000Z"  # then in two
    waits = [record.__dict__["seconds"] for record in caplog.records if record.getMessage() == "sync_again"]
    assert waits == [60, 120]
    shutil.rmtree(tmp_path / "clips", ignore_errors=True)
    (tmp_path / "elsewhere").rename(tmp_path / "clips")
    clock.advance(seconds=121)
    status = caller.wait_for("/api/status", lambda s: not s["problems"] and planned_anew(s, status))
    caller.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version
    assert status["synced_at"] == "2026-01-15T12:03:22.000000Z"
    assert status["next_sync_at"] == "2026-01-16T12:03:22.000000Z"  # as SYNC_HOURS says


def test_annotations_that_cannot_be_read_take_nothing_away(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "clips", 2)
    path = tmp_path / "clips" / "annotations.json"
    whole = path.read_text("utf-8")
    running, caller = start_server()
    status = caller.wait_for("/api/status", lambda s: s["ready"] and s["next_sync_at"])
    before = caller.get("/api/series").json(), caller.get(f"/api/masks/{PATH}").content
    path.write_text(whole[:-20], "utf-8")  # somebody copies it there at this moment
    status = sync(caller, clock, lambda s: s["problems"] and planned_anew(s, status))
    assert [problem["code"] for problem in status["problems"]] == ["ANNOTATIONS_UNREADABLE"]
    assert (caller.get("/api/series").json(), caller.get(f"/api/masks/{PATH}").content) == before
    running.stop()
    _, caller = start_server()
    status = caller.wait_for("/api/status", lambda s: s["problems"] and s["next_sync_at"])
    assert status["series_completed"] == 2
    assert caller.get(f"/api/masks/{PATH}").content == before[1]
    path.write_text(whole, "utf-8")
    clock.advance(seconds=61)
    caller.wait_for("/api/status", lambda s: s["ready"] and not s["problems"])
    assert caller.get("/api/series").json() == before[0]


def test_a_server_that_started_without_its_folder_finds_it_later(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "elsewhere", 2)
    _, caller = start_server()
    caller.wait_for("/api/status", lambda s: s["next_sync_at"])
    assert listed(caller) == []
    (tmp_path / "elsewhere").rename(tmp_path / "clips")
    clock.advance(seconds=61)
    status = caller.wait_for("/api/status", lambda s: s["series_completed"] == 2)
    assert (status["problems"], status["ready"]) == ([], True)


def test_the_data_set_is_looked_at_as_often_as_the_setting_says(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "clips", 1)
    _, never = start_server(SYNC_HOURS="0")
    never.wait_ready()
    assert never.get("/api/status").json()["next_sync_at"] is None


def test_many_who_ask_get_one_sync(tmp_path: Path, start_server: StartServer, clock: SetClock) -> None:
    write_dataset(tmp_path / "clips", 1)
    _, caller = start_server()
    caller.wait_ready()
    clock.advance(seconds=9)
    for _ in range(20):
        assert caller.post("/api/sync").status == 202
    write_clip(tmp_path / "clips" / "new.avi")
    time.sleep(0.6)  # it looks four times a second, and must not begin: too soon after the last one
    clock.advance(seconds=1)
    status = caller.wait_for("/api/status", lambda s: s["series_completed"] == 2)
    assert status["synced_at"] == "2026-01-15T12:00:10.000000Z"
