"""Does what a hand does end up in the right pixels, on the screen, in the model and on the server?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.page import Look, Page
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import SCREEN, Viewer, capsules, click_text, narrow_width
from tests.helpers.clips import FRAMES, HEIGHT, WIDTH, uids
from tracking.contracts.archive import unpack
from tracking.contracts.masks import decode_mask

SIZE = (WIDTH, HEIGHT)


def test_a_stroke_of_the_mouse_is_exact_to_the_pixel(viewer: Viewer) -> None:
    viewer.go_to(3)
    before = viewer.assert_screen_is_model()
    assert viewer.kind() == "tracked"
    path = viewer.paint((20, 15), (60, 30), (70, 50))
    after = viewer.assert_screen_is_model()
    assert np.array_equal(after, before | capsules(path, viewer.state()["brush_radius"], *SIZE))
    assert viewer.kind() == "annotation"
    assert viewer.state()["unsaved"] == [3]
    viewer.wait_written()


def test_a_round_on_a_narrow_page_with_a_finger(
    open_page: Callable[..., Page], start_core: Callable[..., CoreProcess], engine: str, exam: int
) -> None:
    look = Look(narrow_width(engine), 844)
    viewer = Viewer(open_page(look)).open(start_core(f"narrow{exam}@example.org").address, exam)
    page = viewer.page
    viewer.go_to(3)
    before = viewer.assert_screen_is_model()
    path = [viewer.to_page(*point) for point in ((20, 15), (60, 30), (70, 50))]
    page.fingers([path])
    points = [viewer.to_picture(point) for point in path]
    painted = before | capsules(points, viewer.state()["brush_radius"], *SIZE)
    assert np.array_equal(viewer.assert_screen_is_model(), painted)
    page.click("#toolbar [aria-label='Change the mask']")
    page.wait_for("document.querySelector('.menu') !== null", "the menu that has what the narrow bar has not")
    click_text(page, "Clear this frameDel")
    page.wait_for("goobusters.maskPixels(3).kind !== 'annotation'", "the frame to be cleared")
    page.click("#toolbar [data-command='undo']")
    assert np.array_equal(viewer.assert_screen_is_model(), painted)
    page.click("#topbar [data-command='save']")
    viewer.wait_saved(None)
    assert np.array_equal(viewer.mask(3), painted)


def test_an_exam_that_is_opened_is_seen_at_once(viewer: Viewer, exam: int) -> None:
    shown = "window.goobusters?.state().can_edit && document.getElementById('page').hidden"
    viewer.page.wait_for(shown, "the first picture")
    for _ in range(3):  # what comes first, picture or news, differs from time to time
        viewer.page.open(viewer.page.evaluate("location.origin") + "/")
        viewer.page.wait_for(shown, "the picture once more")


def test_the_eraser_takes_away_and_undo_brings_back_on_its_frame(viewer: Viewer) -> None:
    viewer.go_to(2)
    first = viewer.mask()
    viewer.page.key("e")
    path = viewer.paint((35, 30), (50, 32))
    erased = viewer.assert_screen_is_model()
    assert np.array_equal(erased, first & ~capsules(path, viewer.state()["brush_radius"], *SIZE))
    viewer.go_to(5)
    viewer.page.key("b")
    viewer.paint((80, 50))
    painted = viewer.mask(5)
    viewer.page.key("Mod+Z")
    viewer.page.key("Mod+Z")
    viewer.page.wait_for("goobusters.state().frame === 2", "undo to go back to its frame")
    assert np.array_equal(viewer.assert_screen_is_model(), first)
    assert viewer.kind() == "tracked"
    assert viewer.state()["unsaved"] == []
    viewer.page.key("Mod+Shift+Z")
    assert np.array_equal(viewer.assert_screen_is_model(), erased)
    viewer.page.key("Mod+Y")
    viewer.page.wait_for("goobusters.state().frame === 5", "redo to go forward to its frame")
    assert np.array_equal(viewer.assert_screen_is_model(), painted)


def test_at_every_zoom_a_dab_lands_where_the_pointer_is(viewer: Viewer) -> None:
    viewer.go_to(7)  # the verified empty frame: nothing is there before
    viewer.page.click("#toolbar button[aria-pressed='true']")
    stage = viewer.state()["stage"]
    target = (round(stage["left"] + stage["width"] * 0.55), round(stage["top"] + stage["height"] * 0.5))
    scales = set()
    for turn in (-900, 700, 600, 500, 400, 300, -1500, -800):
        viewer.page.wheel(target, 0, turn, "Ctrl")
        viewer.page.settle()
        place = viewer.state()["place"]
        scales.add(round(place["scale"], 2))
        x, y = (
            (target[0] - stage["left"] - place["x"]) / place["scale"],
            (target[1] - stage["top"] - place["y"]) / place["scale"],
        )
        if not (8 < x < WIDTH - 8 and 8 < y < HEIGHT - 8):
            continue
        viewer.page.mouse([target])
        mask = viewer.mask()
        assert np.array_equal(mask, capsules([(x, y)], viewer.state()["brush_radius"], *SIZE)), (
            f"at scale {place['scale']}"
        )
        screen, is_shown = viewer.on_screen(*SIZE)
        if place["scale"] > 3:
            assert np.array_equal(screen & is_shown, mask & is_shown)
        else:  # the screen blends neighbours
            rows, columns = np.nonzero(screen)
            near = 0.5 + 0.25 / place["scale"]  # and a screen pixel may lie on either side of a centre
            assert abs(columns.mean() + 0.5 - x) < near
            assert abs(rows.mean() + 0.5 - y) < near
        viewer.page.key("Mod+Z")
    assert len(scales) >= 5


def test_a_pen_paints_wider_when_it_presses_harder_and_its_button_erases(viewer: Viewer) -> None:
    viewer.go_to(7)
    points = [(20, 30, 0.2), (45, 30, 0.5), (70, 30, 1.0)]
    path = [(*viewer.to_page(x, y), pressure) for x, y, pressure in points]
    viewer.page.pen(path)
    painted = viewer.assert_screen_is_model()
    widths = painted.sum(axis=0)
    assert 0 < widths[22] < widths[45] < widths[68]
    viewer.page.pen([(*viewer.to_page(45, 20), 1.0), (*viewer.to_page(45, 40), 1.0)], is_barrel=True)
    erased = viewer.assert_screen_is_model()
    assert not erased[30, 45]
    assert not (erased & ~painted).any()
    assert erased[30, 22]


def test_a_pen_of_the_engine_itself_paints_to_the_pixel(viewer: Viewer) -> None:
    viewer.go_to(7)
    path = [viewer.to_page(*point) for point in ((20, 20), (50, 40), (75, 25))]
    viewer.page.steady_pen(path)
    viewer.page.wait_for("goobusters.state().can_undo", "the stroke to end")
    points = [viewer.to_picture(point) for point in path]
    assert np.array_equal(viewer.assert_screen_is_model(), capsules(points, viewer.state()["brush_radius"], *SIZE))


def test_two_fingers_move_and_zoom_and_paint_nothing(viewer: Viewer) -> None:
    before = viewer.mask()
    ends = [(40.0, 40.0), (60.0, 20.0)]
    start = [viewer.to_page(*end) for end in ends]
    goal = [(start[0][0] - 75, start[0][1] + 70), (start[1][0] + 45, start[1][1] - 50)]  # 60 px apart, and a shift
    steps = [
        [(a[0] + (b[0] - a[0]) * step / 8, a[1] + (b[1] - a[1]) * step / 8) for step in range(9)]
        for a, b in zip(start, goal, strict=True)
    ]
    viewer.page.fingers(steps)
    viewer.page.settle()
    for end, where in zip(ends, goal, strict=True):
        x, y = viewer.to_page(*end)
        assert abs(x - where[0]) <= 3 and abs(y - where[1]) <= 3, "what was under a finger stays under it"
    assert np.array_equal(viewer.assert_screen_is_model(), before)
    assert not viewer.state()["can_undo"]


def test_once_a_pen_was_there_one_finger_moves_the_picture(viewer: Viewer) -> None:
    x, y = viewer.to_page(60, 40)
    viewer.page.pen([(x, y, 0.5), (x + 20, y, 0.5)])
    painted = viewer.mask()
    place = viewer.state()["place"]
    viewer.page.fingers([[(x, y), (x + 20, y + 10), (x + 40, y + 20)]])
    viewer.page.settle()
    moved = viewer.state()["place"]
    assert (round(moved["x"] - place["x"]), round(moved["y"] - place["y"])) == (40, 20)
    assert np.array_equal(viewer.assert_screen_is_model(), painted)


@pytest.mark.parametrize("tool", ["lasso", "polygon"])
def test_outlines_are_filled(viewer: Viewer, tool: str) -> None:
    viewer.go_to(7)
    viewer.page.key(tool[0])
    corners = [viewer.to_page(*corner) for corner in ((20, 10), (70, 14), (60, 50), (25, 44))]
    if tool == "lasso":
        viewer.page.mouse([*corners, corners[0]])
    else:
        for corner in corners:
            viewer.page.mouse([corner])
        viewer.page.key("Enter")
    mask = viewer.assert_screen_is_model()
    points = np.array([viewer.to_picture(corner) for corner in corners])
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    inside = np.ones_like(mask)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        inside &= (x1 - x0) * (rows - y0) - (y1 - y0) * (columns - x0) > 0  # a convex outline, clockwise
    assert np.array_equal(mask, inside)


def test_whole_mask_tools_by_keys_alone(viewer: Viewer) -> None:
    viewer.go_to(4)
    tracked = viewer.mask()
    viewer.mask(5)  # it is copied below, and undo then follows at once
    viewer.page.key("+")
    grown = viewer.assert_screen_is_model()
    assert grown.sum() > tracked.sum() and not (tracked & ~grown).any()
    viewer.page.key("m")
    assert viewer.kind() == "empty"
    assert not viewer.assert_screen_is_model().any()
    viewer.page.key("C")
    viewer.page.key("Mod+Z")
    viewer.page.key("c")
    assert np.array_equal(viewer.assert_screen_is_model(), viewer.mask(3))
    assert viewer.kind() == "annotation"
    for _ in range(4):
        viewer.page.key("Mod+Z")
    assert np.array_equal(viewer.assert_screen_is_model(), tracked)


def test_saving_brings_the_same_pixels_to_the_server_and_new_masks_back(
    viewer: Viewer, stack: Stack, exam: int
) -> None:
    viewer.go_to(3)
    viewer.paint((20, 15), (60, 30), (70, 50))
    painted = viewer.mask()
    viewer.go_to(5)
    viewer.page.key("m")
    tracked = viewer.mask(4)
    viewer.save()
    study, series = uids(exam - 1)
    archive = unpack(stack.server.get(f"/api/masks/{study}/{series}").content)
    annotations = {entry["frame_number"]: entry for entry in archive.metadata["frames"] if entry["is_annotation"]}
    assert sorted(annotations) == [0, 3, 5, FRAMES - 1]
    pixels = decode_mask(archive.masks[annotations[3]["filename"]], WIDTH, HEIGHT)
    assert np.array_equal(np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH) == 255, painted)
    assert not annotations[5]["has_mask"]
    assert np.array_equal(viewer.mask(3), painted)
    assert not np.array_equal(viewer.mask(4), tracked), "frame 4 was tracked anew from frame 3"
    viewer.go_to(3)
    assert np.array_equal(viewer.assert_screen_is_model(), painted)
    viewer.page.key("Mod+Z")  # back to before "empty" on frame 5: undo goes past the save
    viewer.page.wait_for("goobusters.state().frame === 5", "undo to go back to frame 5")
    assert viewer.kind() != "empty"


# A stroke that is not over yet: what is on the screen after each of its points, in the very frame that draws it.
_HALF = f"""async ({{points, width, height}}) => {{
  const send = (type, [x, y]) => document.getElementById("overlay").dispatchEvent(new PointerEvent(type, {{
    bubbles: true, cancelable: true, composed: true, pointerId: 1, pointerType: "mouse", isPrimary: true, clientX: x,
    clientY: y, button: type === "pointermove" ? -1 : 0, buttons: type === "pointerup" ? 0 : 1, pressure: 0.5}}));
  const seen = [];
  for (const [at, point] of points.entries()) {{
    send(at === 0 ? "pointerdown" : "pointermove", point);
    await new Promise((resolve) => requestAnimationFrame(resolve));
    seen.push({SCREEN});
  }}
  window.letGo = () => send("pointerup", points.at(-1));
  return seen;
}}"""


@pytest.mark.parametrize("tool", ["brush", "eraser"])
def test_every_point_of_a_stroke_is_seen_at_once_and_whole(viewer: Viewer, tool: str) -> None:
    viewer.go_to(3)
    viewer.run(tool)
    before = viewer.assert_screen_is_model()
    points = [viewer.to_page(*point) for point in ((25, 18), (44, 18), (44, 50), (60, 33), (75, 45), (30, 40))]
    screens = viewer.page.run(_HALF, {"points": points, "width": WIDTH, "height": HEIGHT})
    path = [viewer.to_picture(point) for point in points]
    radius = viewer.state()["brush_radius"]
    for count, signs in enumerate(screens, 1):
        stroke = capsules(path[:count], radius, *SIZE)
        expected = before | stroke if tool == "brush" else before & ~stroke
        seen = np.frombuffer(signs.encode(), np.uint8).reshape(HEIGHT, WIDTH) == ord("1")
        assert np.array_equal(seen, expected), f"after point {count}"
    viewer.page.evaluate("(window.letGo(), null)")
    assert viewer.state()["can_undo"]
    assert np.array_equal(viewer.assert_screen_is_model(), expected)
