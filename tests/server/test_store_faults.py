"""Disks that are full, read-only or lie, files full of garbage, clocks set back: what was saved stays and is found."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server import versions as server_versions
from server.assemble import Running
from server.records import SeriesEntry, Version
from tests.helpers.clips import rectangle, submission, uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.wsgi import Caller
from tests.server.conftest import KEY, PATH, SetClock, StartServer, save, settle
from tracking.contracts.archive import unpack


@pytest.fixture
def three_versions(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]]
) -> tuple[Running, Caller, list[str]]:
    """A server over a copy of the prepared directory."""
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    running, caller = start_server()
    caller.wait_ready()
    return running, caller, prepared[1]


Three = tuple[Running, Caller, list[str]]


def restart(running: Running, start_server: StartServer) -> Caller:
    running.stop()
    _, caller = start_server()
    caller.wait_ready()
    settle(caller)
    return caller


def history(caller: Caller) -> list[str]:
    return [version["version_id"] for version in saves(caller)]


def saves(caller: Caller) -> list[dict[str, Any]]:
    """The history without the data set's own annotations, which nobody saved."""
    return [v for v in caller.get(f"/api/series/{PATH}").json()["history"] if not v["is_original"]]


GARBAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "garbage": lambda data: b"\xff\x00{",
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("how", GARBAGE)
@pytest.mark.parametrize("name", ["version_current.json", "metadata.json", "activity.json", "completion.json"])
def test_a_broken_state_file_is_set_aside_and_made_again(
    three_versions: Three, start_server: StartServer, caplog: pytest.LogCaptureFixture, name: str, how: str
) -> None:
    running, caller, versions = three_versions
    caller.post(f"/api/series/{PATH}/activity", X_Editor="ann@example.org")
    caller.post(f"/api/series/{PATH}/complete", X_Editor="ann@example.org")
    path = running.services.store.get(*KEY).directory / name
    path.write_bytes(GARBAGE[how](path.read_bytes()))
    broken = path.read_bytes()
    caller = restart(running, start_server)
    assert history(caller) == versions[::-1]
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == versions[-1]
    aside = path.with_name(f"{name}.set-aside-0")
    assert aside.read_bytes() == broken
    assert [r.__dict__["file"] for r in caplog.records if r.getMessage() == "set_aside"] == [aside.name]
    assert save(caller, versions[-1]).status == 200


def test_the_list_of_versions_is_made_again_from_the_archives(three_versions: Three, start_server: StartServer) -> None:
    running, caller, versions = three_versions
    before = saves(caller)
    directory = running.services.store.get(*KEY).directory
    (directory / "version_current.json").unlink()
    for path in (directory / "history").glob("*.json"):
        path.write_text("{", "utf-8")
    caller = restart(running, start_server)
    assert saves(caller) == before
    assert history(caller) == versions[::-1]


def test_a_broken_version_costs_only_itself(three_versions: Three, start_server: StartServer) -> None:
    running, _, versions = three_versions
    entry = running.services.store.get(*KEY)
    archive = entry.directory / "history" / f"{versions[1]}.tgz"
    archive.write_bytes(archive.read_bytes()[:50])
    archive.with_suffix(".json").unlink()
    caller = restart(running, start_server)
    assert history(caller) == [versions[2], versions[0]]
    assert caller.get(f"/api/masks/{PATH}?version={versions[0]}").status == 200
    assert archive.with_name(f"{archive.name}.set-aside-0").exists()


@pytest.mark.parametrize("how", [*GARBAGE, "gone", "no history"])
def test_the_current_version_is_made_again_from_the_masks_that_are_served(
    three_versions: Three, start_server: StartServer, how: str
) -> None:
    running, caller, versions = three_versions
    newest = saves(caller)[0]
    path = running.services.store.get(*KEY).directory / "history" / f"{versions[2]}.tgz"
    before = unpack(path.read_bytes())
    if how == "no history":
        shutil.rmtree(path.parent)
        path.parent.write_text("in the way", "utf-8")
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(GARBAGE[how](path.read_bytes()))
    caller = restart(running, start_server)
    assert saves(caller)[0] == newest
    after = unpack(path.read_bytes())
    assert (after.metadata["annotations"], after.masks) == (before.metadata["annotations"], before.masks)
    assert path.with_name(f"{path.name}.set-aside-0").exists() == (how in GARBAGE)
    assert save(caller, versions[2]).status == 200


