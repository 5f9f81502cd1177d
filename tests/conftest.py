"""What do tests of more than one folder share? The one Chromium that drives the viewer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium_page import ChromiumBrowser


@pytest.fixture(scope="module")
def chromium() -> Iterator[ChromiumBrowser]:
    """One Chromium for a module; it starts with the first page.

    Not for the whole run: Playwright keeps an event loop running in the main thread until it is stopped, and neither a
    second Playwright nor a test that runs a loop of its own can start beside it.
    """
    browser = ChromiumBrowser()
    yield browser
    browser.close()
