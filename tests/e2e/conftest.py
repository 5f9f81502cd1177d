"""What do the end-to-end tests run on? A short clip whose motion is known, a real server, and real browsers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.examples import get_path

from tests.browser.chromium_page import ChromiumBrowser
from tests.browser.page import Look, Page
from tests.browser.qt_page import QtPage
from tests.browser.stack import Stack
from tests.browser.viewer import Viewer
from tracking.contracts.dataset import read_index
from tracking.contracts.labels import LABEL_ID
from tracking.semisynthetic import SemiSynthetic, base_picture, write_pictures
from workstation.demo_data import LEFT_VENTRICLE

FRAMES, WIDTH, HEIGHT = 24, 320, 240


@dataclass(frozen=True)
class KnownClip:
    """A semi-synthetic data set: its folder, its motion, and the outline (n, 2) annotated on frame 0."""

    directory: Path
    motion: SemiSynthetic
    outline: np.ndarray
    study_uid: str
    series_uid: str

    @property
    def path(self) -> str:
        """STUDY/SERIES, as in addresses."""
        return f"{self.study_uid}/{self.series_uid}"


@pytest.fixture(scope="session")
def known_clip(tmp_path_factory: pytest.TempPathFactory) -> KnownClip:
    """24 frames made from the real echo's first one by a known motion, frame 0 annotated."""
    directory = tmp_path_factory.mktemp("clips")
    motion = SemiSynthetic(base_picture(str(get_path("ybr_color")), WIDTH, HEIGHT), FRAMES, seed=5)
    write_pictures(motion.frames(), directory / "semi-synthetic")
    (series,) = read_index(directory).series
    annotation = {
        "id": "A_1",
        "labelId": LABEL_ID,
        "StudyInstanceUID": series.study_uid,
        "SeriesInstanceUID": series.series_uid,
        "frameNumber": 0,
        "data": {"vertices": LEFT_VENTRICLE[0]},
    }
    export = {"labelGroups": [], "datasets": [{"id": "D", "name": "e2e", "studies": [], "annotations": [annotation]}]}
    (directory / "annotations.json").write_text(json.dumps(export))
    outline = np.array(LEFT_VENTRICLE[0], np.float64)
    return KnownClip(directory, motion, outline, series.study_uid, series.series_uid)


@pytest.fixture
def stack(tmp_path: Path, known_clip: KnownClip) -> Iterator[Stack]:
    """A server of its own for each test, ready, and as many workstations as the test starts."""
    running = Stack(tmp_path, known_clip.directory)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(params=["chromium", "qtwebengine"])
def open_viewer(
    request: pytest.FixtureRequest, chromium: ChromiumBrowser, stack: Stack
) -> Iterator[Callable[[str], Viewer]]:
    """`open_viewer(editor)` starts that person's workstation and opens its page in one engine."""
    pages: list[Page] = []

    def open_one(editor: str) -> Viewer:
        pages.append(chromium.open_page(Look()) if request.param == "chromium" else QtPage(Look()))
        return Viewer(pages[-1]).open(stack.core(editor).address)

    yield open_one
    for page in pages:
        page.close()
