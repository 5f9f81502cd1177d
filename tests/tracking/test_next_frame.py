"""Is the frame offered next whose annotation mends most doubt, here as in the viewer?"""

import json
from pathlib import Path
from typing import Any

import pytest

from tracking.fill import entry
from tracking.next_frame import next_frame

CASES = json.loads((Path(__file__).parent / "next_frame_cases.json").read_text())
"""Also held against the viewer's rule, in tests/web_viewer/next_frame.test.mjs. Confidence null: annotated."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_same_rule_as_the_viewer(case: dict[str, Any]) -> None:
    entries = [
        entry(number, label_id="A") if confidence is None else entry(number, tracks="A", confidence=confidence)
        for number, confidence in enumerate(case["confidence"])
    ]
    assert next_frame(entries) == case["offered"]


def test_least_certain_label_of_a_frame_counts() -> None:
    entries = [
        entry(0, label_id="A", filename="frame_000000.webp"),
        entry(1, tracks="A", confidence=0.9),
        entry(1, tracks="B", confidence=0.2),
        entry(2, tracks="A", confidence=0.6),
        entry(3, label_id="A", filename="frame_000003.webp"),
    ]
    assert next_frame(entries) == 1


def test_frame_annotated_for_one_label_is_not_offered_for_another() -> None:
    entries = [entry(0, label_id="A"), entry(0, tracks="B", confidence=0.1), entry(1, tracks="A", confidence=0.9)]
    assert next_frame(entries) == 1
