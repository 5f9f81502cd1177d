"""The journal's rules as pure functions: runs, undo, rebase; compared with a model that keeps whole pictures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.workstation import change, edit, mark_empty, step
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from workstation.replay import (
    ANNOTATION,
    EMPTY,
    NONE,
    TRACKED,
    Cell,
    Key,
    Replay,
    decode_runs,
    encode_runs,
    kept,
    touched_keys,
    undo_stack,
)

WIDTH, HEIGHT, FRAMES = 7, 5, 3
pixels_of = st.lists(st.sampled_from([0, 255]), min_size=WIDTH * HEIGHT, max_size=WIDTH * HEIGHT).map(bytes)


class Plain:
    """A base version held in memory."""

    width, height = WIDTH, HEIGHT

    def __init__(self, cells: dict[Key, Cell]) -> None:
        self.cells = cells

    def cell(self, key: Key) -> Cell:
        return self.cells.get(key, Cell(NONE, bytes(WIDTH * HEIGHT)))

    def kind(self, key: Key) -> str:
        return self.cell(key).kind

    def annotation_keys(self) -> set[Key]:
        return {key for key, cell in self.cells.items() if cell.kind in (ANNOTATION, EMPTY)}


@given(pixels_of)
def test_runs_come_back_as_they_were(pixels: bytes) -> None:
    runs = encode_runs(pixels)
    assert decode_runs(runs, len(pixels)) == pixels
    assert all(run > 0 for run in runs[1:]), "only the first run may be 0 long"


def test_runs_start_with_zeros() -> None:
    assert encode_runs(b"\xff\xff\0") == [0, 2, 1]
    assert encode_runs(b"\0\xff") == [1, 1]


@pytest.mark.parametrize("runs", [[3], [5, -1], [], [2, 3, 1]])
def test_runs_that_do_not_fill_the_box_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fill"):
        decode_runs(runs, 4)


class Painter:
    """Makes ops as the viewer does, and keeps the pictures beside them: the model to compare with."""

    def __init__(self, base: Plain) -> None:
        self.base = base
        self.now: dict[Key, Cell] = {}
        self.ops: list[dict[str, Any]] = []
        self.applied: list[tuple[dict[str, Any], dict[Key, Cell], dict[Key, Cell]]] = []
        self.undone: list[tuple[dict[str, Any], dict[Key, Cell], dict[Key, Cell]]] = []

    def cell(self, key: Key) -> Cell:
        return self.now.get(key, self.base.cell(key))

    def paint(self, frame: int, x: int, y: int, width: int, height: int, is_on: bool) -> None:
        key = (frame, LABEL_ID)
        before = self.cell(key)
        canvas = bytearray(before.pixels)
        for row in range(y, y + height):
            canvas[row * WIDTH + x : row * WIDTH + x + width] = bytes([255 if is_on else 0]) * width
        after = Cell(ANNOTATION, bytes(canvas))
        op = edit(
            {
                "frame_number": frame,
                "label_id": LABEL_ID,
                "kind_before": before.kind,
                "kind_after": ANNOTATION,
                "bbox": [x, y, width, height],
                "before": encode_runs(crop(before.pixels, x, y, width, height)),
                "after": encode_runs(crop(after.pixels, x, y, width, height)),
            }
        )
        self.ops.append(op)
        self.applied.append((op, {key: before}, {key: after}))
        self.undone.clear()
        self.now[key] = after

    def undo(self) -> None:
        if self.applied:
            entry = self.applied.pop()
            self.undone.append(entry)
            self.ops.append(step("undo", entry[0]))
            self.now.update(entry[1])

    def redo(self) -> None:
        if self.undone:
            entry = self.undone.pop()
            self.applied.append(entry)
            self.ops.append(step("redo", entry[0]))
            self.now.update(entry[2])


def crop(pixels: bytes, x: int, y: int, width: int, height: int) -> bytes:
    return b"".join(pixels[row * WIDTH + x : row * WIDTH + x + width] for row in range(y, y + height))


@st.composite
def strokes(draw: st.DrawFn) -> tuple[int, int, int, int, int, bool]:
    x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    width, height = draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y))
    return draw(st.integers(0, FRAMES - 1)), x, y, width, height, draw(st.booleans())


actions = st.lists(st.one_of(strokes(), st.sampled_from(["undo", "redo"])), max_size=25)
bases = st.dictionaries(
    st.tuples(st.integers(0, FRAMES - 1), st.just(LABEL_ID)),
    st.builds(Cell, st.sampled_from([TRACKED, ANNOTATION]), pixels_of),
).map(Plain)


def act(painter: Painter, done: list[Any]) -> None:
    for action in done:
        if action == "undo":
            painter.undo()
        elif action == "redo":
            painter.redo()
        else:
            painter.paint(*action)


@given(bases, actions)
def test_replay_gives_what_was_on_the_screen(base: Plain, done: list[Any]) -> None:
    painter = Painter(base)
    act(painter, done)
    replay = Replay(base, painter.ops)
    for frame in range(FRAMES):
        assert replay.cell((frame, LABEL_ID)) == painter.cell((frame, LABEL_ID))
        assert replay.kind((frame, LABEL_ID)) == painter.cell((frame, LABEL_ID)).kind


@given(bases, actions)
def test_undoing_everything_gives_the_base(base: Plain, done: list[Any]) -> None:
    painter = Painter(base)
    act(painter, done)
    while painter.applied:
        painter.undo()
    replay = Replay(base, painter.ops)
    assert all(replay.cell((frame, LABEL_ID)) == base.cell((frame, LABEL_ID)) for frame in range(FRAMES))
    assert undo_stack(painter.ops)[0] == []


@given(bases, actions, actions, actions, bases)
def test_a_new_base_never_changes_what_was_drawn_meanwhile(
    base: Plain, saved: list[Any], meanwhile: list[Any], later: list[Any], tracked: Plain
) -> None:
    """Save, draw on, the retracked masks arrive, draw on: what was touched since the save looks as it did."""
    painter = Painter(base)
    act(painter, saved)
    position = len(painter.ops)
    sent = Replay(base, painter.ops)
    # the server's answer: annotations unchanged to the pixel, everything else new
    new = Plain({key: cell for key, cell in tracked.cells.items() if cell.kind == TRACKED})
    new.cells |= {key: sent.cell(key) for key in sent.annotation_keys()}
    act(painter, meanwhile)
    before = Replay(base, painter.ops)
    keys = sorted(touched_keys(painter.ops, position))
    keep = [kept(key, before) for key in keys]
    painter.ops.append({"id": "r", "op": "rebase", "version_id": "v", "position": position, "keep": keep})
    after = Replay(new, painter.ops)
    assert all(after.cell(key) == before.cell(key) for key in keys)
    painter.base, painter.now = new, {key: before.cell(key) for key in keys}
    act(painter, [action for action in later if isinstance(action, tuple)])
    last = Replay(new, painter.ops)
    assert all(last.cell((f, LABEL_ID)) == painter.cell((f, LABEL_ID)) for f in range(FRAMES))


def test_undo_goes_back_past_a_rebase() -> None:
    base = Plain({(1, LABEL_ID): Cell(TRACKED, b"\xff" * 10 + bytes(WIDTH * HEIGHT - 10))})
    painter = Painter(base)
    painter.paint(1, 2, 2, 3, 2, True)
    rebase = {"id": "r", "op": "rebase", "version_id": "v", "position": 1, "keep": []}
    new = Plain({(1, LABEL_ID): painter.cell((1, LABEL_ID))})
    ops = [*painter.ops, rebase, step("undo", painter.ops[0])]
    assert Replay(new, ops).cell((1, LABEL_ID)) == base.cell((1, LABEL_ID))


def test_a_frame_that_is_drawn_on_is_not_sent_as_empty() -> None:
    base = Plain({})
    drawn = edit(change(0, (0, 0, 2, 2), kinds=("none", "annotation")))
    replay = Replay(base, [mark_empty(0), mark_empty(1), drawn])
    assert replay.annotation_keys() == {(0, LABEL_ID), (1, EMPTY_ID)}
