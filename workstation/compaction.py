"""Which ops of a long journal are still needed? Pure; called by `workstation.journal` when a series is opened.

A journal grows with every stroke, and what is saved stays in it so that it can be undone. Three things in it are dead
weight: edits that were undone and then overtaken by another edit, pairs of undo and redo, and everything that earlier
saves noted. They go first, which costs no step of undo. Only when what is left is still too long do the oldest saved
edits go, which can then no longer be undone; the annotations that they made are in the base.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from workstation.replay import Op, edits_by_id, last_rebase, undo_stack

LARGEST = 16 << 20
"""Bytes of a journal that stays as it is: about 8,000 strokes of a brush at 640×480."""


def compacted(ops: Sequence[Op], *, room: int) -> list[Op]:
    """Ops with the same undo stack and the same masks, for a journal in which everything is saved.

    room: bytes that the edits may take; the oldest that can be undone are left out beyond that.
    """
    applied, undone = undo_stack(ops)
    edits = edits_by_id(ops)
    redoable = [edits[entry] for entry in reversed(undone)]
    room -= sum(_size(op) for op in redoable)
    undoable: list[Op] = []
    for entry in reversed(applied):
        room -= _size(edits[entry])
        if room < 0:
            break
        undoable.append(edits[entry])
    undos = [{"id": str(uuid.uuid4()), "op": "undo", "entry": op["id"]} for op in reversed(redoable)]
    found = [*reversed(undoable), *redoable, *undos]
    rebase = last_rebase(ops)
    if rebase is None:  # never saved, and everything is undone
        return found
    return [*found, {**ops[rebase], "id": str(uuid.uuid4()), "position": len(found), "keep": []}]


def _size(op: Op) -> int:
    return len(json.dumps(op, separators=(",", ":")))
