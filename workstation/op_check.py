"""Is an op from the viewer well formed and inside the picture? Called by the journal before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from workstation.errors import CoreError
from workstation.replay import ANNOTATION, EMPTY, NONE, TRACKED

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


def check_op(op: Any, picture: Picture) -> None:
    """Raises CoreError OP_INVALID unless `op` is an edit, undo or redo as docs/contracts.md describes it."""
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


def _invalid(message: str) -> CoreError:
    return CoreError("OP_INVALID", message)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _check_change(change: Any, picture: Picture) -> None:
    if not isinstance(change, dict):
        raise _invalid("A change is not a JSON object.")
    number, label_id = change.get("frame_number"), change.get("label_id")
    if type(number) is not int or not 0 <= number < picture.frame_count:
        raise _invalid("A change lies outside the clip's frames.")
    if not isinstance(label_id, str) or label_id not in picture.label_ids:
        raise _invalid("A change has an unknown label.")
    kinds = (NONE, EMPTY) if label_id == picture.empty_id else (NONE, TRACKED, ANNOTATION)
    if change.get("kind_before") not in kinds or change.get("kind_after") not in kinds:
        raise _invalid("A change has an unknown kind.")
    pixels = change.get("bbox"), change.get("before"), change.get("after")
    if pixels != (None, None, None):
        if label_id == picture.empty_id:
            raise _invalid("A frame marked empty has no pixels to change.")
        _check_pixels(*pixels, picture)


def _check_pixels(bbox: Any, before: Any, after: Any, picture: Picture) -> None:
    if not isinstance(bbox, list) or len(bbox) != 4 or any(type(value) is not int for value in bbox):
        raise _invalid("A change has no usable box.")
    x, y, width, height = bbox
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > picture.width or y + height > picture.height:
        raise _invalid("A change lies outside the picture.")
    for runs in (before, after):
        if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs):
            raise _invalid("A change has no usable runs.")
        if sum(runs) != width * height:
            raise _invalid("The runs of a change do not fill its box.")
