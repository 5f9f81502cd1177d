"""What is wrong is said once, in one clear sentence with a code, and the rest goes on (issue 2, point 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clips import uids, write_clip, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Workstation, edit, mark_empty
from tracking.contracts.archive import Archive, pack, unpack
from workstation.errors import CoreError
from workstation.masks import check_archive

KEY, OTHER = uids(0), uids(1)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "clips", 2)
    return tmp_path / "clips"


def clip_of(clips: Path, key: tuple[str, str]) -> Path:
    return clips / key[0] / f"{key[1]}.avi"


def failure(station: Workstation, key: tuple[str, str]) -> tuple[str, str]:
    series = station.open(key)
    assert series["state"] == "error"
    assert series["message"].endswith(".")
    assert not any(uid in series["message"] for uid in key)
    return series["error_code"], series["action"]


@pytest.mark.parametrize(
    ("content", "code", "action"),
    [(None, "CLIP_MISSING", "refresh"), (b"", "CLIP_EMPTY", "retry"), (b"\0noise" * 500, "CLIP_UNREADABLE", "retry")],
)
def test_a_clip_that_went_bad_spoils_only_its_series(
    tmp_path: Path, clips: Path, content: bytes | None, code: str, action: str
) -> None:
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        if content is None:
            clip_of(clips, KEY).unlink()
        else:
            clip_of(clips, KEY).write_bytes(content)
        assert failure(station, KEY) == (code, action)
        good = station.open(OTHER)
        assert (good["state"], good["error_code"]) == ("extracted", "SERVER_UNSET")
        assert station.request("GET", f"/api/frames/{OTHER[0]}/{OTHER[1]}/0").ok
        write_clip(clip_of(clips, KEY))
        assert station.open(KEY)["state"] == "extracted", "put right, it opens"


@pytest.mark.parametrize("text", ["{", "[]", '{"datasets": 5}', '"x"'])
def test_broken_annotations_are_said_and_the_clips_are_there(tmp_path: Path, clips: Path, text: str) -> None:
    (clips / "annotations.json").write_text(text, "utf-8")
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        (notice,) = station.get("/api/session")["notices"]
        assert notice["code"] == "ANNOTATIONS_UNREADABLE"


def test_foreign_entries_are_counted(tmp_path: Path, clips: Path) -> None:
    export = json.loads((clips / "annotations.json").read_text("utf-8"))
    export["datasets"][0]["annotations"] += [{"labelId": "x y"}, 5, {"StudyInstanceUID": "../.."}]
    (clips / "annotations.json").write_text(json.dumps(export), "utf-8")
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        (notice,) = station.get("/api/session")["notices"]
        assert (notice["code"], notice["what"]) == ("ANNOTATION_INVALID", "3")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with Workstation(tmp_path, tmp_path / "nowhere") as station:
        (notice,) = station.wait_for(lambda: station.get("/api/session")["notices"], bool)
        assert notice["code"] == "DATASET_MISSING"
        (tmp_path / "nowhere").mkdir()
        write_dataset(tmp_path / "nowhere", 1)
        station.post("/api/refresh")
        station.listed(1)
        station.wait_for(lambda: station.get("/api/session")["notices"], lambda notices: notices == [])


def test_extraction_can_be_stopped_and_begun_again(tmp_path: Path, clips: Path) -> None:
    write_clip(clip_of(clips, KEY), frames=400, width=320, height=240)
    path = f"/api/series/{KEY[0]}/{KEY[1]}"
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        station.post(f"{path}/open")
        station.wait(KEY, lambda s: s["state"] == "extracting" and s["progress"] is not None)
        station.post(f"{path}/cancel")
        stopped = station.wait(KEY, lambda s: s["state"] == "not_downloaded")
        assert stopped["manifest"] is None
        assert station.open(KEY)["manifest"]["frame_count"] == 400


def test_a_disk_that_is_full_while_extracting(tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.write_bytes

    def full(path: Path, data: Any) -> int:
        if path.suffix == ".png":
            raise OSError(28, "No space left on device")
        return original(path, data)

    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            assert failure(station, KEY) == ("CACHE_NOT_WRITABLE", "retry")
            assert not list((tmp_path / "cache").rglob("*.png")), "nothing takes the room that is left"
        assert station.open(KEY)["state"] == "extracted"


def test_pictures_of_a_series_that_is_gone_can_be_purged(tmp_path: Path, clips: Path) -> None:
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        station.open(KEY)
        station.open(OTHER)
    clip_of(clips, KEY).unlink()
    with Workstation(tmp_path, clips) as station:
        station.listed(1)
        assert station.request("GET", f"/api/series/{KEY[0]}/{KEY[1]}").status_code == 404
        assert station.post("/api/cache/purge") == {"purged": 2, "kept_edits": 0}
        assert not list((tmp_path / "cache").rglob("*.png"))
        unknown = station.request("POST", "/api/cache/purge", json={"study_uid": "1.9", "series_uid": "1.9"})
        assert (unknown.status_code, unknown.json()["error_code"]) == (404, "SERIES_UNKNOWN")


def test_another_clip_than_the_servers_cannot_be_edited(tmp_path: Path, clips: Path, server: ServerProcess) -> None:
    write_clip(clip_of(clips, KEY), frames=9)
    write_clip(clip_of(clips, OTHER), width=128)
    with Workstation(tmp_path, clips, server=server.address) as station:
        station.listed(2)
        station.wait_for(lambda: station.get("/api/session"), lambda session: session["dataset_stale"])
        for key in (KEY, OTHER):
            assert failure(station, key) == ("FRAMES_DIFFER", "refresh")
            answer = station.append(key, mark_empty(1))
            assert (answer.status_code, answer.json()["error_code"]) == (409, "NOT_OPEN")


def test_the_server_goes_away_while_one_paints(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    (tmp_path / "server").mkdir()
    with ServerProcess(tmp_path / "server", DATASET=f"folder:{tmp_path / 'clips'}") as server:
        server.wait_ready()
        with Workstation(tmp_path / "one", tmp_path / "clips", server=server.address) as station:
            station.open(KEY)
            station.paint(KEY, 2, (5, 5, 9, 9))
            server.kill()
            station.paint(KEY, 3, (5, 5, 9, 9))
            station.post(f"/api/series/{KEY[0]}/{KEY[1]}/save")
            waiting = station.wait(KEY, lambda s: s["save"] is not None and s["save"]["state"] == "offline")
            assert waiting["save"]["error_code"] == "SERVER_UNREACHABLE"
            station.paint(KEY, 4, (5, 5, 9, 9))
            assert len(station.ops(KEY)) == 3


def test_everything_in_the_cache_went_bad_and_it_starts_and_opens(
    tmp_path: Path, clips: Path, server: ServerProcess
) -> None:
    with Workstation(tmp_path, clips, server=server.address) as station:
        station.open(KEY)
        station.paint(KEY, 2, (5, 5, 9, 9))
    cache = tmp_path / "cache"
    for path in cache.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".png", ".webp"):
            path.write_bytes(b"5\n")
    (tmp_path / "user").mkdir(exist_ok=True)
    (tmp_path / "user" / "settings.json").write_bytes(b'{"token": 5, "theme": {}, "brush_size": 1e999}')
    with Workstation(tmp_path, clips, server=server.address) as station:
        assert station.open(KEY)["state"] == "ready"
        frame = station.request("GET", f"/api/frames/{KEY[0]}/{KEY[1]}/0")
        assert frame.content.startswith(b"\x89PNG")
        station.paint(KEY, 2, (5, 5, 9, 9))
        assert station.save(KEY)["save"] is None
    assert len(list(cache.rglob("journal.damaged-*"))) == 1


def archive(**changes: Any) -> Archive:
    frames = [{"frame_number": 0, "has_mask": False, "is_annotation": False, "label_id": None, "filename": None}]
    return unpack(pack({"frame_count": 8, "version_id": None, "frames": frames, **changes}, {}))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"frames": None}, "ARCHIVE_INVALID"),
        ({"frames": [5]}, "ARCHIVE_INVALID"),
        ({"frames": [{"frame_number": "0"}]}, "ARCHIVE_INVALID"),
        ({"frames": [{"frame_number": 0, "has_mask": True, "filename": "frame_000001.webp"}]}, "ARCHIVE_INVALID"),
        ({"frames": [{"frame_number": 0, "is_annotation": True, "label_id": "TRACK_ID"}]}, "ARCHIVE_INVALID"),
        ({"frame_count": 9}, "FRAMES_DIFFER"),
        ({"frame_count": None}, "FRAMES_DIFFER"),
    ],
)
def test_masks_that_do_not_fit_are_not_taken(changes: dict[str, Any], code: str) -> None:
    check_archive(archive(), frame_count=8, width=96, height=64)
    with pytest.raises(CoreError) as refused:
        check_archive(archive(**changes), frame_count=8, width=96, height=64)
    assert refused.value.code == code


def test_a_damaged_journal_is_said_and_the_rest_is_kept(tmp_path: Path, clips: Path, server: ServerProcess) -> None:
    with Workstation(tmp_path, clips, server=server.address) as station:
        station.open(KEY)
        for frame in (2, 3, 4):
            station.paint(KEY, frame, (5, 5, 9, 9))
        journal = station.backend.core.cache.series(KEY).journal
    lines = journal.read_bytes().split(b"\n")
    lines[2] = lines[2][:20]
    journal.write_bytes(b"\n".join(lines))
    with Workstation(tmp_path, clips, server=server.address) as station:
        opened = station.open(KEY)
        assert opened["state"] == "edited"
        assert [op["changes"][0]["frame_number"] for op in station.ops(KEY)] == [2]
        assert "JOURNAL_DAMAGED" in [notice["code"] for notice in station.get("/api/session")["notices"]]
        assert station.append(KEY, edit(mark_empty(6)["changes"][0])).ok


def test_a_smaller_cache_limit_is_kept_at_once(tmp_path: Path, clips: Path) -> None:
    with Workstation(tmp_path, clips) as station:
        station.listed(2)
        for key in (OTHER, KEY):
            assert station.open(key)["manifest"] is not None
        frames = station.backend.core.cache.series(OTHER).frames
        with (frames / "frame_999999.png").open("wb") as file:
            file.truncate(150_000_000)  # a hole: it takes no room on the disk
        assert station.request("PUT", "/api/settings", json={"cache_limit_mb": 100}).ok
        gone = station.wait(OTHER, lambda s: s["manifest"] is None)
        assert gone["state"] == "not_downloaded"
        assert not frames.exists()
        assert station.series(KEY)["manifest"] is not None, "the one that is open stays"