def test_the_version_before_counts_when_the_newest_cannot_be_made_again(
    three_versions: Three, start_server: StartServer
) -> None:
    running, _, versions = three_versions
    entry = running.services.store.get(*KEY)
    running.stop()
    (entry.directory / "history" / f"{versions[2]}.tgz").write_bytes(b"garbage")
    shutil.rmtree(entry.mask_directory)
    _, caller = start_server()
    caller.wait_ready()
    settle(caller)
    assert history(caller) == [versions[1], versions[0]]
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == versions[1]


def test_an_earlier_version_that_is_damaged_is_said_and_set_aside(three_versions: Three) -> None:
    running, caller, versions = three_versions
    entry = running.services.store.get(*KEY)
    path = entry.directory / "history" / f"{versions[0]}.tgz"
    path.write_bytes(path.read_bytes()[:-20])
    body = json.dumps({"version_id": versions[0], "previous_version_id": versions[2]}).encode()
    answer = caller.post(f"/api/series/{PATH}/restore", body)
    assert (answer.status, answer.json()["error_code"]) == (507, "STORAGE_FAILED")
    assert path.with_name(f"{path.name}.set-aside-0").exists()
    assert history(caller) == [versions[2], versions[1]]
    assert caller.post(f"/api/series/{PATH}/restore", body).json()["error_code"] == "VERSION_UNKNOWN"


