"""A real server on MD.ai's data set: the unmodified SDK, the stand-in, and the ways in which a start can go wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.check import find
from server.errors import ApiError
from server.mdai_auth import MdaiChecker
from server.mdai_source import MdaiSource
from server.settings import load
from tests.helpers.mdai_dataset import FRAMES, SERIES, STUDIES, clips, export
from tests.helpers.mdai_standin import DATASET, DOMAIN, PROJECT, TOKEN, MdaiStandin
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import unpack
from tracking.contracts.dataset import DatasetError
from tracking.contracts.labels import EMPTY_ID, LABEL_ID, mask_filename
from tracking.contracts.masks import decode_mask

SETTINGS = {
    "DATASET": "mdai",
    "MDAI_TOKEN": TOKEN,
    "MDAI_DOMAIN": DOMAIN,
    "PROJECT_ID": PROJECT,
    "DATASET_ID": DATASET,
    "AUTH": "mdai",
    "RETRACK_WORKERS": "1",
}
IMPATIENT = """
import sys
from server import dataset_sync
dataset_sync.FIRST_RETRY_SECONDS = 0.5
from server.__main__ import main
if __name__ == "__main__":
    sys.exit(main([]))
"""
"""The server, trying again sooner than after a minute."""
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MdaiStandin]:
    with MdaiStandin(export(), clips(), parts=2, running=1) as running:
        for key, value in running.environment().items():
            monkeypatch.setenv(key, value)
        yield running


@pytest.fixture
def source(tmp_path: Path) -> MdaiSource:
    return MdaiSource(load(tmp_path, SETTINGS))


class Server(ServerProcess):
    """Sends the token with every request."""

    def get(self, path: str, **options: object):  # type: ignore[no-untyped-def]
        return super().get(path, headers=HEADERS, **options)


def test_a_server_downloads_tracks_and_serves(standin: MdaiStandin, tmp_path: Path) -> None:
    with Server(tmp_path, **SETTINGS) as server:
        syncing = server.wait_for("/api/status", lambda status: status["sync"] or status["ready"])
        assert syncing["phase"] == "syncing"
        assert syncing["sync"]["total"] > 0
        status = server.wait_ready()
        assert (status["series_completed"], status["series_failed"], status["problems"]) == (2, 0, [])
        series = server.get("/api/series").json()["series"]
        assert [(s["study_uid"], s["exam_number"]) for s in series] == [(STUDIES[0], 194), (STUDIES[1], 195)]
        archive = unpack(server.get(f"/api/masks/{STUDIES[0]}/{SERIES[0]}").content)
        frames = {frame["frame_number"]: frame for frame in archive.metadata["frames"]}
        assert frames[0]["label_id"] == LABEL_ID
        assert frames[FRAMES - 1]["label_id"] == EMPTY_ID
        assert frames[1]["has_mask"]
        first = decode_mask(archive.masks[mask_filename(0)], 64, 48)
        assert first.count(255) == 15 * 15  # the square of the export, its outline included
        version = status["dataset_version"]

    standin.fail("test", status=401)  # MD.ai went sour: the server starts from its disk, and says so
    with Server(tmp_path, code=IMPATIENT, **{**SETTINGS, "AUTH": "none"}) as server:
        status = server.wait_ready()
        assert [p["code"] for p in status["problems"]] == ["MDAI_TOKEN_REFUSED", "STARTED_FROM_DISK"]
        assert (status["series_completed"], status["dataset_version"]) == (2, version)
        assert status["synced_at"] is None
        assert status["next_sync_at"] is not None  # it tries again by itself
        standin.faults.clear()
        standin.export["datasets"][0]["annotations"].pop()
        status = server.wait_for("/api/status", lambda s: s["synced_at"] and s["ready"])
        assert (status["problems"], status["series_completed"]) == ([], 2)
        assert status["dataset_version"] != version
    log = server.log()
    assert '"code": "STARTED_FROM_DISK"' in log
    assert '"event": "sync_again"' in log
    assert not [secret for secret in (TOKEN, PROJECT, *STUDIES, *SERIES) if secret in log]


def test_refused_images_leave_the_annotations(standin: MdaiStandin, source: MdaiSource) -> None:
    assert len(source.load(lambda done, total: None, lambda: False).index.series) == 2
    standin.fail("images", status=403)
    standin.export["datasets"][0]["annotations"].pop()
    loaded = source.load(lambda done, total: None, lambda: False)
    index = loaded.index
    assert not loaded.is_fresh
    assert [problem.code for problem in index.problems] == ["MDAI_IMAGES_REFUSED", "STARTED_FROM_DISK"]
    assert (len(index.series), len(index.export.annotations)) == (2, 3)


def test_an_empty_start_without_images_is_an_empty_data_set(standin: MdaiStandin, source: MdaiSource) -> None:
    standin.fail("images", status=403)
    loaded = source.load(lambda done, total: None, lambda: False)
    index = loaded.index
    assert not loaded.is_fresh
    assert [problem.code for problem in index.problems] == ["MDAI_IMAGES_REFUSED", "DATASET_EMPTY"]
    assert index.series == []


def test_a_server_that_stops_does_not_wait_for_a_download(standin: MdaiStandin, source: MdaiSource) -> None:
    standin.fail("download-images", slow=2)
    stopped = threading.Event()

    def progress(done: int, total: int) -> None:
        if standin.count(".zip"):
            stopped.set()

    with pytest.raises(DatasetError) as caught:
        source.load(progress, lambda: stopped.is_set() or standin.count(".zip") > 0)
    assert caught.value.code == "SYNC_CANCELLED"


def test_a_data_path_that_is_a_file(standin: MdaiStandin, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(DatasetError) as caught:
        MdaiSource(load(tmp_path, SETTINGS)).load(lambda done, total: None, lambda: False)
    assert caught.value.code == "STORAGE_FAILED"


def test_projects_do_not_share_a_directory(tmp_path: Path) -> None:
    roots = {MdaiSource(load(tmp_path, {**SETTINGS, "DATASET_ID": name})).root for name in ("D_1", "D_2", "../../x")}
    assert len(roots) == 3
    assert {root.parent for root in roots} == {tmp_path / "data" / "mdai"}


def test_mdai_says_who_may(standin: MdaiStandin) -> None:
    checker = MdaiChecker(DOMAIN)
    identity = checker.check(TOKEN)
    assert identity is not None
    assert identity.editor is None
    assert TOKEN not in identity.token_hash
    assert checker.check("another") is None
    asked = len(standin.seen)
    assert [checker.check(token) for token in ("", "a\r\nx-evil: 1", "tökén")] == [None, None, None]
    assert len(standin.seen) == asked
    standin.fail("test", status=403)
    assert checker.check(TOKEN) is None


@pytest.mark.parametrize("broken", ["status", "network", "domain"])
def test_when_mdai_cannot_be_asked_nobody_is_refused_for_it(standin: MdaiStandin, broken: str) -> None:
    standin.fail("test", status=502)
    if broken == "network":
        standin.server.server_close()
    with pytest.raises(ApiError) as caught:
        MdaiChecker("evil.example" if broken == "domain" else DOMAIN).check(TOKEN)
    assert caught.value.code == "AUTH_UNAVAILABLE"
    assert TOKEN not in str(vars(caught.value))


def test_the_check_before_a_start_asks_mdai(standin: MdaiStandin, tmp_path: Path) -> None:
    def about_mdai(**changes: str) -> tuple[bool, str]:
        findings = find(load(tmp_path, {**SETTINGS, **changes}), tmp_path)
        return next((finding.is_good, finding.text) for finding in findings if finding.about == "MD.ai")

    assert about_mdai() == (True, "accepts MDAI_TOKEN")
    assert about_mdai(MDAI_TOKEN="stale") == (False, "refuses MDAI_TOKEN")
    assert about_mdai(MDAI_TOKEN="stale", AUTH="none") == (False, "refuses MDAI_TOKEN")  # the data set needs it
    assert about_mdai(MDAI_TOKEN="", DATASET="folder:clips") == (True, "answers")  # callers bring their own
    standin.fail("test", status=500)
    assert about_mdai() == (False, "cannot be asked: MD.ai does not work at the moment.")
