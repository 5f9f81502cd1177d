"""Does the keyboard reach everything, is it seen where it is, and does it come back from menus and dialogs?"""

from __future__ import annotations

from tests.browser.page import Page
from tests.browser.viewer import Viewer

# Everything that can be used now, and what has the focus. A ring or a border must show the latter.
_USABLE = """[...document.querySelectorAll("button, input, select, [tabindex='0']")]
  .filter((e) => !e.disabled && e.checkVisibility()).map((e) => e.ariaLabel || e.textContent)"""
_FOCUSED = """((e) => ({name: e.ariaLabel || e.textContent, isMarked: getComputedStyle(e).outlineStyle !== 'none'}))
  (document.activeElement)"""


def focus(page: Page, selector: str) -> None:
    page.evaluate("document.querySelector(selector).focus()", selector=selector)


def has_focus(selector: str) -> str:
    return f"document.activeElement === document.querySelector({selector!r})"


def test_tab_goes_once_through_everything_in_order_and_shows_where_it_is(viewer: Viewer) -> None:
    viewer.go_to(3)
    viewer.paint((40, 30))  # so that undo and save can be used
    viewer.page.wait_for("goobusters.state().unsaved.length === 1")
    usable = viewer.page.evaluate(_USABLE)
    assert len(usable) > 20
    focus(viewer.page, "#topbar button")
    visited = [viewer.page.evaluate(_FOCUSED)]
    for _ in usable[1:]:
        viewer.page.key("Tab")
        visited.append(viewer.page.evaluate(_FOCUSED))
    assert [each["name"] for each in visited] == usable
    assert [each["name"] for each in visited[1:] if not each["isMarked"]] == []


def test_a_menu_keeps_the_focus_and_gives_it_back_also_from_the_dialog_behind_it(viewer: Viewer) -> None:
    page, more = viewer.page, "#topbar [aria-label='More']"
    focus(page, more)
    page.key("Enter")
    page.wait_for("document.activeElement.closest('.menu') !== null", "the menu to have the focus")
    for key in ("Shift+Tab", "Tab", "Tab", "ArrowUp"):
        page.key(key)
        assert page.evaluate("document.activeElement.closest('.menu') !== null"), key
    page.key("Escape")
    page.wait_for(has_focus(more), "the button to have the focus again")
    page.key("Enter")
    page.key("ArrowUp")  # from the first line round to the last
    page.key("Enter")
    page.wait_for("document.querySelector('dialog[open].help') !== null", "help")
    for _ in range(4):
        page.key("Tab")
        inside = "document.activeElement.closest('dialog') !== null || document.activeElement === document.body"
        assert page.evaluate(inside), "nothing behind the dialog gets the focus"
    focus(page, "dialog .main")
    page.key("Escape")
    page.wait_for(has_focus(more), "the button to have the focus once more")
