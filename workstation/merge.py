"""Whose edits win when two people saved the same series? Pure three-way merge, per frame and label type.

Called by `workstation.conflicts` through the conflict hook. Values are opaque and compared by equality only (a digest
of the pixels), so nothing here decodes a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workstation.replay import EMPTY, Key

Annotations = Mapping[Key, str]
"""{(frame, label): value}; the value of the empty label is `empty`, others are digests; absent = no annotation."""
MINE, THEIRS, BOTH = "mine", "theirs", "both"


@dataclass(frozen=True)
class Conflict:
    """A (frame, label) that both changed differently. None: no annotation on that side; EMPTY: verified empty."""

    key: Key
    mine: str | None
    theirs: str | None


@dataclass(frozen=True)
class Merge:
    """takes: which side each (frame, label) that differs between the two comes from; conflicts: what a person decides.

    mine_frames, theirs_frames: frames that one side alone changed, for the note.
    """

    takes: Mapping[Key, str]
    conflicts: tuple[Conflict, ...]
    mine_frames: tuple[int, ...]
    theirs_frames: tuple[int, ...]


def merge_annotations(ancestor: Annotations, mine: Annotations, theirs: Annotations, empty_id: str) -> Merge:
    """Joins two sets of annotations that grew from `ancestor`. Deleting an annotation is a change like any other."""
    takes: dict[Key, str] = {}
    conflicts: list[Conflict] = []
    changed: dict[str, list[int]] = {MINE: [], THEIRS: []}
    sides = [_by_frame(side) for side in (ancestor, mine, theirs)]
    for frame in sorted({frame for side in sides for frame in side}):
        old, ours, other = (side.get(frame, {}) for side in sides)
        frame_takes, frame_conflicts = _merge_frame(frame, old, ours, other, empty_id)
        takes.update(frame_takes)
        conflicts.extend(frame_conflicts)
        for side in (MINE, THEIRS):
            if side in frame_takes.values() and not frame_conflicts:
                changed[side].append(frame)
    return Merge(takes, tuple(conflicts), tuple(changed[MINE]), tuple(changed[THEIRS]))


def _by_frame(side: Annotations) -> dict[int, dict[str, str]]:
    frames: dict[int, dict[str, str]] = {}
    for (frame, label), value in side.items():
        frames.setdefault(frame, {})[label] = value
    return frames


def _merge_frame(
    frame: int, old: dict[str, str], ours: dict[str, str], other: dict[str, str], empty_id: str
) -> tuple[dict[Key, str], list[Conflict]]:
    labels = sorted({*old, *ours, *other})
    takes: dict[Key, str] = {}
    conflicts = []
    for label in labels:
        before, mine, theirs = old.get(label), ours.get(label), other.get(label)
        if mine == theirs:
            continue
        if theirs == before:
            takes[(frame, label)] = MINE
        elif mine == before:
            takes[(frame, label)] = THEIRS
        else:
            conflicts.append(Conflict((frame, label), mine, theirs))
    joined = {label for label in labels if (other if takes.get((frame, label)) == THEIRS else ours).get(label)}
    is_contradiction = empty_id in joined and len(joined) > 1  # one side marked the frame empty, the other painted
    if is_contradiction or (conflicts and ours.get(empty_id) != other.get(empty_id)):
        return {}, _whole_frame(frame, labels, ours, other, empty_id)
    return takes, conflicts


def _whole_frame(
    frame: int, labels: list[str], ours: dict[str, str], other: dict[str, str], empty_id: str
) -> list[Conflict]:
    """One conflict for each mask label of the frame, with EMPTY as the value of the side that marked it empty."""
    mine = {label: EMPTY if empty_id in ours else ours.get(label) for label in labels}
    theirs = {label: EMPTY if empty_id in other else other.get(label) for label in labels}
    return [
        Conflict((frame, label), mine[label], theirs[label])
        for label in labels
        if label != empty_id and mine[label] != theirs[label]
    ]
