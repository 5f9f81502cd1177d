"""MD.ai's data set by the unmodified SDK and by our own client, both against the same stand-in, with every fault."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.mdai_dataset import SERIES, STUDIES, clip, clips, export
from tests.helpers.mdai_standin import DATASET, DOMAIN, PROJECT, TOKEN, MdaiStandin
from tracking.contracts import mdai_client, mdai_sdk, mdai_sync
from tracking.contracts.dataset import read_index
from tracking.contracts.labels import LABEL_ID
from tracking.contracts.mdai_copy import LocalCopy
from tracking.contracts.mdai_sync import SyncResult, sync
from tracking.contracts.mdai_types import Fetch, Source, SyncCancelled, SyncProgress, Watch

SOURCE = Source(DOMAIN, PROJECT, DATASET, TOKEN)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MdaiStandin]:
    with MdaiStandin(export(), clips(), parts=2) as running:
        for key, value in running.environment().items():
            monkeypatch.setenv(key, value)
        yield running


@pytest.fixture(params=["sdk", "client"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    return mdai_sdk.fetch if request.param == "sdk" else partial(mdai_client.fetch, poll_seconds=0.01)


@pytest.fixture
def bring(standin: MdaiStandin, fetch: Fetch, tmp_path: Path) -> Callable[[], SyncResult]:
    """Syncs into tmp_path/data."""
    return lambda: sync(SOURCE, tmp_path / "data", fetch)


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdai_sync, "ATTEMPTS", 1)


@pytest.fixture
def whole(standin: MdaiStandin, tmp_path: Path) -> dict[str, bytes]:
    """The clips of a data set that is whole on disk before the test starts."""
    result = sync(SOURCE, tmp_path / "data", partial(mdai_client.fetch, poll_seconds=0.01))
    assert result.is_fresh
    standin.seen.clear()
    return on_disk(result)


def codes(result: SyncResult) -> list[str]:
    return [problem.code for problem in result.problems]


def on_disk(result: SyncResult) -> dict[str, bytes]:
    return {p.relative_to(result.root).as_posix(): p.read_bytes() for p in result.root.rglob("*") if p.is_file()}


def annotation_count(result: SyncResult) -> int:
    assert result.annotations is not None
    return len(read_index(result.root, result.annotations).export.annotations)


def test_the_whole_data_set_comes_and_is_indexed(standin: MdaiStandin, fetch: Fetch, tmp_path: Path) -> None:
    standin.running = 1
    heard: list[SyncProgress] = []
    result = sync(SOURCE, tmp_path / "data", fetch, Watch(heard.append))
    assert (result.is_fresh, codes(result)) == (True, [])
    assert on_disk(result) == standin.clips
    index = read_index(result.root, result.annotations)
    assert [(s.study_uid, s.series_uid, s.exam_number) for s in index.series] == [
        (STUDIES[0], SERIES[0], 194),
        (STUDIES[1], SERIES[1], 195),
    ]
    assert {a.label_id for a in index.export.annotations} > {LABEL_ID}
    assert SyncProgress("preparing", 50, 100) in heard
    assert any(p.phase == "downloading" and 0 < p.done <= 100 for p in heard)
    assert heard[-1] == SyncProgress("unpacking", 2, 2)
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["annotations.json", "images", "manifest.json"]


def test_what_is_here_does_not_come_again(standin: MdaiStandin, bring: Callable[[], SyncResult]) -> None:
    bring()
    standin.seen.clear()
    standin.export["datasets"][0]["annotations"].pop()
    again = bring()
    assert again.is_fresh
    assert standin.count(".zip") == 0
    assert annotation_count(again) == 3


def test_a_new_export_changes_only_the_clips_that_changed(
    standin: MdaiStandin, bring: Callable[[], SyncResult]
) -> None:
    standin.clips, standin.export = clips(3), export(3)
    root = bring().root
    names = sorted(standin.clips)
    before = [(root / name).stat() for name in names]
    standin.generation += 1
    standin.clips[names[1]] = clip(7)
    del standin.clips[names[2]]
    result = bring()
    assert result.is_fresh
    assert on_disk(result) == standin.clips
    after = [(root / name).stat() for name in names[:2]]
    assert (after[0].st_ino, after[0].st_mtime_ns) == (before[0].st_ino, before[0].st_mtime_ns)
    assert after[1].st_mtime_ns != before[1].st_mtime_ns


@pytest.mark.parametrize(
    ("endpoint", "fault", "code"),
    [
        ("test", {"status": 403}, "MDAI_TOKEN_REFUSED"),
        ("test", {"status": 500}, "MDAI_UNAVAILABLE"),
        ("annotations", {"status": 401}, "MDAI_PROJECT_REFUSED"),
        ("annotations", {"status": 500}, "MDAI_UNAVAILABLE"),
        ("progress", {"job": "error"}, "MDAI_EXPORT_FAILED"),
        ("progress", {"body": b"<html>busy</html>"}, "MDAI_UNAVAILABLE"),
        ("done", {"body": b'{"fileKeys": []}'}, "MDAI_EXPORT_FAILED"),
        ("done", {"body": b'{"fileKeys": ["../../annotations.json"]}'}, "MDAI_EXPORT_UNSAFE"),
        ("download-annotations", {"cut": True}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-annotations", {"cut": True, "unsaid": True}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-annotations", {"status": 500, "body": b'{"error": "no"}'}, "MDAI_DOWNLOAD_BROKEN"),
    ],
)
@pytest.mark.usefixtures("one_attempt")
def test_without_annotations_it_goes_on_from_disk(
    standin: MdaiStandin,
    whole: dict[str, bytes],
    bring: Callable[[], SyncResult],
    endpoint: str,
    fault: dict[str, Any],
    code: str,
) -> None:
    standin.fail(endpoint, **fault)
    result = bring()
    assert (codes(result), result.is_fresh) == ([code, "STARTED_FROM_DISK"], False)
    assert on_disk(result) == whole
    assert annotation_count(result) == 4


def test_with_nothing_on_disk_it_says_so(standin: MdaiStandin, bring: Callable[[], SyncResult]) -> None:
    standin.fail("test", status=401)
    result = bring()
    assert (codes(result), result.annotations, on_disk(result)) == (["MDAI_TOKEN_REFUSED", "DATASET_EMPTY"], None, {})
    standin.mend()
    standin.fail("images", status=403)
    result = bring()
    assert (codes(result), annotation_count(result)) == (["MDAI_IMAGES_REFUSED", "DATASET_EMPTY"], 4)


@pytest.mark.parametrize(
    ("endpoint", "fault", "code"),
    [
        ("images", {"status": 403}, "MDAI_IMAGES_REFUSED"),
        ("images-progress", {"status": 403}, "MDAI_IMAGES_REFUSED"),
        ("images", {"status": 500}, "MDAI_UNAVAILABLE"),
        ("images-progress", {"job": "error"}, "MDAI_EXPORT_FAILED"),
        ("images-done", {"body": b'{"fileKeys": []}'}, "MDAI_EXPORT_FAILED"),
        ("images-done", {"body": b'{"fileKeys": ["/tmp/x.zip"]}'}, "MDAI_EXPORT_UNSAFE"),
        ("images-done", {"body": b'{"fileKeys": ["x_part1of3.zip", "x_part3of3.zip"]}'}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"cut": True}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"cut": True, "unsaid": True}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"length": 9}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"length": -9}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"body": b"PK\3\4 this is no zip"}, "MDAI_DOWNLOAD_BROKEN"),
        ("download-images", {"status": 500, "body": b"busy"}, "MDAI_DOWNLOAD_BROKEN"),
    ],
)
@pytest.mark.usefixtures("one_attempt")
def test_without_images_the_annotations_still_come(
    standin: MdaiStandin,
    whole: dict[str, bytes],
    bring: Callable[[], SyncResult],
    endpoint: str,
    fault: dict[str, Any],
    code: str,
) -> None:
    standin.generation += 1
    standin.clips = {name: clip(5) for name in whole}
    standin.export["datasets"][0]["annotations"].pop()
    standin.fail(endpoint, **fault)
    result = bring()
    assert (codes(result), on_disk(result), annotation_count(result)) == ([code, "STARTED_FROM_DISK"], whole, 3)


def test_a_broken_download_is_found_out_and_redone(standin: MdaiStandin, bring: Callable[[], SyncResult]) -> None:
    standin.fail("download-images", times=1, cut=True, unsaid=True)
    result = bring()
    assert (result.is_fresh, on_disk(result)) == (True, standin.clips)


@pytest.mark.parametrize("name", ["a/../../outside.mp4", "C:\\outside.mp4"])
def test_unsafe_names_in_the_zip_are_refused(
    standin: MdaiStandin, whole: dict[str, bytes], bring: Callable[[], SyncResult], tmp_path: Path, name: str
) -> None:
    standin.generation += 1
    standin.unsafe_name = name
    result = bring()
    assert codes(result) == ["MDAI_EXPORT_UNSAFE", "STARTED_FROM_DISK"]
    assert on_disk(result) == whole
    assert not list(tmp_path.rglob("*outside*"))


def test_the_network_is_away(standin: MdaiStandin, whole: dict[str, bytes], bring: Callable[[], SyncResult]) -> None:
    standin.server.server_close()
    result = bring()
    assert codes(result) == ["MDAI_UNREACHABLE", "STARTED_FROM_DISK"]
    assert on_disk(result) == whole


def test_a_damaged_clip_is_noticed_and_comes_again(
    standin: MdaiStandin, whole: dict[str, bytes], bring: Callable[[], SyncResult], tmp_path: Path
) -> None:
    name = min(whole)
    os.truncate(tmp_path / "data" / "images" / name, 100)
    standin.fail("test", status=401)
    away = bring()
    assert codes(away) == ["MDAI_TOKEN_REFUSED", "CLIPS_MISSING", "STARTED_FROM_DISK"]
    assert name not in on_disk(away)
    standin.mend()
    result = bring()
    assert (result.is_fresh, on_disk(result)) == (True, whole)


def test_a_removed_clip_comes_back_when_it_is_wanted(
    standin: MdaiStandin, whole: dict[str, bytes], bring: Callable[[], SyncResult], tmp_path: Path
) -> None:
    name = min(whole)
    copy = LocalCopy(tmp_path / "data")
    listed = copy.index()
    copy.remove(copy.images / name)
    assert (copy.index().version, len(copy.index().series)) == (listed.version, 2)
    standin.generation += 1
    without = bring()
    assert (without.is_fresh, sorted(on_disk(without))) == (True, [max(whole)])
    copy.want(copy.images / name)
    back = bring()
    assert (back.is_fresh, on_disk(back)) == (True, whole)


def test_older_services_want_get_for_downloads(standin: MdaiStandin, bring: Callable[[], SyncResult]) -> None:
    standin.allow_post = False
    assert bring().is_fresh
    assert any(seen[0] == "GET" and ".zip" in seen[1] for seen in standin.seen)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (Source("evil.example", PROJECT, DATASET, TOKEN), "MDAI_DOMAIN_INVALID"),
        (Source("standin.mdai.dev/x", PROJECT, DATASET, TOKEN), "MDAI_DOMAIN_INVALID"),
        (Source("standin.mdaixdev", PROJECT, DATASET, TOKEN), "MDAI_DOMAIN_INVALID"),
        (Source(DOMAIN, "", DATASET, TOKEN), "MDAI_PROJECT_MISSING"),
        (Source(DOMAIN, PROJECT, DATASET, ""), "MDAI_TOKEN_REFUSED"),
        (Source(DOMAIN, PROJECT, DATASET, "a\r\nb: c"), "MDAI_TOKEN_REFUSED"),
    ],
)
def test_what_cannot_be_asked_is_not_sent(standin: MdaiStandin, tmp_path: Path, source: Source, code: str) -> None:
    assert codes(sync(source, tmp_path / "data", mdai_client.fetch)) == [code, "DATASET_EMPTY"]
    assert standin.seen == []


def test_cancelling_a_slow_download(standin: MdaiStandin, fetch: Fetch, tmp_path: Path) -> None:
    standin.clips = {name: random.Random(1).randbytes(400_000) for name in standin.clips}
    standin.fail("download-images", slow=0.5)
    with pytest.raises(SyncCancelled):
        sync(SOURCE, tmp_path / "data", fetch, Watch(is_cancelled=lambda: standin.count(".zip") > 0))
    assert not (tmp_path / "data" / "download").exists()
    assert not list((tmp_path / "data").rglob("*.mp4"))
    assert child_processes() == []


class HurriedTime:
    """Time that flies, a minute a look, once the images were asked for: a loaded machine is no stalled service."""

    def __init__(self, standin: MdaiStandin) -> None:
        self._standin = standin
        self._ahead = 0

    def monotonic(self) -> float:
        self._ahead += 60 if self._standin.count(".zip") else 0
        return time.monotonic() + self._ahead


def test_a_service_that_stops_sending_is_given_up(
    standin: MdaiStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.fail("download-images", slow=100)
    monkeypatch.setattr(mdai_sdk, "time", HurriedTime(standin))
    result = sync(SOURCE, tmp_path / "data", mdai_sdk.fetch)
    assert codes(result) == ["MDAI_STALLED", "DATASET_EMPTY"]
    assert annotation_count(result) == 4


def child_processes() -> list[str]:
    """Command lines of the SDK's processes that talk to this test's stand-in."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes()
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it has ended meanwhile
        if "mdai_sdk_child" in line and os.environ["HTTPS_PROXY"].encode() + b"\0" in environment:
            found.append(line)
    return found


