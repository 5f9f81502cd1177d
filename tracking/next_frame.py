"""Which frame is worth a person's look next? Used by benchmarks; the viewer offers the same by the same rule
(web_viewer/next_frame.js; tests/tracking/next_frame_cases.json holds both to it)."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

FADING = 0.6
"""How fast an annotation's support fades: with its distance in frames to this power."""
LEAST = 1e-9
"""What an offer must be better by: less is rounding."""


def next_frame(entries: Sequence[dict[str, Any]]) -> int | None:
    """The frame to annotate next, from a result's frames[]: the one whose annotation is expected to mend most doubt;
    None when every frame is annotated.

    Doubt is 1 - confidence, of a frame's least certain label. It is expected to fall as much as `_support` grows, on
    the frame itself wholly. So the least certain frame counts together with its neighbours, least where annotations are
    near already. Of equals the first is offered.
    """
    annotated = sorted({entry["frame_number"] for entry in entries if entry["is_annotation"]})
    doubts: dict[int, float] = {}
    for entry in entries:
        number = entry["frame_number"]
        if not entry["is_annotation"] and number not in annotated:
            doubts[number] = max(doubts.get(number, 0.0), 1 - entry["confidence"])
    best, offered = -1.0, None
    for number in sorted(doubts):
        mended = _mended(number, doubts, annotated)
        if mended > best + LEAST:
            best, offered = mended, number
    return offered


def _mended(annotated_next: int, doubts: Mapping[int, float], annotated: Sequence[int]) -> float:
    """The doubt, summed over all frames, that is expected to go when this frame is annotated."""
    place = bisect_left(annotated, annotated_next)
    left = annotated[place - 1] if place > 0 else None
    right = annotated[place] if place < len(annotated) else None
    mended = doubts[annotated_next]
    for number, doubt in doubts.items():
        if (left is not None and number < left) or (right is not None and number > right) or number == annotated_next:
            continue
        nearer = (left, annotated_next) if number < annotated_next else (annotated_next, right)
        mended += doubt * (1 - _support(number, left, right) / _support(number, *nearer))
    return mended


def _support(number: int, left: int | None, right: int | None) -> float:
    """How well a frame is supported by the annotated frames next to it: by each the better, the nearer it is."""
    return sum(math.pow(abs(number - frame), -FADING) for frame in (left, right) if frame is not None)
