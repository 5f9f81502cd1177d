"""What do the masks look like after these ops? Pure functions over the journal's ops, used by saving and merging.

The rules are those of docs/contracts.md, the same as in the viewer. No NumPy: a mask is H*W bytes of 0 or 255,
row-major. One (frame, label) is replayed at a time, so memory stays at one mask however much was edited.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Key = tuple[int, str]
"""(0-based frame number, label id)."""
Op = dict[str, Any]

NONE, TRACKED, ANNOTATION, EMPTY = "none", "tracked", "annotation", "empty"
_ON = 255
_RUNS = re.compile(rb"\x00+|[^\x00]+")


@dataclass(frozen=True)
class Cell:
    """One (frame, label): kind is none, tracked, annotation or empty; pixels H*W bytes of 0 or 255."""

    kind: str
    pixels: bytes


class Base(Protocol):
    """A version's masks as they came from the server (workstation.masks.MaskSet)."""

    width: int
    height: int

    def cell(self, key: Key) -> Cell:
        """How one (frame, label) looks in this version."""

    def kind(self, key: Key) -> str:
        """Its kind alone, without decoding a mask."""

    def annotation_keys(self) -> set[Key]:
        """Every (frame, label) that a person verified in this version."""


def decode_runs(runs: Sequence[int], length: int) -> bytes:
    """`length` bytes of 0 or 255 from run lengths that start with zeros. Raises ValueError when they do not add up."""
    if sum(runs) != length or any(run < 0 for run in runs):
        raise ValueError("the runs do not fill the box")
    return b"".join(bytes((_ON if index % 2 else 0,)) * run for index, run in enumerate(runs))


def encode_runs(pixels: bytes) -> list[int]:
    """Run lengths of bytes that are 0 or not, starting with a run of zeros (maybe 0 long)."""
    lengths = [len(match[0]) for match in _RUNS.finditer(pixels)]
    return [0, *lengths] if pixels[:1] not in (b"", b"\0") else lengths


def paste(pixels: bytearray, width: int, bbox: Sequence[int], patch: bytes) -> None:
    """Sets the pixels inside bbox (x, y, width, height) of a mask that is `width` wide to those of `patch`."""
    x, y, box_width, box_height = bbox
    for row in range(box_height):
        start = (y + row) * width + x
        pixels[start : start + box_width] = patch[row * box_width : (row + 1) * box_width]


def step(op: Op, applied: list[str], undone: list[str]) -> bool:
    """Moves an undo stack (see undo_stack) past one op; False, with nothing moved, when the op does not follow."""
    if op["op"] == "edit":
        applied.append(op["id"])
        undone.clear()
    elif op["op"] in ("undo", "redo"):
        source, target = (applied, undone) if op["op"] == "undo" else (undone, applied)
        if not source or source[-1] != op["entry"]:
            return False
        target.append(source.pop())
    return True


def undo_stack(ops: Iterable[Op]) -> tuple[list[str], list[str]]:
    """Ids of the edits that are applied (oldest first), and of those undone (the last one is the next redo)."""
    applied: list[str] = []
    undone: list[str] = []
    for op in ops:
        step(op, applied, undone)
    return applied, undone


def last_rebase(ops: Sequence[Op]) -> int | None:
    """Index of the last rebase op, or None."""
    return next((index for index in range(len(ops) - 1, -1, -1) if ops[index]["op"] == "rebase"), None)


def edits_by_id(ops: Iterable[Op]) -> dict[str, Op]:
    """{id: op} of all edits."""
    return {op["id"]: op for op in ops if op["op"] == "edit"}


def steps_of(op: Op, edits: Mapping[str, Op]) -> list[tuple[Key, str, Sequence[int] | None, Sequence[int] | None]]:
    """What one op does: (key, kind, bbox, runs) for each change, in the order in which they apply."""
    if op["op"] == "undo":
        changes = reversed(edits[op["entry"]]["changes"])
        return [((c["frame_number"], c["label_id"]), c["kind_before"], c["bbox"], c["before"]) for c in changes]
    if op["op"] in ("edit", "redo"):
        changes = (op if op["op"] == "edit" else edits[op["entry"]])["changes"]
        return [((c["frame_number"], c["label_id"]), c["kind_after"], c["bbox"], c["after"]) for c in changes]
    return []


