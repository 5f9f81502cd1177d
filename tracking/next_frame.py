"""Which frame is worth a person's look next? Used by benchmarks; the viewer offers the same by the same rule."""

from collections.abc import Sequence
from typing import Any


def next_frame(entries: Sequence[dict[str, Any]]) -> int | None:
    """The frame to annotate next, from a result's frames[]: the least certain one; None when every frame is annotated.

    A frame is as certain as its least certain label. Of equals, the one farthest from any annotated frame is offered.
    """
    certain: dict[int, float] = {}
    annotated = {entry["frame_number"] for entry in entries if entry["is_annotation"]}
    for entry in entries:
        number = entry["frame_number"]
        if not entry["is_annotation"]:
            certain[number] = min(certain.get(number, 1.0), entry["confidence"])
    if not certain:
        return None
    return min(certain, key=lambda number: (certain[number], -_distance(number, annotated), number))


def _distance(number: int, annotated: set[int]) -> int:
    return min((abs(number - other) for other in annotated), default=0)
