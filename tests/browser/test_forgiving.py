"""Does the page forgive: a tap too many, a note behind a dialog, a key too early, a bar with too much in it?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.browser.checks import cut_off, too_small
from tests.browser.page import Look, Page, in_one_engine
from tests.browser.stack import CoreProcess, Stack
from tests.browser.test_labels import write_plugin
from tests.browser.viewer import Viewer, capsules, click_text, narrow_width
from tests.helpers.clips import HEIGHT, WIDTH

# A stroke whose hand stays down.
HELD = """async ({points}) => {
  for (const [at, [clientX, clientY]] of points.entries()) {
    document.getElementById("overlay").dispatchEvent(new PointerEvent(at ? "pointermove" : "pointerdown", {
      bubbles: true, pointerId: 1, pointerType: "mouse", isPrimary: true, clientX, clientY, buttons: 1,
      button: at ? -1 : 0,
    }));
  }
}"""
# Whether the newest note can be seen and pressed: nothing lies over its middle.
NOTE_ON_TOP = """((note) => {
  const {left, top, width, height} = note.getBoundingClientRect();
  return note.contains(document.elementFromPoint(left + width / 2, top + height / 2)) && !note.closest('[inert]');
})(document.querySelector('.toast:last-child'))"""


@in_one_engine
def test_two_taps_show_the_whole_picture_and_take_back_no_stroke_made_before(viewer: Viewer) -> None:
    viewer.go_to(7)
    viewer.paint((20, 20), (70, 20))
    painted = viewer.mask()
    fitted = viewer.state()["place"]
    viewer.run("zoom_in")
    inside = viewer.to_page(45, 20)  # where all is painted already: the first tap changes nothing
    for _ in range(2):
        viewer.page.fingers([[inside]])
    viewer.page.settle()
    assert np.array_equal(viewer.assert_screen_is_model(), painted)
    beside = viewer.to_page(45, 50)
    viewer.run("zoom_in")
    for _ in range(2):  # the first tap leaves a dab, which goes with the second
        viewer.page.fingers([[beside]])
    viewer.page.settle()
    if viewer.state()["place"] == fitted:  # on a machine that is too busy these are two single taps
        assert np.array_equal(viewer.assert_screen_is_model(), painted)


@in_one_engine
def test_a_page_that_is_closed_in_the_middle_of_a_stroke_keeps_it(viewer: Viewer) -> None:
    viewer.go_to(7)
    path = [viewer.to_page(20, 20), viewer.to_page(60, 40)]
    viewer.page.run(HELD, {"points": path})
    radius = viewer.state()["brush_radius"]
    drawn = capsules([viewer.to_picture(point) for point in path], radius, WIDTH, HEIGHT)
    viewer.reload()
    viewer.wait_mask(7, drawn)


@in_one_engine
def test_another_tool_drops_an_open_polygon_and_moving_the_picture_does_not(viewer: Viewer) -> None:
    viewer.go_to(7)
    corners = [viewer.to_page(*corner) for corner in ((20, 10), (70, 14), (60, 50))]
    viewer.run("polygon")
    for corner in corners:
        viewer.page.mouse([corner])
    viewer.run("brush")
    viewer.page.key("Enter")
    assert not viewer.assert_screen_is_model().any()
    viewer.run("polygon")
    for corner in corners:
        viewer.page.mouse([corner])
    viewer.run("pan")
    viewer.page.key("Enter")
    assert viewer.assert_screen_is_model().any()


def test_a_note_is_seen_and_can_be_pressed_while_a_dialog_is_open(viewer: Viewer) -> None:
    page = viewer.page
    viewer.run("settings")
    page.wait_for("document.querySelector('dialog.settings') !== null", "the settings")
    page.still()
    click_text(page, "Look for new exams")
    page.wait_for("document.getElementById('toasts').textContent.includes('Looking')", "a word that it looks")
    page.still()
    assert page.evaluate(NOTE_ON_TOP)
    page.key("Escape")
    page.wait_for("document.querySelector('dialog') === null", "the settings to close")
    assert page.evaluate("document.getElementById('toasts').parentElement === document.body")


@in_one_engine
def test_a_note_that_offers_the_next_exam_goes_with_its_exam(viewer: Viewer) -> None:
    note = "document.getElementById('toasts').textContent.includes('Marked as done')"
    for is_offered in (True, False, True):  # done, opened again, done
        viewer.run("done")
        viewer.page.wait_for(f"{note} === is_offered", is_offered=is_offered)
    viewer.choose(1)
    assert not viewer.page.evaluate(note)


@in_one_engine
def test_bars_with_more_than_usual_in_them_hide_nothing(
    open_page: Callable[..., Page], start_core: Callable[..., CoreProcess], stack: Stack, exam: int, engine: str
) -> None:
    write_plugin(stack, f"slim{exam}")
    page = open_page(Look(min(320, narrow_width(engine)), 640))
    viewer = Viewer(page).open(start_core(f"slim{exam}@example.org").address, exam)
    assert cut_off(page) + too_small(page) == []
    shown = "document.querySelector('#toolbar [data-command=mark_empty]').getBoundingClientRect().bottom"
    assert page.evaluate(f"{shown} <= document.getElementById('transport').getBoundingClientRect().top + 1")
    badge = "document.getElementById('badge').getBoundingClientRect().bottom"
    assert page.evaluate(f"{badge} <= document.getElementById('toolbar').getBoundingClientRect().top")
    viewer.run("threshold")  # two more sliders
    for width in (320, 700, 1000):
        page.resize(width, 640)
        assert cut_off(page) + too_small(page) == [], f"{width} pixels wide"
    viewer.assert_screen_is_model()
