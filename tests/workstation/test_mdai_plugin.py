"""The workstation on MD.ai's data set: real core, real SDK (and our own client, as on an iPad), the stand-in behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.mdai_dataset import FRAMES, SERIES, STUDIES, clips, export
from tests.helpers.mdai_standin import DATASET, DOMAIN, PROJECT, TOKEN, MdaiStandin
from tracking.contracts import mdai_client, mdai_sdk
from tracking.contracts.dataset import read_index
from workstation.core import Core
from workstation.errors import CoreError, JobCancelledError
from workstation.jobs import Job
from workstation.plugins import mdai_source
from workstation.series import ListedSeries, Listing
from workstation.settings import SettingsStore

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "DATASET": "mdai",
    "MDAI_TOKEN": TOKEN,
    "MDAI_DOMAIN": DOMAIN,
    "PROJECT_ID": PROJECT,
    "DATASET_ID": DATASET,
    "SERVER_URL": "",
}


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MdaiStandin]:
    with MdaiStandin(export(), clips(), parts=2) as running:
        for key, value in running.environment().items():
            monkeypatch.setenv(key, value)
        yield running


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(SettingsStore(tmp_path, tmp_path / "user", {**SETTINGS, "VIDEO_CACHE_PATH": str(tmp_path / "cache")}))


@pytest.fixture
def by_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the SDK is not installed."""
    monkeypatch.setattr(mdai_source, "_fetch", lambda: mdai_client.fetch)


def refresh(core: Core) -> Listing:
    listing = mdai_source.refresh_dataset(core, Job())
    assert listing is not None
    return listing


def series(number: int) -> ListedSeries:
    """As the server lists it: nothing is known of a clip."""
    return ListedSeries(STUDIES[number], SERIES[number], 194 + number)


def test_another_kind_of_data_set_is_not_ours(tmp_path: Path, standin: MdaiStandin) -> None:
    core = Core(SettingsStore(tmp_path, tmp_path / "user", {**SETTINGS, "DATASET": f"folder:{tmp_path}"}))
    answers = [mdai_source.list_series(core), mdai_source.refresh_dataset(core, Job())]
    assert [*answers, mdai_source.download_clip(core, series(0), Job())] == [None, None, None]
    mdai_source.purge_clip(core, series(0))
    assert standin.seen == []


def test_the_sdk_is_taken_where_it_is_installed() -> None:
    assert mdai_source._fetch() is mdai_sdk.fetch


def test_the_first_clip_brings_them_all_through_the_sdk(standin: MdaiStandin, core: Core, tmp_path: Path) -> None:
    assert mdai_source.list_series(core) == Listing(())
    assert standin.seen == []
    heard: list[tuple[int, int]] = []
    clip = mdai_source.download_clip(core, series(1), Job(lambda done, total: heard.append((done, total))))
    assert clip is not None
    assert clip.read_bytes() == standin.clips[f"{STUDIES[1]}/{SERIES[1]}.mp4"]
    assert (2, 2) in heard
    standin.seen.clear()
    assert mdai_source.download_clip(core, series(0), Job()) is not None
    assert standin.seen == []
    listing = mdai_source.list_series(core)
    assert listing is not None
    assert [(s.key, s.exam_number) for s in listing.series] == [(series(n).key, 194 + n) for n in (0, 1)]
    assert TOKEN not in "".join(path.read_text("latin-1") for path in tmp_path.rglob("*.json"))


@pytest.mark.usefixtures("by_client")
def test_the_version_is_the_servers_also_after_a_purge(standin: MdaiStandin, core: Core) -> None:
    listing = refresh(core)
    theirs = read_index(annotations(core).parent / "images", annotations(core))
    assert listing.version == theirs.version
    mdai_source.purge_clip(core, listing.series[0])
    later = mdai_source.list_series(core)
    assert later is not None
    assert (later.version, [s.clip is None for s in later.series]) == (listing.version, [True, False])
    assert not any(path.stem == SERIES[0] for path in core.cache.data.rglob("*.mp4"))
    clip = mdai_source.download_clip(core, later.series[0], Job())
    assert clip is not None
    assert clip.read_bytes() == standin.clips[f"{STUDIES[0]}/{SERIES[0]}.mp4"]


