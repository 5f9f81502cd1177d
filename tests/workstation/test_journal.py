"""The journal on a real disk: what a crash leaves behind, what is refused, and when a series counts as unsaved."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.workstation import change, edit, mark_empty, step
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from workstation.errors import CoreError
from workstation.journal import Journal
from workstation.op_check import Picture
from workstation.replay import Cell, Key, Replay, undo_stack

PICTURE = Picture(8, 96, 64, {LABEL_ID, EMPTY_ID}, EMPTY_ID)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> Journal:
    journal = Journal(path)
    journal.start("initial-1")
    return journal


def stroke(frame: int = 3) -> dict[str, Any]:
    return edit(change(frame, (10, 10, 4, 4)))


def accepted(version: str, position: int) -> dict[str, Any]:
    return {"id": f"a-{version}", "op": "accepted", "version_id": version, "position": position}


def rebase(version: str, position: int, *, is_unsaved: bool = False) -> dict[str, Any]:
    op = {"id": f"r-{version}", "op": "rebase", "version_id": version, "position": position, "keep": []}
    return {**op, "masks": f"v-{version}", "is_unsaved": is_unsaved}


def test_ops_are_there_after_a_new_start(journal: Journal, path: Path) -> None:
    first, second = stroke(), mark_empty(4)
    assert journal.append_edits([first], PICTURE) == 1
    assert journal.append_edits([second, step("undo", second)], PICTURE) == 3
    again = Journal(path)
    assert again.ops() == journal.ops()
    assert again.base == "initial-1"
    assert not again.was_damaged


def test_only_its_owner_may_read_it(journal: Journal, path: Path) -> None:
    journal.append_edits([stroke()], PICTURE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("cut", [1, 2, 30, 100])
def test_a_line_that_a_crash_cut_short_is_dropped(journal: Journal, path: Path, cut: int) -> None:
    journal.append_edits([stroke(1), stroke(2)], PICTURE)
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(path)
    assert [op["changes"][0]["frame_number"] for op in again.ops()] == [1]
    assert not again.was_damaged
    again.append_edits([stroke(5)], PICTURE)
    assert [op["changes"][0]["frame_number"] for op in Journal(path).ops()] == [1, 5]


def test_a_damaged_line_is_set_aside_and_said(journal: Journal, path: Path) -> None:
    journal.append_edits([stroke(1), stroke(2), stroke(3)], PICTURE)
    lines = path.read_bytes().split(b"\n")
    lines[2] = b"\0" * len(lines[2])
    path.write_bytes(b"\n".join(lines))
    again = Journal(path)
    assert again.was_damaged
    assert len(again.ops()) == 1
    assert b"\0" in path.with_suffix(".damaged-1").read_bytes()


def test_the_same_op_twice_counts_once(journal: Journal) -> None:
    op = stroke()
    journal.append_edits([op], PICTURE)
    assert journal.append_edits([op, stroke()], PICTURE) == 2


def test_everything_of_a_bad_bundle_is_refused(journal: Journal, path: Path) -> None:
    good = stroke()
    with pytest.raises(CoreError, match="outside"):
        journal.append_edits([good, stroke(8)], PICTURE)
    assert journal.ops() == []
    assert Journal(path).ops() == []
    assert journal.append_edits([good], PICTURE) == 1, "the good one is not taken for known"


def test_a_full_disk_loses_nothing_that_was_there(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append_edits([stroke(1)], PICTURE)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.append_edits([stroke(2)], PICTURE)
    assert len(journal.ops()) == 1
    journal.append_edits([stroke(3)], PICTURE)
    assert [op["changes"][0]["frame_number"] for op in Journal(path).ops()] == [1, 3]


@pytest.mark.parametrize(
    "line",
    [
        b"5",
        b"{}",
        b'{"id": "x"}',
        b'{"id": "x", "op": "paint"}',
        b'{"id": "x", "op": "undo", "entry": "nobody"}',
        b'{"id": "x", "op": "edit", "tool": "brush", "changes": [{}]}',
        b'{"id": "x", "op": "accepted", "version_id": 5, "position": 1}',
        b'{"id": "x", "op": "accepted", "version_id": "v", "position": -1}',
        b'{"id": "x", "op": "rebase", "version_id": "v", "position": 1, "masks": "../elsewhere", "keep": []}',
        b'{"id": "x", "op": "rebase", "version_id": "v", "position": 1, "masks": "m", "keep": [{"kind": 1}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_lines_that_mean_nothing_are_damage(journal: Journal, path: Path, line: bytes) -> None:
    """Each is JSON at best; taken for an op it would break every later use of the series."""
    journal.append_edits([stroke(1)], PICTURE)
    path.write_bytes(path.read_bytes() + line + b"\n")
    again = Journal(path)
    assert again.was_damaged
    assert [op["changes"][0]["frame_number"] for op in again.ops()] == [1]
    again.append_edits([stroke(2)], PICTURE)
    assert len(Journal(path).ops()) == 2


@pytest.mark.parametrize("header", [b"5", b'{"base": 5}', b'{"base": {}}', b'{"base": {"masks": "../x"}}', b"\0\0"])
def test_a_header_that_means_nothing_is_set_aside_with_everything(journal: Journal, path: Path, header: bytes) -> None:
    journal.append_edits([stroke(1)], PICTURE)
    raw = header + b"\n" + path.read_bytes().partition(b"\n")[2]
    path.write_bytes(raw)
    again = Journal(path)
    assert (again.is_started, again.was_damaged, again.ops()) == (False, True, [])
    assert path.with_suffix(".damaged-1").read_bytes() == raw


def test_an_op_that_cannot_be_written_is_not_taken_for_known(journal: Journal, path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        journal.append_edits([{**stroke(1), "speed": float("nan")}], PICTURE)
    assert (journal.ops(), Journal(path).ops()) == ([], [])


def test_undo_names_the_newest_edit(journal: Journal) -> None:
    first, second = stroke(1), stroke(2)
    journal.append_edits([first, second], PICTURE)
    with pytest.raises(CoreError) as refused:
        journal.append_edits([step("undo", first)], PICTURE)
    assert (refused.value.code, refused.value.status) == ("OP_OUT_OF_ORDER", 422)
    journal.append_edits([step("undo", second), step("undo", first), step("redo", first)], PICTURE)
    with pytest.raises(CoreError):
        journal.append_edits([stroke(3), step("redo", second)], PICTURE)  # a new edit drops the undone ones


BAD: dict[str, Any] = {
    "no object": 5,
    "no id": {"op": "edit"},
    "a long id": {**edit(change(1, None)), "id": "x" * 65},
    "the core's own": {"id": "1", "op": "rebase", "version_id": None, "position": 0, "keep": []},
    "no changes": edit(),
    "a frame too far": edit(change(8, None)),
    "a negative frame": edit(change(-1, None)),
    "no number": edit({**change(1, None), "frame_number": True}),
    "another label": edit(change(1, None, label_id="L_other")),
    "an unknown kind": edit(change(1, None, kinds=("tracked", "guess"))),
    "a kind that is no text": edit({**change(1, None), "kind_after": ["annotation"]}),
    "a kind of the other label": edit(change(1, None, label_id=EMPTY_ID, kinds=("none", "annotation"))),
    "pixels of an empty mark": edit(change(1, (0, 0, 1, 1), label_id=EMPTY_ID, kinds=("none", "empty"))),
    "a box outside": edit(change(1, (90, 0, 10, 1))),
    "a box above": edit(change(1, (0, -1, 10, 2))),
    "an empty box": edit(change(1, (0, 0, 0, 5))),
    "runs that are too short": edit({**change(1, (0, 0, 4, 4)), "after": [3]}),
    "negative runs": edit({**change(1, (0, 0, 4, 4)), "after": [20, -4]}),
    "half a patch": edit({**change(1, (0, 0, 4, 4)), "before": None}),
    "fractions": edit({**change(1, (0, 0, 4, 4)), "after": [15.5, 0.5]}),
}


@pytest.mark.parametrize("name", BAD)
def test_malformed_ops_are_refused(journal: Journal, name: str) -> None:
    with pytest.raises(CoreError) as refused:
        journal.append_edits([BAD[name]], PICTURE)
    assert refused.value.code == "OP_INVALID"
    assert journal.ops() == []


def test_what_is_unsaved(journal: Journal) -> None:
    assert not journal.is_dirty
    first = stroke(1)
    journal.append_edits([first], PICTURE)
    assert journal.is_dirty
    journal.append_edits([step("undo", first)], PICTURE)
    assert not journal.is_dirty, "everything is undone"
    journal.append_edits([step("redo", first)], PICTURE)
    journal.append_own(accepted("v1", 3))
    assert not journal.is_dirty, "the save is accepted, its masks are still to come"
    journal.append_edits([stroke(2)], PICTURE)
    assert journal.is_dirty
    journal.append_own(rebase("v1", 3))
    assert journal.is_dirty, "the second stroke is not in v1"
    assert (journal.base, journal.position) == ("v-v1", 3)
    journal.append_own(accepted("v2", 6))
    assert not journal.is_dirty


def test_what_a_merge_kept_is_unsaved_until_it_is_accepted(journal: Journal) -> None:
    journal.append_edits([stroke(1)], PICTURE)
    journal.append_own(rebase("theirs", 1, is_unsaved=True))
    assert journal.is_dirty
    journal.append_own(accepted("v3", 2))
    assert not journal.is_dirty


def long_journal(journal: Journal) -> list[dict[str, Any]]:
    """Saved work of which only some can be undone: dead ends, undo and redo, two saves. Returns the edits applied."""
    strokes = [stroke(number % 8) for number in range(12)]
    for op in strokes[:6]:
        dead = stroke(7)
        journal.append_edits([dead, step("undo", dead), op, step("undo", op), step("redo", op)], PICTURE)
    journal.append_own(accepted("v1", len(journal.ops())))
    journal.append_own(rebase("v1", len(journal.ops()) - 1))
    journal.append_edits(strokes[6:], PICTURE)
    position = len(journal.ops())
    journal.append_edits([last := stroke(1), other := stroke(2)], PICTURE)
    journal.append_own(accepted("v2", position))
    journal.append_own({**rebase("v2", position), "keep": [KEPT]})
    journal.append_edits([step("undo", other), step("undo", last)], PICTURE)
    return strokes


KEPT = {"frame_number": 1, "label_id": LABEL_ID, "kind": "annotation", "mask": [0, 96 * 64]}


def test_a_long_journal_is_made_short_and_every_step_can_still_be_undone_and_redone(
    journal: Journal, path: Path
) -> None:
    strokes = long_journal(journal)
    stack, size, count = undo_stack(journal.ops()), path.stat().st_size, len(journal.ops())
    journal.compact(largest=size)
    assert len(journal.ops()) == count, "it is not too long yet"
    again = Journal(path)
    again.compact(largest=size - 1)
    for one in (again, Journal(path)):
        assert undo_stack(one.ops()) == stack
        assert (one.base, one.is_dirty, one.was_damaged) == ("v-v2", False, False)
        assert Replay(NoMasks(), one.ops()).touched() == set(), "everything is in the base"
    assert path.stat().st_size < size * 2 / 3
    one.append_edits([step("redo", {"id": entry}) for entry in reversed(stack[1])], PICTURE)
    one.append_edits([step("undo", {"id": entry}) for entry in [*reversed(stack[1][:1]), *stack[1][1:]]], PICTURE)
    one.append_edits([step("undo", op) for op in reversed(strokes)], PICTURE)
    assert one.is_dirty


def test_a_journal_that_is_still_too_long_forgets_its_oldest_saved_edits(journal: Journal, path: Path) -> None:
    strokes = long_journal(journal)
    redoable = undo_stack(journal.ops())[1]
    journal.compact(largest=3000)
    applied, undone = undo_stack(Journal(path).ops())
    assert path.stat().st_size < 3000
    assert undone == redoable, "what was undone last is the nearest"
    assert 0 < len(applied) < len(strokes)
    assert applied == [op["id"] for op in strokes[-len(applied) :]]


def test_nothing_unsaved_is_ever_made_shorter(journal: Journal, path: Path) -> None:
    long_journal(journal)
    journal.append_edits([stroke(5)], PICTURE)
    before = path.read_bytes()
    journal.compact(largest=10)
    journal.append_own(accepted("v3", len(journal.ops())))
    assert not journal.is_dirty
    journal.compact(largest=10)
    assert path.read_bytes().startswith(before), "its masks have not come yet"


def test_a_journal_that_was_never_saved_can_be_made_short_too(journal: Journal, path: Path) -> None:
    for op in (first := stroke(1), second := stroke(2)):
        journal.append_edits([op], PICTURE)
    journal.append_edits([step("undo", second), step("undo", first)], PICTURE)
    journal.compact(largest=10)
    assert undo_stack(Journal(path).ops()) == ([], [second["id"], first["id"]])
    assert (Journal(path).base, Journal(path).is_dirty) == ("initial-1", False)


class NoMasks:
    """A base without any mask."""

    width, height = 96, 64

    def cell(self, key: Key) -> Cell:
        return Cell("none", bytes(96 * 64))

    def kind(self, key: Key) -> str:
        return "none"

    def annotation_keys(self) -> set[Key]:
        return set()


def test_a_new_base_starts_an_empty_journal(journal: Journal, path: Path) -> None:
    journal.append_edits([stroke()], PICTURE)
    journal.start("v-2")
    assert (Journal(path).ops(), Journal(path).base) == ([], "v-2")
    assert json.loads(path.read_text("utf-8")) == {"base": {"masks": "v-2"}}
