"""One series through a real server with real workers: prepared, saved, tracked again, refused, restored, done."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from tests.helpers.clips import FRAMES, HEIGHT, WIDTH, rectangle, submission, write_dataset
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import Archive, unpack
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.contracts.masks import decode_mask

ANN = {"X-Editor": "ann@example.org"}
BOB = {"X-Editor": "bob@example.org"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("session")
    write_dataset(directory / "clips", 4)
    with ServerProcess(directory, DATASET="folder:clips") as running:
        running.wait_ready()
        yield running


def path_of(number: int, what: str = "masks") -> str:
    from tests.helpers.clips import uids

    return f"/api/{what}/" + "/".join(uids(number))


def masks_of(archive: Archive) -> dict[int, npt.NDArray[np.uint8]]:
    return {
        entry["frame_number"]: np.frombuffer(
            decode_mask(archive.masks[entry["filename"]], WIDTH, HEIGHT), np.uint8
        ).reshape(HEIGHT, WIDTH)
        for entry in archive.metadata["frames"]
        if entry["has_mask"]
    }


def save(
    server: ServerProcess, number: int, previous: str | None, masks: dict[int, bytes], **options: object
) -> object:
    from tests.helpers.clips import uids

    headers = {"X-Previous-Version-ID": previous or "null", **ANN}
    return server.post(path_of(number), data=submission(uids(number), previous, masks), headers=headers)


def wait_done(server: ServerProcess, number: int) -> dict[str, object]:
    return server.wait_for(
        path_of(number, "retrack/status"), lambda s: s["status"] in ("RETRACK_DONE", "RETRACK_FAILED")
    )


def test_exported_polygons_are_carried_through_the_clip(server: ServerProcess) -> None:
    answer = server.get(path_of(0))
    assert answer.status_code == 200
    assert answer.headers["X-Version-ID"] == "null"
    assert answer.headers["X-Flow-Method"] == "dis"
    archive = unpack(answer.content)
    masks = masks_of(archive)
    assert int(answer.headers["X-Mask-Count"]) == len(masks)
    assert archive.metadata["frame_count"] == FRAMES
    annotated = {(e["frame_number"], e["label_id"]) for e in archive.metadata["frames"] if e["is_annotation"]}
    assert annotated == {(0, LABEL_ID), (FRAMES - 1, EMPTY_ID)}
    assert FRAMES - 1 not in masks
    # the picture moves one pixel to the left a frame, and so must the mask
    assert abs(np.argwhere(masks[4])[:, 1].mean() - (np.argwhere(masks[0])[:, 1].mean() - 4)) < 1


def test_etag_spares_a_second_download(server: ServerProcess) -> None:
    etag = server.get(path_of(0)).headers["ETag"]
    again = server.get(path_of(0), headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_save_is_tracked_and_becomes_the_current_version(server: ServerProcess) -> None:
    painted = rectangle(20, 10, 50, 40)
    answer = save(server, 1, None, {2: painted})
    assert answer.status_code == 200, answer.text
    version = answer.json()["version_id"]
    assert answer.json()["retrack_queued"] is True
    assert wait_done(server, 1)["status"] == "RETRACK_DONE"
    served = server.get(path_of(1))
    assert served.headers["X-Version-ID"] == version
    archive = unpack(served.content)
    masks = masks_of(archive)
    assert masks[2].tobytes() == decode_mask(painted, WIDTH, HEIGHT)  # an annotation is never altered
    assert masks[5].any()
    assert [e["frame_number"] for e in archive.metadata["frames"] if e["is_annotation"]] == [2]
    series = server.get(path_of(1, "series")).json()
    assert series["version_id"] == version
    assert series["label_counts"] == {LABEL_ID: 1}
    assert [(v["version_id"], v["editor"], v["tracked"]) for v in series["history"][:-1]] == [
        (version, "ann@example.org", True)
    ]


def test_stale_version_is_refused_with_both_versions(server: ServerProcess) -> None:
    first = save(server, 2, None, {0: rectangle(1, 1, 20, 20)}).json()["version_id"]
    wait_done(server, 2)
    answer = save(server, 2, None, {0: rectangle(5, 5, 9, 9)})
    assert answer.status_code == 409
    body = answer.json()
    assert (body["error_code"], body["current_version"], body["your_version"]) == ("VERSION_MISMATCH", first, None)
    assert len(server.get(path_of(2, "series")).json()["history"]) == 1 + 1


def test_any_version_can_be_read_and_restored(server: ServerProcess) -> None:
    number = 2
    first = server.get(path_of(number, "series")).json()["version_id"]
    painted = {0: rectangle(3, 3, 30, 30), 4: rectangle(6, 6, 33, 33)}
    second = save(server, number, first, painted).json()["version_id"]
    wait_done(server, number)
    earlier = unpack(server.get(path_of(number), params={"version": first}).content)
    assert earlier.metadata["version_id"] == first
    assert [e["frame_number"] for e in earlier.metadata["frames"] if e["is_annotation"]] == [0]
    assert masks_of(earlier)[3].any()  # tracked masks are kept with their version
    assert len(earlier.metadata["frames"]) == FRAMES
    body = {"version_id": first, "previous_version_id": second}
    answer = server.post(f"{path_of(number, 'series')}/restore", json=body, headers=BOB)
    third = answer.json()["version_id"]
    assert len({first, second, third}) == 3
    wait_done(server, number)
    series = server.get(path_of(number, "series")).json()
    assert [v["version_id"] for v in series["history"][:-1]] == [third, second, first]
    assert series["history"][0]["editor"] == "bob@example.org"
    now = masks_of(unpack(server.get(path_of(number), params={"version": third}).content))
    assert now[0].tobytes() == masks_of(earlier)[0].tobytes()


def test_completion_and_activity(server: ServerProcess) -> None:
    path = path_of(0, "series")
    done = server.post(f"{path}/complete", headers=ANN).json()
    assert done["completed"]["editor"] == "ann@example.org"
    assert server.post(f"{path}/reopen", headers=ANN).json()["completed"] is None
    for headers in (ANN, BOB, {"X-Editor": "cy@example.org"}):
        activity = server.post(f"{path}/activity", headers=headers).json()["activity"]
    assert [mark["editor"] for mark in activity] == ["cy@example.org", "bob@example.org"]


def test_next_gives_two_people_different_series(server: ServerProcess) -> None:
    chosen = [server.get("/api/series/next", headers=headers).json()["series_uid"] for headers in (ANN, BOB)]
    assert len(set(chosen)) == 2


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/series/1.2/9.9", 404, "SERIES_UNKNOWN"),
        ("/api/series/a..b/1", 400, "UID_INVALID"),
        ("/api/nothing", 404, "NOT_FOUND"),
        ("/api/masks/1.2.1/1.2.1.1?version=zz", 404, "VERSION_UNKNOWN"),
    ],
)
def test_errors_have_one_shape(server: ServerProcess, path: str, status: int, code: str) -> None:
    answer = server.get(path)
    assert answer.status_code == status
    assert answer.json()["error_code"] == code
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_validate_and_status(server: ServerProcess) -> None:
    assert server.post("/api/auth/validate").json() == {"valid": True, "editor": None}
    status = server.get("/api/status").json()
    assert (status["ready"], status["series_completed"], status["series_failed"]) == (True, 4, 0)
