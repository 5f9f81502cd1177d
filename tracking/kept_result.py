"""What of an earlier result still holds? Used by track.py, so that a retrack redoes only what a changed annotation
touches."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from tracking.annotations import read_annotations
from tracking.clip import Clip
from tracking.contracts.archive import METADATA, ArchiveError, load_metadata
from tracking.errors import AnnotationsError
from tracking.params import Params
from tracking.plan import Plan

LOG = logging.getLogger(__name__)


def fingerprint(clip_digest: str, method_name: str, method_version: str, params: Params) -> str:
    """Names all that a result depends on besides the annotations; written into metadata.json as `tracker`."""
    text = f"{clip_digest} {method_name} {method_version} {params.digest()}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class KeptResult:
    """An earlier output directory of the same clip, method and parameters."""

    def __init__(self, directory: Path, plan: Plan, entries: dict[int, list[dict[str, Any]]]) -> None:
        self.directory = directory
        self._plan = plan
        self._entries = entries

    @classmethod
    def load(
        cls, directory: Path, tracker: str, new: Plan, clip: Clip, empty_id: str, label: str
    ) -> "KeptResult | None":
        """The earlier result, or None when it is of other inputs, damaged or gone. Raises Cancelled."""
        try:
            metadata = load_metadata((directory / METADATA).read_bytes())
            if metadata.get("tracker") != tracker or metadata.get("frame_count") != new.frame_count:
                return None
            annotations = read_annotations(directory, clip, empty_id)
            entries: dict[int, list[dict[str, Any]]] = {}
            for entry in metadata["frames"]:
                entries.setdefault(entry["frame_number"], []).append(entry)
                if entry["filename"] is not None and not (directory / entry["filename"]).is_file():
                    return None
        except (ArchiveError, AnnotationsError, OSError, KeyError, TypeError) as error:
            LOG.warning("an earlier result cannot be used again: %s", type(error).__name__)
            return None
        return cls(directory, Plan(annotations, label, new.frame_count, new.is_local), entries)

    def holds(self, frame_number: int, new: Plan) -> bool:
        """Whether this frame comes out the same in the new plan."""
        return frame_number in self._entries and self._plan.identity(frame_number) == new.identity(frame_number)

    def entries(self, frame_number: int) -> list[dict[str, Any]]:
        """The frame's entries of the earlier metadata."""
        return self._entries[frame_number]
