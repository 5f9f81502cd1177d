"""Which numbers decide a tracking result? Read by every module here; part of the key of kept flow and of kept results.

A result depends on the clip, the annotations, the flow method, TRACKER_VERSION and Params, and on nothing else.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

TRACKER_VERSION = 16
"""Raise it when a change of code changes masks: servers then track every series again."""

FLOW_VERSION = 11
"""Raise it when a change of code changes kept flow or its file format: kept flow is then computed again."""


@dataclass(frozen=True)
class Params:
    """Settings of a tracking run; the defaults are the product. Lengths are in grid pixels unless a name says
    otherwise."""

    picture_pixels: int = 320 * 240
    """Frames are scaled down to about this many pixels for flow and appearance. DIS is as accurate there as at full
    size."""

    grid_step: int = 2
    """Flow is kept on a grid of one sample each `grid_step` picture pixels; block-matched flow is smooth enough for
    that."""

    def digest(self) -> str:
        """Short hash of all values: equal digests mean equal settings."""
        text = json.dumps({"version": TRACKER_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
