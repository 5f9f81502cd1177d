"""Do the rules of F and C hold for every arrangement of annotations, and does a frame's identity tell what changed?"""

import hashlib

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.annotations import AnnotatedMask, Annotations
from tracking.plan import Plan

COUNT = 9
CALMLY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""No clock: a busy machine is no failure. The same examples each time."""
MARKS = st.dictionaries(st.integers(0, COUNT - 1), st.sampled_from("FCB"))
"""By frame: F a mask, B a blank mask, C verified empty."""


def annotations(marks: dict[str, dict[int, str]], salt: str = "") -> Annotations:
    masks = {}
    for label, by_frame in marks.items():
        for number, mark in by_frame.items():
            if mark in "FB":
                pixels = np.full((2, 2), 255 if mark == "F" else 0, np.uint8)
                digest = hashlib.sha256(f"{mark}{salt}".encode()).hexdigest()
                masks[number, label] = AnnotatedMask(number, label, pixels, b"", digest)
    empty = {number for by_frame in marks.values() for number, mark in by_frame.items() if mark == "C"}
    masks = {key: mask for key, mask in masks.items() if key[0] not in empty}
    return Annotations("1", "1", masks, frozenset(empty))


def nearest(marks: dict[int, str], number: int, step: int) -> str:
    """F or C: what a walk from this frame meets first in that direction; nothing counts as nothing."""
    number += step
    while 0 <= number < COUNT:
        if number in marks:
            return "F" if marks[number] == "F" else "C"
        number += step
    return ""


@CALMLY
@given(MARKS)
def test_each_frame_is_filled_from_the_annotated_masks_next_to_it(marks: dict[int, str]) -> None:
    plan = Plan(annotations({"A": marks}), "A", COUNT)
    for number in range(COUNT):
        stretch = plan.stretch_at(number, "A")
        if number in marks:
            assert stretch is None
            continue
        assert stretch is not None and stretch.first <= number <= stretch.last
        before, after = nearest(marks, number, -1), nearest(marks, number, 1)
        assert (stretch.left is not None, stretch.right is not None) == (before == "F", after == "F")
        assert (stretch.left_is_empty, stretch.right_is_empty) == (before == "C", after == "C")
        assert stretch.is_clear == (before != "F" and after != "F")
        if stretch.left:
            assert stretch.left.frame_number == stretch.first - 1
        if stretch.right:
            assert stretch.right.frame_number == stretch.last + 1


def near(marks: dict[int, str], number: int) -> object:
    """All that a frame's mask may depend on: what a person said there, or else next to it on either side."""
    if number in marks:
        return marks[number]
    found: list[tuple[int, str | None]] = []
    for step in (-1, 1):
        other = number + step
        while 0 <= other < COUNT and other not in marks:
            other += step
        mark = marks.get(other)
        found.append((other, "empty" if mark in ("B", "C") else mark))
    return found


@CALMLY
@given(MARKS, MARKS)
def test_identity_changes_exactly_where_something_near_changed(before: dict[int, str], after: dict[int, str]) -> None:
    one, two = (Plan(annotations({"A": marks}), "A", COUNT) for marks in (before, after))
    for number in range(COUNT):
        unchanged = near(before, number) == near(after, number)
        assert (one.identity(number) == two.identity(number)) == unchanged


def test_another_mask_is_another_identity_next_to_it_only() -> None:
    marks = {"A": {0: "F", 4: "F", 8: "F"}}
    one, two = Plan(annotations(marks), "A", COUNT), Plan(annotations(marks), "A", COUNT)
    changed = annotations(marks, salt="other").masks[8, "A"]
    two = Plan(Annotations("1", "1", {**one.annotations.masks, (8, "A"): changed}, frozenset()), "A", COUNT)
    differ = [number for number in range(COUNT) if one.identity(number) != two.identity(number)]
    assert differ == [5, 6, 7, 8]


def test_trackers_of_whole_clips_redo_everything_after_any_change() -> None:
    one = Plan(annotations({"A": {0: "F", 8: "F"}}), "A", COUNT, is_local=False)
    two = Plan(annotations({"A": {0: "F", 7: "F"}}), "A", COUNT, is_local=False)
    assert all(one.identity(number) != two.identity(number) for number in range(COUNT))
