"""Is an op from the viewer well formed and inside the picture? Called by the journal before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from workstation.errors import CoreError
from workstation.replay import ANNOTATION, EMPTY, NONE, TRACKED, Op

_LONGEST_ID = 64
_MOST_CHANGES = 20_000


@dataclass(frozen=True)
class Picture:
    """What edits must fit into: frames, pixels, and the label types that exist."""

    frame_count: int
    width: int
    height: int
    label_ids: Collection[str]
    empty_id: str


def check_op(op: Any, picture: Picture | None) -> None:
    """Raises CoreError OP_INVALID unless `op` is an edit, undo or redo as docs/contracts.md describes it.

    picture None: only whether it is well formed, of a clip that is not at hand.
    """
    if not isinstance(op, dict) or not _is_id(op.get("id")):
        raise _invalid("An edit has no usable id.")
    if op.get("op") == "edit":
        changes = op.get("changes")
        if not isinstance(changes, list) or not 0 < len(changes) <= _MOST_CHANGES or not _is_id(op.get("tool")):
            raise _invalid("An edit names no tool or no changes.")
        for change in changes:
            _check_change(change, picture)
    elif op.get("op") not in ("undo", "redo") or not _is_id(op.get("entry")):
        raise _invalid("This is not an edit, an undo or a redo.")


def check_stored(op: Any) -> Op:
    """A line of a journal, once it is sure that it can be replayed. Raises CoreError OP_INVALID.

    Whoever wrote it checked it against the picture; a disk or an editor of text may have changed it since.
    """
    if not isinstance(op, dict) or not _is_id(op.get("id")):
        raise _invalid("A line is no op.")
    if op.get("op") in ("accepted", "rebase"):
        is_sound = _is_count(op.get("position")) and isinstance(op.get("version_id"), str | None)
        if op["op"] == "rebase":
            keep = op.get("keep")
            is_sound &= is_plain_name(op.get("masks")) and isinstance(keep, list) and all(map(_is_kept, keep))
        if not is_sound:
            raise _invalid("A line of the core's own is not whole.")
    else:
        check_op(op, None)
    return op


def is_plain_name(value: Any) -> bool:
    """Whether a value can be the name of a directory of masks, and leads nowhere else."""
    return isinstance(value, str) and bool(value.strip(".")) and not set(value) & set("/\\:\0")


def _is_kept(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_count(value.get("frame_number"))
        and isinstance(value.get("label_id"), str)
        and value.get("kind") in (NONE, EMPTY, TRACKED, ANNOTATION)
        and _are_runs(value.get("mask"))
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _are_runs(value: Any) -> bool:
    return isinstance(value, list) and all(type(run) is int and run >= 0 for run in value)


def _invalid(message: str) -> CoreError:
    return CoreError("OP_INVALID", message)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _check_change(change: Any, picture: Picture | None) -> None:
    if not isinstance(change, dict):
        raise _invalid("A change is not a JSON object.")
    number, label_id = change.get("frame_number"), change.get("label_id")
    if type(number) is not int or number < 0 or (picture is not None and number >= picture.frame_count):
        raise _invalid("A change lies outside the clip's frames.")
    if not isinstance(label_id, str) or (picture is not None and label_id not in picture.label_ids):
        raise _invalid("A change has an unknown label.")
    kinds: tuple[str, ...] = (NONE, EMPTY, TRACKED, ANNOTATION)
    if picture is not None:
        kinds = (NONE, EMPTY) if label_id == picture.empty_id else (NONE, TRACKED, ANNOTATION)
    if change.get("kind_before") not in kinds or change.get("kind_after") not in kinds:
        raise _invalid("A change has an unknown kind.")
    pixels = change.get("bbox"), change.get("before"), change.get("after")
    if pixels != (None, None, None):
        if picture is not None and label_id == picture.empty_id:
            raise _invalid("A frame marked empty has no pixels to change.")
        _check_pixels(*pixels, picture)


def _check_pixels(bbox: Any, before: Any, after: Any, picture: Picture | None) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_count(value) for value in bbox):
        raise _invalid("A change has no usable box.")
    x, y, width, height = bbox
    if width < 1 or height < 1:
        raise _invalid("A change has an empty box.")
    if picture is not None and (x + width > picture.width or y + height > picture.height):
        raise _invalid("A change lies outside the picture.")
    for runs in (before, after):
        if not _are_runs(runs):
            raise _invalid("A change has no usable runs.")
        if sum(runs) != width * height:
            raise _invalid("The runs of a change do not fill its box.")
