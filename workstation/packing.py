"""What does a save send? Every annotation as it looks after the journal's ops, packed. Used by saving and export."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracking.contracts.archive import pack
from tracking.contracts.labels import mask_filename
from tracking.contracts.masks import encode_mask
from workstation.errors import CoreError
from workstation.journal import Journal
from workstation.masks import MaskSet
from workstation.replay import EMPTY, Op, Replay
from workstation.series import SeriesModel

if TYPE_CHECKING:
    from workstation.core import Core


def parent_version(journal: Journal, masks: MaskSet) -> str | None:
    """The version that the next save follows: the last one accepted, also while its masks are still to come."""
    accepted = journal.accepted()
    return accepted["version_id"] if accepted else masks.version_id


def pack_annotations(core: Core, model: SeriesModel, ops: list[Op] | None = None) -> bytes:
    """The archive of everything drawn up to now (or by `ops`), as a save sends it. Raises CoreError NOT_OPEN."""
    journal, masks = model.journal, model.masks
    if journal is None or masks is None:
        raise CoreError("NOT_OPEN", "This series is not open.", 409)
    metadata = {
        "study_uid": model.listed.study_uid,
        "series_uid": model.listed.series_uid,
        "previous_version_id": parent_version(journal, masks),
        "editor": core.server.editor,
        "edited_at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    replay = Replay(masks, journal.ops() if ops is None else ops)
    return _pack(masks, replay, label_id=core.settings.label_id, metadata=metadata)


def _pack(masks: MaskSet, replay: Replay, *, label_id: str, metadata: dict[str, Any]) -> bytes:
    """Untouched annotations go byte for byte as they came."""
    touched = replay.touched()
    annotations, files = [], {}
    for key in sorted(replay.annotation_keys()):
        kind = replay.kind(key) if key in touched else masks.kind(key)
        filename = None if kind == EMPTY else mask_filename(key[0], None if key[1] == label_id else key[1])
        annotations.append({"frame_number": key[0], "label_id": key[1], "filename": filename})
        if filename is not None:
            base = None if key in touched else masks.filename(key)
            files[filename] = (
                masks.read(base) if base else encode_mask(replay.cell(key).pixels, masks.width, masks.height)
            )
    return pack({**metadata, "annotations": annotations}, files)
