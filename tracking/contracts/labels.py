"""Which label types exist and how a mask file is named. Used by server, workstation and tracking alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

LABEL_ID = "L_13yPql"
"""MD.ai's id of free fluid, the default of the setting of the same name: a person verified this mask."""
EMPTY_ID = "L_75K42J"
"""MD.ai's id of "nothing there", the default of the setting of the same name: a person verified there is no mask."""
TRACK_ID = "TRACK_ID"
"""Label of a mask that the server made. Never an input to tracking."""

LABEL_PATTERN = r"[A-Za-z0-9_-]{1,64}"
_LABEL = re.compile(LABEL_PATTERN)
_FILENAME = re.compile(rf"frame_([0-9]{{6}})(?:\.({LABEL_PATTERN}))?\.webp")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
MAX_FRAMES = 999_999


@dataclass(frozen=True)
class LabelType:
    """One kind of thing that people mark.

    kind is "mask" (pixels) or "empty" (a verified nothing); plugins may bring others. Colours are `#rrggbb`:
    `colour` for masks that a person made, `tracked_colour` for those the server made.
    """

    label_id: str
    name: str
    colour: str = "#2ecc71"
    kind: str = "mask"
    tracked_colour: str = "#ff9f1c"


def is_label_id(text: object) -> bool:
    """Whether `text` may be a label id (and so part of a file name)."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


def is_uid(text: object) -> bool:
    """Whether `text` is a DICOM UID: digits and single dots, at most 64 characters."""
    return isinstance(text, str) and len(text) <= 64 and _UID.fullmatch(text) is not None


def mask_filename(frame_number: int, label_id: str | None = None) -> str:
    """File name of a mask. frame_number is 0-based, the name counts from 1.

    The data set's main label (setting LABEL_ID) goes without a suffix: pass None. Raises ValueError outside 0..999998.
    """
    if not 0 <= frame_number < MAX_FRAMES:
        raise ValueError(f"frame number {frame_number} is outside 0..{MAX_FRAMES - 1}")
    suffix = f".{label_id}" if label_id else ""
    return f"frame_{frame_number + 1:06d}{suffix}.webp"


def parse_mask_filename(name: str) -> tuple[int, str | None] | None:
    """(0-based frame number, label suffix or None) of a mask's file name, or None when it is not one."""
    match = _FILENAME.fullmatch(name)
    if match is None or match[1] == "000000":
        return None
    return int(match[1]) - 1, match[2]
