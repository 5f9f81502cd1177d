"""Several label types on one clip: does each keep to itself on the screen, in undo, at the server and in tracking?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browser.page import Page
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import Mask, Viewer, capsules
from tests.helpers.clips import HEIGHT, WIDTH, uids
from tracking.contracts.archive import unpack
from tracking.contracts.labels import LABEL_ID
from tracking.contracts.masks import decode_mask

OTHER = "L_peri01"
COLOURS = {"fluid": (0x2E, 0xCC, 0x71), "fluid tracked": (0xFF, 0x9F, 0x1C), "other": (0xAF, 0x7A, 0xC5),
           "other tracked": (0x5D, 0xAD, 0xE2)}  # fmt: skip
PLUGIN = f'''"""Adds the label type pericardium."""

from tracking.contracts.labels import LabelType
from workstation.hookspecs import hookimpl


@hookimpl
def label_types():
    return [LabelType("{OTHER}", "Pericardium", colour="#af7ac5", tracked_colour="#5dade2")]
'''
# The colour on the mask canvas above the middle of a pixel of the picture.
_COLOUR = """((canvas) => {
  const {place, stage} = goobusters.state();
  const ratio = canvas.width / stage.width;
  const at = (value, shift) => Math.floor(((value + 0.5) * place.scale + shift) * ratio);
  return [...canvas.getContext("2d").getImageData(at(x, place.x), at(y, place.y), 1, 1).data];
})(document.getElementById("overlay"))"""


def write_plugin(stack: Stack, person: str) -> None:
    """Puts the second label type into the plugins folder of somebody whose core has not started yet."""
    plugins = stack.directory / person / "user" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "pericardium.py").write_text(PLUGIN, "utf-8")


@pytest.fixture
def viewer(open_page: Callable[..., Page], start_core: Callable[..., CoreProcess], stack: Stack, exam: int) -> Viewer:
    """The viewer of somebody whose plugins folder holds a second label type."""
    write_plugin(stack, f"labels{exam}")
    return Viewer(open_page()).open(start_core(f"labels{exam}@example.org").address, exam)


def colour_at(viewer: Viewer, x: int, y: int) -> str:
    """Which of COLOURS lies on the screen over a pixel of the picture; "none" where there is no mask."""
    viewer.page.settle()
    *found, alpha = viewer.page.evaluate(_COLOUR, x=x, y=y)
    return (
        min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], found, strict=True)))
        if alpha
        else "none"
    )


def choose(viewer: Viewer, key: str, label: str) -> None:
    viewer.page.key(key)
    viewer.page.wait_for("goobusters.state().label === label", f"label type {key}", label=label)


def saved(stack: Stack, exam: int) -> dict[tuple[int, str], Mask]:
    """The annotations that the server has, by frame and label."""
    study, series = uids(exam - 1)
    archive = unpack(stack.server.get(f"/api/masks/{study}/{series}").content)
    entries: list[dict[str, Any]] = [e for e in archive.metadata["frames"] if e["is_annotation"] and e["has_mask"]]
    return {
        (entry["frame_number"], entry["label_id"]): np.frombuffer(
            decode_mask(archive.masks[entry["filename"]], WIDTH, HEIGHT), np.uint8
        ).reshape(HEIGHT, WIDTH)
        == 255
        for entry in entries
    }


def overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def test_two_label_types_live_side_by_side(viewer: Viewer, stack: Stack, exam: int) -> None:
    page = viewer.page
    viewer.go_to(3)
    tracked = viewer.mask()
    radius = viewer.state()["brush_radius"]

    choose(viewer, "2", OTHER)
    second = capsules(viewer.paint((50, 30), (76, 44)), radius, WIDTH, HEIGHT)
    assert np.array_equal(viewer.mask(label=OTHER), second)
    assert np.array_equal(viewer.mask(), tracked), "the main label is what it was"
    assert (second & tracked).any() and (second & ~tracked).any(), "the stroke crosses the other mask"
    assert colour_at(viewer, 78, 44) == "other"
    assert colour_at(viewer, 32, 30) == "fluid tracked"

    choose(viewer, "1", LABEL_ID)
    first = tracked | capsules(viewer.paint((20, 12)), radius, WIDTH, HEIGHT)
    assert np.array_equal(viewer.mask(), first)
    assert np.array_equal(viewer.mask(label=OTHER), second)
    assert colour_at(viewer, 20, 12) == "fluid"
    assert colour_at(viewer, 78, 44) == "other"

    page.key("Mod+Z")
    assert np.array_equal(viewer.mask(), tracked)
    assert np.array_equal(viewer.mask(label=OTHER), second)
    page.key("Mod+Z")
    assert not viewer.mask(label=OTHER).any()
    assert colour_at(viewer, 78, 44) == "none"
    assert viewer.state()["unsaved"] == []
    page.key("Mod+Y")
    page.key("Mod+Y")
    assert np.array_equal(viewer.mask(), first)
    assert np.array_equal(viewer.mask(label=OTHER), second)

    viewer.save()
    on_server = saved(stack, exam)
    assert set(on_server) == {(0, LABEL_ID), (3, LABEL_ID), (3, OTHER)}
    assert np.array_equal(on_server[3, LABEL_ID], first)
    assert np.array_equal(on_server[3, OTHER], second)
    for label, drawn in ((LABEL_ID, first), (OTHER, second)):  # each is tracked from its own annotation
        assert overlap(viewer.mask(4, label), np.roll(drawn, -1, axis=1)) > 0.8
    viewer.go_to(4)
    assert colour_at(viewer, 77, 44) == "other tracked"

    choose(viewer, "2", OTHER)
    page.key("e")
    viewer.paint((74, 44))
    kinds = [page.evaluate("goobusters.maskPixels(4, label).kind", label=label) for label in (LABEL_ID, OTHER)]
    assert kinds == ["tracked", "annotation"], "touching one label type leaves the other to the server"


def test_a_label_type_is_chosen_by_hand(viewer: Viewer) -> None:
    page = viewer.page
    page.click("#toolbar [aria-label='What to mark']")
    page.wait_for("document.querySelectorAll('.menu .menu-item').length === 2", "two label types")
    assert page.evaluate("[...document.querySelectorAll('.menu-item')].map((item) => item.textContent)") == [
        "Free fluid✓1",
        "Pericardium✓2",
    ]
    page.click(".menu-item:last-child")
    page.wait_for("goobusters.state().label === label && !document.querySelector('.menu')", "the choice", label=OTHER)
    viewer.go_to(7)
    painted = capsules(viewer.paint((40, 30)), viewer.state()["brush_radius"], WIDTH, HEIGHT)
    assert np.array_equal(viewer.mask(label=OTHER), painted)
    assert not viewer.mask().any()
