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
    assert b"\0" in path.with_suffix(".damaged").read_bytes()


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


def test_a_new_base_starts_an_empty_journal(journal: Journal, path: Path) -> None:
    journal.append_edits([stroke()], PICTURE)
    journal.start("v-2")
    assert (Journal(path).ops(), Journal(path).base) == ([], "v-2")
    assert json.loads(path.read_text("utf-8")) == {"base": {"masks": "v-2"}}
