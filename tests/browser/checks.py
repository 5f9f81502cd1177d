"""Can everybody use the page as it stands now: with a screen reader, with a finger, on a narrow screen?

Called by tests of the browser suite once a page, a dialog or a menu is open.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page import Page


def load_axe(page: Page) -> None:
    """Gives the page axe-core, as the package axe-playwright-python brings it; skips where that is missing."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    source = (Path(found.origin).parent / "axe.min.js").read_text("utf-8")
    page.evaluate("(function () { " + source + " }).call(window)")


def problems_for_people(page: Page) -> list[str]:
    """What is wrong with the page as it is, a line each; needs `load_axe` first."""
    return complaints(page) + too_small(page) + cut_off(page)


def complaints(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it is, with the elements it means."""
    result: dict[str, Any] = page.evaluate("await axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']} ({found['impact']}): {[node['target'] for node in found['nodes']]}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def cut_off(page: Page) -> list[str]:
    """Buttons and fields that reach over the edge of the page, or of the bar that they are in."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('button, input, select, output')].filter((e) => {"
        " const {left, right, width} = e.getBoundingClientRect();"
        " const bar = e.closest('.topbar, .toolbar, .controls, .options, dialog') ?? document.documentElement;"
        " const edge = bar.getBoundingClientRect();"
        " return width > 0 && (left < edge.left - 1 || right > Math.min(innerWidth, edge.right) + 1);"
        " }).map((e) => e.ariaLabel ?? e.textContent)"
    )
    return found


def too_small(page: Page) -> list[str]:
    """Buttons and fields under 44 CSS pixels, which a finger misses."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter((e) => {"
        " const {width, height} = e.getBoundingClientRect();"
        " return width > 0 && (width < 44 || height < 44); }).map((e) => e.ariaLabel ?? e.textContent)"
    )
    return found