def touched_keys(ops: Sequence[Op], start: int) -> set[Key]:
    """Every (frame, label) that the ops with index >= start change."""
    edits = edits_by_id(ops)
    return {step[0] for op in ops[start:] for step in steps_of(op, edits)}


class Replay:
    """The masks after `ops` over `base`, one (frame, label) at a time.

    `base` must be the version that the last rebase among `ops` names (or the journal's first base).
    """

    def __init__(self, base: Base, ops: Sequence[Op]) -> None:
        self._base = base
        self._keep: dict[Key, Op] = {}
        self._steps: dict[Key, list[tuple[str, Sequence[int] | None, Sequence[int] | None]]] = {}
        rebase = last_rebase(ops)
        if rebase is not None:
            self._keep = {(k["frame_number"], k["label_id"]): k for k in ops[rebase]["keep"]}
        edits = edits_by_id(ops)
        for op in ops[0 if rebase is None else rebase + 1 :]:
            for key, kind, bbox, runs in steps_of(op, edits):
                self._steps.setdefault(key, []).append((kind, bbox, runs))

    def touched(self) -> set[Key]:
        """Every (frame, label) that may differ from the base."""
        return set(self._keep) | set(self._steps)

    def kind(self, key: Key) -> str:
        """Kind of one (frame, label), without touching a pixel of those that were edited."""
        steps = self._steps.get(key)
        if steps:
            return steps[-1][0]
        return str(self._keep[key]["kind"]) if key in self._keep else self._base.kind(key)

    def cell(self, key: Key) -> Cell:
        """One (frame, label) as it looks after the ops."""
        size = self._base.width * self._base.height
        kept = self._keep.get(key)
        start = self._base.cell(key) if kept is None else Cell(kept["kind"], decode_runs(kept["mask"], size))
        kind, pixels = start.kind, bytearray(start.pixels)
        for kind, bbox, runs in self._steps.get(key, ()):  # noqa: B007 - the last kind is the result
            if bbox is not None and runs is not None:
                paste(pixels, self._base.width, bbox, decode_runs(runs, bbox[2] * bbox[3]))
        return Cell(kind, bytes(pixels))

    def annotation_keys(self) -> set[Key]:
        """Every (frame, label) that is an annotation or verified empty after the ops.

        A frame that is both gets no `empty`: what somebody drew weighs more than the mark that nothing is there.
        """
        touched = self.touched()
        keys = self._base.annotation_keys() - touched
        keys |= {key for key in touched if self.kind(key) in (ANNOTATION, EMPTY)}
        drawn = {key[0] for key in keys if not self._is_empty(key, touched)}
        return {key for key in keys if key[0] not in drawn or not self._is_empty(key, touched)}

    def _is_empty(self, key: Key, touched: set[Key]) -> bool:
        return (self.kind(key) if key in touched else self._base.kind(key)) == EMPTY


def kept(key: Key, replay: Replay) -> dict[str, Any]:
    """One entry of a rebase's `keep`."""
    cell = replay.cell(key)
    return {"frame_number": key[0], "label_id": key[1], "kind": cell.kind, "mask": encode_runs(cell.pixels)}


def change(key: Key, before: Cell, after: Cell, width: int, height: int) -> dict[str, Any]:
    """One change of an edit, over the whole frame of width × height pixels."""
    box = None if before.pixels == after.pixels else [0, 0, width, height]
    return {
        "frame_number": key[0],
        "label_id": key[1],
        "kind_before": before.kind,
        "kind_after": after.kind,
        "bbox": box,
        "before": box and encode_runs(before.pixels),
        "after": box and encode_runs(after.pixels),
    }


def new_edit(tool: str, changes: list[dict[str, Any]]) -> Op:
    """An edit that the core itself makes; it can be undone like any other."""
    return {"id": str(uuid.uuid4()), "op": "edit", "tool": tool, "changes": changes}