def annotations(core: Core) -> Path:
    return next(core.cache.data.rglob("annotations.json"))


@pytest.mark.usefixtures("by_client")
@pytest.mark.parametrize(
    ("endpoint", "fault", "code"),
    [
        ("test", {"status": 401}, "MDAI_TOKEN_REFUSED"),
        ("images", {"status": 403}, "MDAI_IMAGES_REFUSED"),
        ("download-images", {"cut": True}, "MDAI_DOWNLOAD_BROKEN"),
    ],
)
def test_what_cannot_be_had_is_said(
    standin: MdaiStandin, core: Core, endpoint: str, fault: dict[str, Any], code: str
) -> None:
    standin.fail(endpoint, **fault)
    with pytest.raises(CoreError) as caught:
        mdai_source.download_clip(core, series(0), Job())
    assert caught.value.code == code
    listing = refresh(core)
    assert [problem[0] for problem in listing.problems] == [code, "DATASET_EMPTY"]
    standin.mend()
    assert refresh(core).problems == ()
    with pytest.raises(CoreError) as caught:
        mdai_source.download_clip(core, ListedSeries("1.2.3", "1.2.4", 1), Job())
    assert caught.value.code == "CLIP_MISSING"


def test_cancel_and_the_next_in_line(standin: MdaiStandin, core: Core) -> None:
    standin.fail("download-images", slow=1)
    job = Job()
    job.cancel()
    with mdai_source._alone(Job()):
        with pytest.raises(JobCancelledError):
            mdai_source.download_clip(core, series(0), job)
        with pytest.raises(CoreError) as caught:
            mdai_source.purge_clip(core, series(0))
        assert caught.value.code == "DATASET_BUSY"
    assert standin.seen == []
    job = Job(lambda done, total: job.cancel() if standin.count(".json") else None)
    with pytest.raises(JobCancelledError):
        mdai_source.download_clip(core, series(0), job)
    mdai_source.purge_clip(core, series(0))  # whoever was cancelled is out of the way


def test_a_started_core_lists_downloads_and_extracts(standin: MdaiStandin, core: Core) -> None:
    core.start()
    try:
        core.session.refresh()
        wait_for(lambda: len(core.session.list_local()) == 2)
        core.session.open(series(0).key)
        wait_for(lambda: core.session.model(series(0).key).manifest is not None)
        manifest = core.session.model(series(0).key).manifest
        assert manifest is not None
        assert (manifest.frame_count, manifest.width, manifest.height) == (FRAMES, 64, 48)
    finally:
        core.close()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


ON_AN_IPAD = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(["mdai", "numpy", "cv2", "pandas", "yaml", "PySide6"]))
from workstation.core import Core
from workstation.jobs import Job
from workstation.plugins import mdai_source
from workstation.settings import SettingsStore
here = Path(sys.argv[1])
listing = mdai_source.refresh_dataset(Core(SettingsStore(here, here / "user")), Job())
print(len(listing.series), len(listing.problems), all(series.clip.is_file() for series in listing.series))
"""


def test_without_sdk_and_numpy_our_own_client_brings_the_same(standin: MdaiStandin, tmp_path: Path) -> None:
    environment = {**os.environ, **SETTINGS, "VIDEO_CACHE_PATH": str(tmp_path / "cache")}
    command = [sys.executable, "-c", ON_AN_IPAD, str(tmp_path)]
    how: dict[str, Any] = {"cwd": ROOT, "env": environment, "timeout": 120, "check": False}
    result = subprocess.run(command, capture_output=True, text=True, **how)
    assert result.stdout.split() == ["2", "0", "True"], result.stderr
