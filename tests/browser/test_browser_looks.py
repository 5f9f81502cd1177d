"""Do the pages still look as somebody once saw and approved them, light and dark, wide and narrow?

References are small WebP files; only broad strokes are compared (the mean colour of each of 24×16 fields), so another
font or another time of day passes, and a page that lost its layout, its colours or its content does not. Look at
new ones before keeping them: UPDATE_REFERENCES=1 writes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.chromium_page import ChromiumBrowser
from tests.browser.page import EngineMissing, Look
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import Viewer
from tests.helpers.clips import write_dataset

REFERENCES = Path(__file__).with_name("references")
FIELDS = (24, 16)
PAGES = ("viewer", "exams", "history", "settings", "help", "first_start")
LOOKS = {
    "wide-light": Look(1280, 800),
    "wide-dark": Look(1280, 800, is_dark=True),
    "narrow-light": Look(390, 844),
    "narrow-dark": Look(390, 844, is_dark=True),
}
pytestmark = pytest.mark.browser


def fields(picture: Image.Image) -> np.ndarray:
    """Mean colours, (16, 24, 3), 0..255."""
    return np.asarray(picture.convert("RGB").resize(FIELDS, Image.Resampling.BOX), np.float64)


def check(picture: Path, name: str) -> None:
    reference = REFERENCES / f"{name}.webp"
    with Image.open(picture) as shot:
        if os.environ.get("UPDATE_REFERENCES") == "1":
            REFERENCES.mkdir(exist_ok=True)
            shot.convert("RGB").resize((shot.width // 2, shot.height // 2)).save(reference, quality=60)
            return
        with Image.open(reference) as kept:
            difference = np.abs(fields(shot) - fields(kept)).mean(axis=2)
    assert difference.mean() < 4, f"{name} looks different (mean {difference.mean():.1f})"
    assert difference.max() < 60, f"{name} looks different in one place (by {difference.max():.0f})"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreProcess]:
    """A core on a server of its own: what other tests do must not show in the pictures."""
    directory = tmp_path_factory.mktemp("looks")
    write_dataset(directory / "clips", 4, width=320, height=240, frames=24)
    running = Stack(directory, directory / "clips")
    try:
        running.start().server.wait_ready()
        yield running.core()
    finally:
        running.stop()


@pytest.mark.parametrize("look", LOOKS)
def test_pages_look_as_approved(chromium: ChromiumBrowser, core: CoreProcess, look: str, tmp_path: Path) -> None:
    try:
        page = chromium.open_page(LOOKS[look])
    except EngineMissing as missing:
        pytest.skip(str(missing))
    viewer = Viewer(page).open(core.address)
    page.wait_for("goobusters.state().has_picture && document.getElementById('page').hidden", "the picture")
    every = "[...Array(goobusters.state().frame_count).keys()].map((n) => goobusters.loadMasks(n))"
    page.evaluate(f"(await Promise.all({every}), null)")  # the whole timeline
    for name in PAGES:
        if name != "viewer":
            viewer.run(name)
            page.wait_for("document.querySelector('dialog[open] h2') !== null", name)
            page.wait_for("document.querySelector('[aria-busy=true]') === null", f"all of {name}")
        page.still()
        page.screenshot(tmp_path / "page.png")
        check(tmp_path / "page.png", f"{name}-{look}")
        page.evaluate("(document.querySelectorAll('dialog').forEach((dialog) => dialog.close()), null)")
    page.close()