SYNC = """
import sys
from pathlib import Path
from tests.helpers.mdai_standin import DATASET, DOMAIN, PROJECT, TOKEN
from tracking.contracts.mdai_sdk import fetch
from tracking.contracts.mdai_sync import sync
from tracking.contracts.mdai_types import Source
sync(Source(DOMAIN, PROJECT, DATASET, TOKEN), Path(sys.argv[1]), fetch)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look at other processes")
def test_killed_in_the_middle_and_started_again(standin: MdaiStandin, whole: dict[str, bytes], tmp_path: Path) -> None:
    data = tmp_path / "data"
    standin.generation += 1
    standin.clips = {name: clip(5) for name in standin.clips}
    standin.fail("download-images", slow=0.5)
    process = subprocess.Popen([sys.executable, "-c", SYNC, str(data)], cwd=ROOT)
    try:
        wait_for(lambda: standin.count(".zip") > 0)
        assert len(child_processes()) == 1
        assert TOKEN not in " ".join(child_processes())
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: child_processes() == [])
    standin.fail("test", status=401)
    old = sync(SOURCE, data, mdai_sdk.fetch)
    assert on_disk(old) == whole
    standin.mend()
    result = sync(SOURCE, data, mdai_sdk.fetch)
    assert (result.is_fresh, on_disk(result)) == (True, standin.clips)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("one_attempt")
def test_the_token_is_nowhere_on_disk_or_in_what_is_said(
    standin: MdaiStandin, bring: Callable[[], SyncResult], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    bring()
    standin.fail("download-images", cut=True)
    standin.generation += 1
    said = json.dumps([str(problem) for problem in bring().problems])
    records = [str(vars(record)) for record in caplog.records if record.name.startswith("goobusters")]
    assert records
    assert TOKEN not in said + "".join(records) + repr(SOURCE)
    assert all(TOKEN.encode() not in p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file())