def test_a_version_whose_file_is_gone_is_said(
    three_versions: Three, start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    running, _, versions = three_versions
    (running.services.store.get(*KEY).directory / "history" / f"{versions[0]}.tgz").unlink()
    caller = restart(running, start_server)
    assert history(caller) == [versions[2], versions[1]]
    assert "version_missing" in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("how", GARBAGE)
def test_what_the_data_set_said_is_kept_again_when_its_file_is_damaged(
    tmp_path: Path, start_server: StartServer, how: str
) -> None:
    write_dataset(tmp_path / "clips", 1)
    running, caller = start_server()
    caller.wait_ready()
    (original,) = caller.get(f"/api/series/{PATH}").json()["history"]
    path = running.services.store.get(*KEY).directory / "original.tgz"
    before = path.read_bytes()
    path.write_bytes(GARBAGE[how](before))
    read = f"/api/masks/{PATH}?version={original['version_id']}"
    running.stop()
    shutil.rmtree(tmp_path / "output")  # as after an upgrade of the tracker: everything is tracked again
    _, caller = start_server()
    caller.wait_ready()
    assert caller.get(read).status == 200

    path.write_bytes(GARBAGE[how](before))
    answer = caller.get(read)
    assert (answer.status, answer.json()["error_code"]) == (507, "STORAGE_FAILED")
    assert caller.get(f"/api/series/{PATH}").json()["history"] == []
    assert path.with_name("original.tgz.set-aside-0").exists()


def test_what_stands_in_the_way_is_set_aside(three_versions: Three, start_server: StartServer) -> None:
    running, caller, versions = three_versions
    before = unpack(caller.get(f"/api/masks/{PATH}").content)
    entry = running.services.store.get(*KEY)
    running.stop()
    shutil.rmtree(entry.mask_directory / "versions")
    (entry.mask_directory / "versions").write_text("a file", "utf-8")
    files = [entry.directory / name for name in ("version_temp.json", "activity.json", "version_current.json")]
    files += [entry.mask_directory / name for name in ("masks.tgz", "identity.yaml")]
    for path in files:
        path.unlink(missing_ok=True)
        path.mkdir()
    _, caller = start_server()
    caller.wait_ready()
    assert history(caller) == versions[::-1]
    assert unpack(caller.get(f"/api/masks/{PATH}").content) == before
    assert all(path.with_name(f"{path.name}.set-aside-0").is_dir() for path in files)
    assert save(caller, versions[2]).status == 200
    settle(caller)
    assert caller.get(f"/api/series/{PATH}").json()["retrack"] is None


def test_a_series_whose_state_cannot_be_read_is_refused_and_not_begun_anew(
    three_versions: Three, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, _, versions = three_versions
    running.stop()
    load = server_versions.load

    def refusing(entry: SeriesEntry) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(server_versions, "load", refusing)
    running, caller = start_server()
    status = caller.wait_for("/api/status", lambda s: s["problems"])
    assert [(p["code"], p["what"]) for p in status["problems"]] == [("SERIES_UNREADABLE", "1")]
    assert caller.get(f"/api/series/{PATH}").json()["error_code"] == "STORAGE_FAILED"
    assert save(caller, None).json()["error_code"] == "STORAGE_FAILED"  # not the beginning of another history
    running.stop()
    monkeypatch.setattr(server_versions, "load", load)
    _, caller = start_server()
    caller.wait_ready()
    assert history(caller) == versions[::-1]


def test_a_version_that_never_became_current_is_set_aside(three_versions: Three, start_server: StartServer) -> None:
    running, _, versions = three_versions
    directory = running.services.store.get(*KEY).directory
    earlier = json.loads((directory / "history" / f"{versions[1]}.json").read_text("utf-8"))
    (directory / "version_current.json").write_text(json.dumps(earlier), "utf-8")  # as if killed between the two writes
    caller = restart(running, start_server)
    assert history(caller) == versions[1::-1]
    assert (directory / "history" / f"{versions[2]}.tgz.set-aside-0").exists()


@pytest.mark.parametrize("lost", ["masks.tgz", "identity.yaml", "masks/metadata.json", "masks"])
def test_lost_masks_are_made_again(three_versions: Three, start_server: StartServer, lost: str) -> None:
    running, caller, versions = three_versions
    before = unpack(caller.get(f"/api/masks/{PATH}").content)
    path = running.services.store.get(*KEY).mask_directory / lost
    if path.is_dir():
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    else:
        path.unlink()
    caller = restart(running, start_server)
    served = caller.get(f"/api/masks/{PATH}")
    assert served.headers["X-Version-ID"] == versions[-1]
    assert unpack(served.content) == before


def test_tracked_masks_of_earlier_versions_are_kept_and_without_them_annotations_remain(
    three_versions: Three, start_server: StartServer
) -> None:
    running, caller, versions = three_versions
    entry = running.services.store.get(*KEY)

    def served(version: str) -> list[tuple[int, bool]]:
        archive = unpack(caller.get(f"/api/masks/{PATH}?version={version}").content)
        assert archive.metadata["version_id"] == version
        return [(e["frame_number"], e["is_annotation"]) for e in archive.metadata["frames"] if e["has_mask"]]

    assert len(served(versions[1])) > 1
    assert [v["tracked"] for v in saves(caller)] == [True] * 3
    shutil.rmtree(entry.mask_directory / "versions")
    assert served(versions[1]) == [(1, True)]
    assert [v["tracked"] for v in saves(caller)] == [True, False, False]


def test_only_some_versions_keep_their_tracked_masks(
    three_versions: Three, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, caller, versions = three_versions
    monkeypatch.setattr("server.production.KEPT_VERSIONS", 2)
    assert save(caller, versions[-1]).status == 200
    settle(caller)
    assert [v["tracked"] for v in saves(caller)] == [True, True, True, False]


def test_masks_packed_away_while_running_are_packed_again(three_versions: Three, start_server: StartServer) -> None:
    running, caller, _ = three_versions
    before = caller.get(f"/api/masks/{PATH}")
    (running.services.store.get(*KEY).mask_directory / "masks.tgz").unlink()
    after = caller.get(f"/api/masks/{PATH}")
    assert (after.status, after.content, after.headers["ETag"]) == (200, before.content, before.headers["ETag"])


def test_masks_damaged_while_running_are_set_aside_and_packed_again(
    three_versions: Three, start_server: StartServer
) -> None:
    running, caller, _ = three_versions
    before = caller.get(f"/api/masks/{PATH}")
    path = running.services.store.get(*KEY).mask_directory / "masks.tgz"
    path.write_bytes(before.content[:-20])
    after = caller.get(f"/api/masks/{PATH}")
    assert (after.status, after.content) == (200, before.content)
    assert path.with_name("masks.tgz.set-aside-0").exists()


STEPS = ["begun", "worker done", "old away", "new in place"]


@pytest.mark.parametrize("step", STEPS)
def test_dying_at_any_step_of_the_swap(three_versions: Three, start_server: StartServer, step: str) -> None:
    running, caller, versions = three_versions
    entry = running.services.store.get(*KEY)
    running.stop()
    masks = entry.mask_directory / "masks"
    (entry.directory / "version_temp.json").write_text("{}", "utf-8")
    if step == "worker done":
        (entry.mask_directory / "masks_temp.tgz").write_bytes(b"of an unfinished swap")
        (entry.mask_directory / "masks_temp").mkdir()
    if step == "old away":
        subprocess.run(["cp", "-r", masks, entry.mask_directory / "masks_temp"], check=True)
        masks.rename(entry.mask_directory / "masks_old")
    if step == "new in place":
        subprocess.run(["cp", "-r", masks, entry.mask_directory / "masks_old"], check=True)
    _, caller = start_server()
    caller.wait_ready()
    settle(caller)
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == versions[-1]
    names = sorted(path.name for path in entry.mask_directory.iterdir())
    assert names == ["identity.yaml", "masks", "masks.tgz", "versions"]
    assert not (entry.directory / "version_temp.json").exists()


@pytest.mark.parametrize("refused", ["masks", "masks_temp"])
def test_a_disk_that_refuses_in_the_middle_of_the_swap(
    three_versions: Three, start_server: StartServer, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    running, caller, versions = three_versions
    entry = running.services.store.get(*KEY)
    rename = Path.rename

    def refusing(path: Path, target: Path) -> Path:
        if path == entry.mask_directory / refused:
            monkeypatch.setattr(Path, "rename", rename)  # once
            raise OSError(5, "Input/output error")
        return rename(path, target)

    before = caller.get(f"/api/masks/{PATH}").content
    monkeypatch.setattr(Path, "rename", refusing)
    saved = save(caller, versions[-1]).json()["version_id"]
    settle(caller)
    assert caller.get(f"/api/series/{PATH}").json()["retrack"]["error_code"] == "STORAGE_FAILED"
    assert caller.get(f"/api/masks/{PATH}").content == before
    names = sorted(path.name for path in entry.mask_directory.iterdir())
    assert names == ["identity.yaml", "masks", "masks.tgz", "versions"]
    assert caller.post(f"/api/retrack/{PATH}").status == 200
    settle(caller)
    assert caller.get(f"/api/masks/{PATH}").headers["X-Version-ID"] == saved


def test_a_clock_set_back_confuses_neither_history_nor_locks(
    tmp_path: Path, start_server: StartServer, clock: SetClock
) -> None:
    write_dataset(tmp_path / "clips", 1)
    running, caller = start_server()
    caller.wait_ready()
    versions: list[str] = []
    for hours in (0, -48, 1, 0):
        clock.advance(hours=hours)
        clock.seconds = abs(clock.seconds)
        versions.append(save(caller, versions[-1] if versions else None).json()["version_id"])
        settle(caller)
    assert len(set(versions)) == 4  # the same content by the same editor, twice at the very same moment
    assert history(caller) == versions[::-1]
    caller = restart(running, start_server)
    assert history(caller) == versions[::-1]


def test_version_ids_differ_across_series_at_one_moment(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 2)
    _, caller = start_server()
    caller.wait_ready()
    found = set()
    for number in range(2):
        body = submission(uids(number), None, {})
        found.add(caller.post("/api/masks/" + "/".join(uids(number)), body).json()["version_id"])
    assert len(found) == 2


def test_a_long_history_is_listed_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SeriesEntry(KEY, tmp_path, tmp_path)
    for number in range(500):
        previous = f"{number - 1}" if number not in (0, 200) else None  # a gap: one file is gone
        version = Version(f"{number}", previous, "ann", f"{number:04d}", 1, "0" * 64, {})
        entry.versions[version.version_id] = entry.current = version
    compared: list[object] = []
    monkeypatch.setattr(Version, "__eq__", lambda one, other: compared.append(other) or one is other)
    assert [int(version.version_id) for version in server_versions.chain(entry)] == list(range(499, -1, -1))
    assert len(compared) <= len(entry.versions)


def test_of_many_saves_at_one_instant_exactly_one_wins(tmp_path: Path, start_server: StartServer) -> None:
    write_dataset(tmp_path / "clips", 1)
    _, caller = start_server()
    caller.wait_ready()
    answers: list[Any] = []
    together = threading.Barrier(8)

    def run(number: int) -> None:
        together.wait()
        answers.append(save(caller, None, frame=number % 4, X_Editor=f"p{number}@example.org"))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    settle(caller)
    assert len(history(caller)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB of its own; needs root on Linux."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; CI runs as root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs (a container without the right to)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Writes until nothing more fits; returns the file to delete."""
    descriptor = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, b"\0" * 4096)
    os.close(descriptor)
    return disk / "filler"


def test_a_full_disk_refuses_saves_and_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    with ServerProcess(tmp_path, DATASET="folder:clips", STATE_PATH=str(small_disk)) as server:
        server.wait_ready()
        headers = {"X-Previous-Version-ID": "null"}
        url = f"/api/masks/{PATH}"
        first = server.post(url, data=submission(KEY, None, {1: rectangle(1, 1, 20, 20)}), headers=headers)
        version = first.json()["version_id"]
        server.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
        filler = fill(small_disk)
        body = submission(KEY, version, {2: rectangle(1, 1, 20, 20)})
        refused = server.post(url, data=body, headers={"X-Previous-Version-ID": version})
        assert (refused.status_code, refused.json()["error_code"]) == (507, "STORAGE_FAILED")
        assert "No space" in refused.json()["message"]
        series = server.get(f"/api/series/{PATH}").json()
        assert [v["version_id"] for v in series["history"][:-1]] == [version]
        assert server.get(url).headers["X-Version-ID"] == version
        assert server.post(f"/api/series/{PATH}/complete").status_code == 507
        filler.unlink()
        again = server.post(url, data=body, headers={"X-Previous-Version-ID": version})
        assert again.status_code == 200
        server.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
        server.kill()
        server.start()
        server.wait_ready()
        series = server.get(f"/api/series/{PATH}").json()
        assert [v["version_id"] for v in series["history"][:-1]] == [again.json()["version_id"], version]


def test_a_full_disk_for_masks_fails_the_tracking_and_keeps_what_is_served(tmp_path: Path, small_disk: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    with ServerProcess(tmp_path, DATASET="folder:clips", MASK_STORAGE_PATH=str(small_disk)) as server:
        server.wait_ready()
        url, status = f"/api/masks/{PATH}", f"/api/retrack/status/{PATH}"
        served = server.get(url).content
        filler = fill(small_disk)
        answer = server.post(url, data=submission(KEY, None, {1: rectangle(1, 1, 60, 60)}))
        assert answer.status_code == 200  # the save itself lies on the other disk
        failed = server.wait_for(status, lambda s: s["status"] == "RETRACK_FAILED")
        assert "No space left on device" in failed["message"]
        assert server.get(url).content == served
        filler.unlink()
        assert server.post(f"/api/retrack/{PATH}").status_code == 200
        server.wait_for(status, lambda s: s["status"] == "RETRACK_DONE")
        assert server.get(url).headers["X-Version-ID"] == answer.json()["version_id"]


def test_a_read_only_state_directory_is_one_sentence(tmp_path: Path, small_disk: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    server = ServerProcess(tmp_path, DATASET="folder:clips", STATE_PATH=str(small_disk / "state"))
    with pytest.raises(RuntimeError, match="directory of STATE_PATH cannot be used: Read-only file system"):
        server.start()
    assert len(server.log().splitlines()) == 1


def test_a_disk_that_becomes_read_only_refuses_saves_and_goes_on_serving(tmp_path: Path, small_disk: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    with ServerProcess(tmp_path, DATASET="folder:clips", STATE_PATH=str(small_disk)) as server:
        server.wait_ready()
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        url = f"/api/masks/{PATH}"
        assert server.post(url, data=submission(KEY, None, {})).json()["error_code"] == "STORAGE_FAILED"
        assert server.get(url).status_code == 200


@pytest.mark.parametrize("key", ["STATE_PATH", "MASK_STORAGE_PATH", "DATA_PATH"])
def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    server = ServerProcess(tmp_path, DATASET="folder:clips", **{key: str(tmp_path / "file" / "inside")})
    with pytest.raises(RuntimeError, match=f"The directory of {key} cannot be used: Not a directory"):
        server.start()
    assert len(server.log().splitlines()) == 1


def test_a_second_server_on_the_same_state_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    with ServerProcess(tmp_path, DATASET="folder:clips"):
        for changes, name in (({}, "state directory"), ({"STATE_PATH": "of its own"}, "directory of masks")):
            with pytest.raises(RuntimeError, match=f"Another server uses this {name}"):
                ServerProcess(tmp_path, DATASET="folder:clips", **changes).start()
    one = str(tmp_path / "one")
    with ServerProcess(tmp_path, DATASET="folder:clips", STATE_PATH=one, MASK_STORAGE_PATH=one) as server:
        server.wait_ready()  # one directory for both is one lock


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    with ServerProcess(tmp_path, DATASET="folder:clips") as first:
        port = first.address.rpartition(":")[2]
        paths = {"STATE_PATH": "other", "MASK_STORAGE_PATH": "other masks"}
        other = ServerProcess(tmp_path, DATASET="folder:clips", SERVER_PORT=port, **paths)
        with pytest.raises(RuntimeError, match=f"Port {port} of 127.0.0.1 cannot be used: Address already in use"):
            other.start()
