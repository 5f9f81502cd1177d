"""Which browsers run the tests of this folder? Every test that asks for `open_page` runs in all three engines.

An engine that the machine lacks is skipped with what to install; with CI=true it fails.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from tests.browser.chromium_page import ChromiumBrowser
from tests.browser.page import EngineMissing, Look, Page, PageError
from tests.browser.qt_page import QtPage
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import Viewer
from tests.browser.webkit_page import WebKitPage
from tests.helpers.clips import write_dataset

ENGINES = ("chromium", "webkit", "qtwebengine")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.browser) for name in ENGINES])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine's name."""
    return str(request.param)


@pytest.fixture
def open_page(engine: str, chromium: ChromiumBrowser) -> Iterator[Callable[..., Page]]:
    """`open_page(Look(...))` gives a page that is closed with the test."""
    openers: dict[str, Callable[[Look], Page]] = {
        "chromium": chromium.open_page,
        "webkit": WebKitPage,
        "qtwebengine": QtPage,
    }
    pages: list[Page] = []

    def open_one(look: Look | None = None) -> Page:
        opener = openers[engine]
        try:
            try:
                pages.append(opener(look or Look()))
            except PageError:  # whether a browser starts at once is not what is tested: once more, and then it counts
                pages.append(opener(look or Look()))
        except EngineMissing as missing:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(missing))
        return pages[-1]

    yield open_one
    for page in pages:
        page.close()


EXAMS = 160  # more than there are tests that take one


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One server with tiny clips (96×64, 8 frames: a square on frame 0, an empty last frame, the rest tracked)."""
    directory = tmp_path_factory.mktemp("stack")
    write_dataset(directory / "clips", EXAMS)
    running = Stack(directory, directory / "clips")
    try:
        yield running.start()
    finally:
        running.stop()


_numbers = itertools.count(2)  # the first one is what a viewer opens by itself


@pytest.fixture
def exam() -> int:
    """Number of an exam that no other test touches."""
    return next(_numbers)


@pytest.fixture
def start_core(stack: Stack) -> Iterator[Callable[..., CoreProcess]]:
    """`start_core(editor, **settings)` gives a core that is stopped with the test (stack.py says what it takes)."""
    cores: list[CoreProcess] = []

    def start_one(editor: str, **settings: str | None) -> CoreProcess:
        cores.append(stack.core(editor, **settings))
        return cores[-1]

    yield start_one
    for core in cores:
        core.stop()


@pytest.fixture
def viewer(open_page: Callable[..., Page], start_core: Callable[..., CoreProcess], exam: int) -> Viewer:
    """The viewer on an exam of its own, with a core of its own behind it."""
    return Viewer(open_page()).open(start_core(f"tester{exam}@example.org").address, exam)
