"""What the data set said before anybody saved: it can be read and brought back, and is there when tracking fails."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clips import rectangle, submission, uids, write_dataset
from tests.helpers.job_functions import misbehave, order
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, SetClock, StartServer, save, settle
from tracking.contracts.archive import Archive, unpack
from tracking.contracts.labels import EMPTY_ID, LABEL_ID, mask_filename
from tracking.contracts.masks import decode_mask

EXPORTED = [(0, LABEL_ID), (7, EMPTY_ID)]
"""What `write_dataset` annotates."""


def save_and_settle(caller: Caller, previous: str | None) -> Any:
    assert save(caller, previous, frame=3).status == 200
    return settle(caller)


def history(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get(f"/api/series/{PATH}").json()["history"]
    return found


def read(caller: Caller, version: str | None = None) -> Archive:
    return unpack(caller.get(f"/api/masks/{PATH}" + (f"?version={version}" if version else "")).content)


def annotated(archive: Archive) -> list[tuple[int, str]]:
    return [(e["frame_number"], e["label_id"]) for e in archive.metadata["frames"] if e["is_annotation"]]


def test_the_data_sets_annotations_are_the_last_line_of_the_history_and_come_back(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "clips", 1)
    running, caller = start_server()
    caller.wait_ready()
    base = read(caller)
    assert [v["is_original"] for v in history(caller)] == [True]  # nobody has saved: it is what the viewer shows
    clock.moment -= timedelta(hours=5)
    version = save_and_settle(caller, None)["version_id"]

    newest, oldest = history(caller)
    assert (newest["version_id"], newest["previous_version_id"], newest["is_original"]) == (version, None, False)
    assert (oldest["editor"], oldest["annotation_count"], oldest["is_original"]) == (None, 2, True)
    original = read(caller, oldest["version_id"])
    assert original.metadata["version_id"] == oldest["version_id"]
    assert annotated(original) == annotated(base) == EXPORTED
    assert annotated(read(caller)) == [(3, LABEL_ID)]

    running.stop()
    _, caller = start_server()  # kept over a restart
    caller.wait_ready()
    assert history(caller) == [newest, oldest]
    request = {"version_id": oldest["version_id"], "previous_version_id": version}
    assert caller.post(f"/api/series/{PATH}/restore", json.dumps(request).encode()).status == 200
    settle(caller)
    restored = read(caller)
    assert annotated(restored) == EXPORTED
    name = mask_filename(0)
    assert decode_mask(restored.masks[name], 96, 64) == decode_mask(base.masks[name], 96, 64)
    assert [v["is_original"] for v in history(caller)] == [False, False, True]
    again = caller.post(f"/api/series/{PATH}/restore", json.dumps(request).encode())
    assert again.json()["error_code"] == "VERSION_MISMATCH"


def test_the_original_of_another_series_is_unknown_here(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 2)
    running, caller = start_server()
    caller.wait_ready()
    other = running.services.store.get(*uids(1)).original
    assert other is not None
    assert caller.get(f"/api/masks/{PATH}?version={other.version_id}").json()["error_code"] == "VERSION_UNKNOWN"
    request = {"version_id": other.version_id, "previous_version_id": None}
    assert caller.post(f"/api/series/{PATH}/restore", json.dumps(request).encode()).status == 404


@pytest.mark.parametrize("broken", ["original.json", "original.tgz"])
def test_a_broken_file_of_the_original_is_set_aside_and_made_again(
    tmp_path: Path, start_server: StartServer, broken: str
) -> None:
    write_dataset(tmp_path / "clips", 1)
    running, caller = start_server()
    caller.wait_ready()
    version = save_and_settle(caller, None)["version_id"]
    before = history(caller)
    running.stop()
    path = running.services.store.get(*KEY).directory / broken
    path.write_bytes(path.read_bytes()[:40])
    if broken.endswith("tgz"):
        path.with_suffix(".json").unlink()
    _, caller = start_server()
    caller.wait_ready()
    assert path.with_name(f"{broken}.set-aside-0").exists()
    if broken.endswith("tgz"):
        assert history(caller) == before[:1]
        save_and_settle(caller, version)  # the next job draws it anew
    assert annotated(read(caller, before[-1]["version_id"])) == EXPORTED
    assert history(caller)[-1] == before[-1]


def test_a_series_whose_first_tracking_failed_can_be_annotated(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 1)
    flow = tmp_path / "data" / "flow"
    order(flow, "raise-late", KEY[1])
    running, caller = start_server(function=misbehave)
    status = caller.wait_ready()
    assert (status["series_completed"], status["series_failed"]) == (0, 1)
    answer = caller.get(f"/api/masks/{PATH}")
    failure = answer.json()
    assert (answer.status, failure["error_code"], failure["current_version"]) == (500, "TRACK_FAILED", None)
    assert annotated(read(caller, failure["readable_version"])) == EXPORTED

    running.stop()  # also after a restart, and while the clip still cannot be tracked
    _, caller = start_server(function=misbehave)
    caller.wait_ready()
    assert save_and_settle(caller, None)["status"] == "RETRACK_FAILED"
    failure = caller.get(f"/api/masks/{PATH}").json()
    version = failure["current_version"]
    assert (failure["error_code"], failure["readable_version"]) == ("TRACK_FAILED", version)
    assert annotated(read(caller, version)) == [(3, LABEL_ID)]

    (flow / f"order-{KEY[1]}").unlink()
    assert caller.post(f"/api/retrack/{PATH}").status == 200
    assert settle(caller)["status"] == "RETRACK_DONE"
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == version
    assert [v["is_original"] for v in history(caller)] == [False, True]


def test_masks_of_another_size_are_refused_also_when_tracking_failed(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 1)
    order(tmp_path / "data" / "flow", "die-late", KEY[1])
    _, caller = start_server(function=misbehave)
    caller.wait_ready()
    body = submission(KEY, None, {3: rectangle(10, 10, 40, 40, 128, 64)})
    assert caller.post(f"/api/masks/{PATH}", body).json()["error_code"] == "MASK_WRONG_SIZE"
    body = submission(KEY, None, {8: rectangle(10, 10, 40, 40)})
    assert caller.post(f"/api/masks/{PATH}", body).json()["error_code"] == "FRAME_OUT_OF_RANGE"
