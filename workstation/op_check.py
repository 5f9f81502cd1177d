"""Is an op from the viewer well formed and inside the picture? Called by the journal before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from workstation.errors import CoreError
from workstation.replay import ANNOTATION, EMPTY, NONE, TRACKED, Op

_LONGEST_ID = 64
_MOST_CHANGES = 20_000
_KINDS = (NONE, EMPTY, TRACKED, ANNOTATION)


@dataclass(frozen=True)
class Picture:
    """What edits must fit into: frames, pixels, and the label types that exist."""

    frame_count: int
    width: int
    height: int
    label_ids: Collection[str]
    empty_id: str


def check_op(op: Any, picture: Picture) -> None:
    """Raises CoreError OP_INVALID unless `op` is an edit, undo or redo as docs/contracts.md describes it, and fits."""
    _check_form(op)
    if op["op"] == "edit":
        for change in op["changes"]:
            _check_fit(change, picture)


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
        _check_form(op)
    return op


def is_plain_name(value: Any) -> bool:
    """Whether a value can be the name of a directory of masks, and leads nowhere else."""
    return isinstance(value, str) and bool(value.strip(".")) and not set(value) & set("/\\:\0")


def _is_kept(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and _is_count(value.get("frame_number"))
        and isinstance(value.get("label_id"), str)
        and value.get("kind") in _KINDS
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


def _check_form(op: Any) -> None:
    """Whether an edit, undo or redo can be replayed at all, whatever the clip is."""
    if not isinstance(op, dict) or not _is_id(op.get("id")):
        raise _invalid("An edit has no usable id.")
    if op.get("op") == "edit":
        changes = op.get("changes")
        if not isinstance(changes, list) or not 0 < len(changes) <= _MOST_CHANGES or not _is_id(op.get("tool")):
            raise _invalid("An edit names no tool or no changes.")
        for change in changes:
            _check_change(change)
    elif op.get("op") not in ("undo", "redo") or not _is_id(op.get("entry")):
        raise _invalid("This is not an edit, an undo or a redo.")


def _check_change(change: Any) -> None:
    if not isinstance(change, dict):
        raise _invalid("A change is not a JSON object.")
    if not _is_count(change.get("frame_number")) or not isinstance(change.get("label_id"), str):
        raise _invalid("A change names no frame or no label.")
    if change.get("kind_before") not in _KINDS or change.get("kind_after") not in _KINDS:
        raise _invalid("A change has an unknown kind.")
    pixels = _pixels(change)
    if pixels != (None, None, None):
        _check_pixels(*pixels)


def _check_pixels(bbox: Any, before: Any, after: Any) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_count(value) for value in bbox):
        raise _invalid("A change has no usable box.")
    width, height = bbox[2:]
    if width < 1 or height < 1:
        raise _invalid("A change has an empty box.")
    for runs in (before, after):
        if not _are_runs(runs):
            raise _invalid("A change has no usable runs.")
        if sum(runs) != width * height:
            raise _invalid("The runs of a change do not fill its box.")


def _check_fit(change: dict[str, Any], picture: Picture) -> None:
    """Whether a well-formed change lies in the clip and is of one of its label types."""
    if change["frame_number"] >= picture.frame_count:
        raise _invalid("A change lies outside the clip's frames.")
    label_id = change["label_id"]
    if label_id not in picture.label_ids:
        raise _invalid("A change has an unknown label.")
    kinds = {NONE, EMPTY} if label_id == picture.empty_id else {NONE, TRACKED, ANNOTATION}
    if not {change["kind_before"], change["kind_after"]} <= kinds:
        raise _invalid("A change has a kind that its label cannot have.")
    if _pixels(change) == (None, None, None):
        return
    if label_id == picture.empty_id:
        raise _invalid("A frame marked empty has no pixels to change.")
    x, y, width, height = change["bbox"]
    if x + width > picture.width or y + height > picture.height:
        raise _invalid("A change lies outside the picture.")


def _pixels(change: dict[str, Any]) -> tuple[Any, Any, Any]:
    return change.get("bbox"), change.get("before"), change.get("after")
