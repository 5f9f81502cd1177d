"""Can everybody use the page that asks whose frame counts, and the menus; do they look as approved?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.checks import load_axe, problems_for_people
from tests.browser.page import Look, Page
from tests.browser.stack import CoreProcess, Stack
from tests.browser.test_browser_looks import LOOKS, check
from tests.browser.viewer import SAVE_SECONDS, Viewer
from tests.helpers.clips import write_dataset

OpenPage = Callable[..., Page]
StartCore = Callable[..., CoreProcess]
MENUS = ("More", "How it is shown")
pytestmark = pytest.mark.browser


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A server of its own, so that the pictures show the same exam whatever other tests do."""
    write_dataset(tmp_path / "clips", 1)
    running = Stack(tmp_path, tmp_path / "clips")
    try:
        running.start().server.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def engine() -> str:
    """Chromium alone: what differs between engines is tested on the other pages."""
    return "chromium"


def draw(viewer: Viewer, x: float) -> None:
    viewer.go_to(4)
    viewer.paint((x, 30), (x + 6, 40))
    viewer.wait_written()


def test_whose_frame_counts_is_asked_so_that_everybody_can_answer(
    open_page: OpenPage, own_stack: Stack, tmp_path: Path
) -> None:
    theirs = Viewer(open_page()).open(own_stack.core("first@example.org").address)
    mine_core = own_stack.core("second@example.org")
    mine = Viewer(open_page()).open(mine_core.address)
    draw(theirs, 20)
    draw(mine, 60)
    theirs.save()
    mine.page.key("Mod+S")
    mine.page.wait_for("document.querySelector('dialog[open].wide') !== null", "the question", SAVE_SECONDS)
    found = {}
    for name, look in LOOKS.items():  # the question waits: each page that opens this exam asks it again
        page = open_page(look)
        page.open(mine_core.address)
        page.wait_for("document.querySelectorAll('dialog[open].wide canvas').length >= 3", "the question", SAVE_SECONDS)
        page.wait_for("document.querySelector('[aria-busy=true]') === null", "the pictures")
        page.wait_for("document.querySelector('.toast') === null", "the notes to be gone")
        page.still()
        page.screenshot(tmp_path / "page.png")
        check(tmp_path / "page.png", f"conflict-{name}")
        load_axe(page)
        found[name] = problems_for_people(page)
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("look", [Look(), Look(390, 780, is_dark=True)], ids=["wide-light", "narrow-dark"])
def test_menus_serve_everybody(open_page: OpenPage, start_core: StartCore, look: Look) -> None:
    viewer = Viewer(open_page(look)).open(start_core(f"menus{look.width}@example.org").address)
    load_axe(viewer.page)
    found = {}
    for name in MENUS:
        viewer.page.click(f"button[aria-label='{name}']")
        viewer.page.wait_for("document.querySelector('.menu') !== null", name)
        found[name] = problems_for_people(viewer.page)
        viewer.page.key("Escape")
        viewer.page.wait_for("document.querySelector('.menu') === null", "the menu to close")
    assert {name: problems for name, problems in found.items() if problems} == {}
