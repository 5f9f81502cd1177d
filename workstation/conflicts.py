"""What happens to my edits when somebody else saved first? Joins both sides in the journal, or lists what to decide.

The merge itself is `workstation.merge`, through the conflict hooks. Joining writes two ops: a `rebase` onto their
version that keeps everything of mine, conflicts included, and an edit that carries out the person's choices. So nothing
a person drew is gone without a choice, and the choice can be undone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tracking.contracts.masks import encode_mask
from workstation.errors import CoreError
from workstation.journal import Journal
from workstation.masks import MaskSet
from workstation.merge import BOTH, MINE, THEIRS, Conflict, Merge
from workstation.replay import ANNOTATION, EMPTY, NONE, Cell, Key, Op, Replay, change, kept, new_edit
from workstation.series import SeriesModel

if TYPE_CHECKING:
    from workstation.core import Core


class Conflicts:
    """Mine (the journal as it is now) against `theirs`, the current version of the server.

    history: the server's versions of the series, as in docs/contracts.md.
    """

    def __init__(self, core: Core, model: SeriesModel, theirs: MaskSet, history: list[dict[str, Any]]) -> None:
        self._core = core
        self._model = model
        self._theirs = theirs
        self._empty_id = core.settings.empty_id
        self._history = history
        self._merge = self._compute(self._journal().ops())

    def _journal(self) -> Journal:
        if self._model.journal is None or self._model.masks is None:
            raise CoreError("NOT_OPEN", "This series is not open.", 409)
        return self._model.journal

    def _replay(self, ops: list[Op]) -> Replay:
        assert self._model.masks is not None  # _journal() was called before
        return Replay(self._model.masks, ops)

    def _compute(self, ops: list[Op]) -> Merge:
        merge: Merge = self._core.plugins.first(
            "merge_conflicts",
            ancestor=self._ancestor(),
            mine=values(self._replay(ops)),
            theirs=values(self._theirs),
            empty_id=self._empty_id,
        )
        return merge

    def _ancestor(self) -> dict[Key, str]:
        """What both sides grew from: my last version that the server knows.

        It knows none when its state is that of an older backup. Then nothing counts as common, so that nothing of mine
        is taken for something that they have deleted.
        """
        journal, masks = self._journal(), self._model.masks
        assert masks is not None  # as in _replay
        known = {None, *(version.get("version_id") for version in self._history)}
        accepted = journal.accepted()
        if accepted and accepted["version_id"] in known:
            return values(self._replay(journal.ops()[: journal.saved_position]))
        return values(masks) if masks.version_id in known else {}

    def decided(self) -> list[dict[str, Any]] | None:
        """The choices for join() when nobody has to be asked: no conflicts, or a plugin decides. Else None."""
        if not self._merge.conflicts:
            return []
        takes = self._core.plugins.ask(
            "decide_conflicts", core=self._core, key=self._model.key, conflicts=self._merge.conflicts
        )
        if takes is None:
            return None
        return [{"frame_number": key[0], "label_id": key[1], "take": take} for key, take in takes.items()]

    def join(self, choices: list[Any]) -> None:
        """Writes the joined state to the journal and makes theirs the base.

        choices: [{"frame_number", "label_id", "take": "mine" | "theirs" | "both"}] for every conflict there is by now.
        Raises CoreError CHOICES_INCOMPLETE (nothing is written then).
        """
        merge = self._join(choices)
        self._core.session.publish(self._model)
        self._tell(merge)

    def keep_mine(self) -> None:
        """Makes theirs the base and whatever of mine is not in it an unsaved edit, without asking or telling."""
        ids = [conflict.key for conflict in self._merge.conflicts]
        self._join([{"frame_number": number, "label_id": label_id, "take": MINE} for number, label_id in ids])

    def _join(self, choices: list[Any]) -> Merge:
        takes = _read_choices(choices)
        journal = self._journal()
        with self._model.lock, journal.lock:
            ops = journal.ops()
            self._merge = merge = self._compute(ops)
            if any(conflict.key not in takes for conflict in merge.conflicts):
                raise CoreError("CHOICES_INCOMPLETE", "Some frames are not decided yet.", 422)
            mine = self._replay(ops)
            keep = [kept(key, mine) for key in sorted(self._kept_keys(merge))]
            changes = self._changes(mine, merge, takes)
            journal.append_own(rebase_op(self._theirs, len(ops), keep, is_unsaved=bool(keep)))
            if changes:
                journal.append_own(new_edit("conflict", changes))
            self._model.masks = self._theirs
        return merge

    def _tell(self, merge: Merge) -> None:
        who = self._who()
        self._core.events.notice(
            "MERGED",
            "Somebody else had saved this series; both sides' edits were joined.",
            study_uid=self._model.listed.study_uid,
            series_uid=self._model.listed.series_uid,
            editor=who.get("editor"),
            mine_frames=list(merge.mine_frames),
            theirs_frames=list(merge.theirs_frames),
        )

    def _kept_keys(self, merge: Merge) -> set[Key]:
        keys = {key for key, side in merge.takes.items() if side == MINE}
        keys |= {conflict.key for conflict in merge.conflicts}
        return keys | {(c.key[0], self._empty_id) for c in merge.conflicts if EMPTY in (c.mine, c.theirs)}

    def _changes(self, mine: Replay, merge: Merge, takes: Mapping[Key, str]) -> list[dict[str, Any]]:
        """The edit that turns mine into what was chosen."""
        changes = []
        for conflict in merge.conflicts:
            before, after = mine.cell(conflict.key), self._chosen(conflict, mine, takes[conflict.key])
            if before != after:
                changes.append(change(conflict.key, before, after, self._theirs.width, self._theirs.height))
        for frame in sorted({c.key[0] for c in merge.conflicts if EMPTY in (c.mine, c.theirs)}):
            key = (frame, self._empty_id)
            is_empty = self._stays_empty(frame, mine, merge, takes)
            if is_empty != (mine.kind(key) == EMPTY):
                kinds = (NONE, EMPTY) if is_empty else (EMPTY, NONE)
                before, after = (Cell(kind, b"") for kind in kinds)  # a mark has no pixels
                changes.append(change(key, before, after, 0, 0))
        return changes

    def _chosen(self, conflict: Conflict, mine: Replay, take: str) -> Cell:
        ours, theirs = mine.cell(conflict.key), self._theirs.cell(conflict.key)
        if take == MINE:
            return ours
        if take == THEIRS:
            return theirs
        drawn = [cell.pixels for cell in (ours, theirs) if cell.kind == ANNOTATION]
        if not drawn:
            return ours
        union = int.from_bytes(drawn[0], "big") | int.from_bytes(drawn[-1], "big")
        return Cell(ANNOTATION, union.to_bytes(len(drawn[0]), "big"))

    def _stays_empty(self, frame: int, mine: Replay, merge: Merge, takes: Mapping[Key, str]) -> bool:
        """A frame with a contested empty mark keeps it only if a side that says so was chosen and nothing is drawn."""
        here = [conflict for conflict in merge.conflicts if conflict.key[0] == frame]
        is_drawn = any(self._chosen(c, mine, takes[c.key]).kind == ANNOTATION for c in here)
        says = {MINE: lambda c: c.mine == EMPTY, THEIRS: lambda c: c.theirs == EMPTY}
        is_chosen = any(
            says[side](c) for c in here for side in ((MINE, THEIRS) if takes[c.key] == BOTH else (takes[c.key],))
        )
        return is_chosen and not is_drawn

    def to_json(self) -> dict[str, Any]:
        """GET /api/conflict."""
        listed, version = self._model.listed, self._theirs.version_id
        path = f"{listed.study_uid}/{listed.series_uid}"
        frames = []
        for conflict in self._merge.conflicts:
            number, label_id = conflict.key
            filename = self._theirs.filename(conflict.key) if _kind(conflict.theirs) == ANNOTATION else None
            has_mine = _kind(conflict.mine) == ANNOTATION
            frames.append(
                {
                    "frame_number": number,
                    "label_id": label_id,
                    "mine": f"/api/conflict/{path}/mine/{number}/{label_id}" if has_mine else None,
                    "theirs": f"/api/history/{path}/{version}/{filename}" if filename else None,
                    "mine_kind": _kind(conflict.mine),
                    "theirs_kind": _kind(conflict.theirs),
                }
            )
        return {"frames": frames, "theirs": {**self._who(), "version_id": version}}

    def _who(self) -> dict[str, Any]:
        """Editor and time of their version; empty when it was never edited."""
        found: dict[str, Any] = next((v for v in self._history if v.get("version_id") == self._theirs.version_id), {})
        return {"editor": found.get("editor"), "at": found.get("at")}

    def my_mask(self, key: Key) -> bytes:
        """My mask of one (frame, label) as WebP."""
        cell = self._replay(self._journal().ops()).cell(key)
        return encode_mask(cell.pixels, self._theirs.width, self._theirs.height)


def rebase_op(masks: MaskSet, position: int, keep: list[dict[str, Any]], *, is_unsaved: bool) -> dict[str, Any]:
    """A rebase onto `masks`. For the core alone: where these lie, and whether `keep` still has to be saved."""
    return {
        "id": str(uuid.uuid4()),
        "op": "rebase",
        "version_id": masks.version_id,
        "position": position,
        "keep": keep,
        "masks": masks.directory.name,
        "is_unsaved": is_unsaved,
    }


def values(side: MaskSet | Replay) -> dict[Key, str]:
    """What the merge compares: a digest of the pixels for each annotation, `empty` for each verified empty frame."""
    found: dict[Key, str] = {}
    for key in side.annotation_keys():
        cell = side.cell(key)
        found[key] = EMPTY if cell.kind == EMPTY else hashlib.sha256(cell.pixels).hexdigest()
    return found


def _kind(value: str | None) -> str:
    return NONE if value is None else EMPTY if value == EMPTY else ANNOTATION


def _read_choices(choices: Iterable[Any]) -> dict[Key, str]:
    takes: dict[Key, str] = {}
    for choice in choices:
        number, label_id, take = (
            [choice.get(name) for name in ("frame_number", "label_id", "take")]
            if isinstance(choice, dict)
            else [None] * 3
        )
        if type(number) is not int or not isinstance(label_id, str) or take not in (MINE, THEIRS, BOTH):
            raise CoreError("CHOICES_INVALID", "A choice names no frame and label, or none of mine, theirs and both.")
        takes[(number, label_id)] = take
    return takes
