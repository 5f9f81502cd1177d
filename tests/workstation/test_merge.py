"""Three-way merging: properties that must hold for any two people, and the cases with a frame verified empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracking.contracts.labels import EMPTY_ID
from workstation.merge import MINE, THEIRS, Conflict, merge_annotations
from workstation.replay import EMPTY, Key

LABELS = ("A", "B")


def clean(side: dict[Key, str]) -> dict[Key, str]:
    """As the viewer keeps it: a frame that is verified empty has no masks."""
    empty = {key[0] for key in side if key[1] == EMPTY_ID}
    kept = {key: value for key, value in side.items() if key[0] not in empty}
    return kept | {(frame, EMPTY_ID): EMPTY for frame in empty}


keys = st.tuples(st.integers(0, 3), st.sampled_from([*LABELS, EMPTY_ID]))
sides = st.dictionaries(keys, st.sampled_from(["p", "q", "r"]), max_size=8).map(clean)


def joined(mine: dict[Key, str], theirs: dict[Key, str], takes: dict[Key, str]) -> dict[Key, str]:
    """What comes out where nobody has to be asked."""
    result = {}
    for key in {*mine, *theirs}:
        value = (theirs if takes.get(key) == THEIRS else mine).get(key)
        if value is not None:
            result[key] = value
    return result


@given(sides, sides, sides)
def test_nothing_a_person_drew_vanishes_without_a_choice(
    old: dict[Key, str], mine: dict[Key, str], theirs: dict[Key, str]
) -> None:
    merge = merge_annotations(old, mine, theirs, EMPTY_ID)
    asked = {conflict.key for conflict in merge.conflicts}
    result = joined(mine, theirs, dict(merge.takes))
    for mark, side, other in (("mine", mine, theirs), ("theirs", theirs, mine)):
        for key, value in side.items():
            is_new = old.get(key) != value
            if is_new and key[1] != EMPTY_ID and key not in asked:
                assert result[key] == value, f"{mark} {key} is gone, the other has {other.get(key)}"


@given(sides, sides, sides)
def test_no_frame_ends_both_empty_and_drawn_on(
    old: dict[Key, str], mine: dict[Key, str], theirs: dict[Key, str]
) -> None:
    merge = merge_annotations(old, mine, theirs, EMPTY_ID)
    asked = {conflict.key[0] for conflict in merge.conflicts}
    result = joined(mine, theirs, dict(merge.takes))
    for frame in {key[0] for key in result} - asked:
        labels = {key[1] for key in result if key[0] == frame}
        assert labels == {EMPTY_ID} or EMPTY_ID not in labels


@given(sides, sides, sides)
def test_it_does_not_matter_who_is_asked(old: dict[Key, str], mine: dict[Key, str], theirs: dict[Key, str]) -> None:
    one = merge_annotations(old, mine, theirs, EMPTY_ID)
    other = merge_annotations(old, theirs, mine, EMPTY_ID)
    flipped = {MINE: THEIRS, THEIRS: MINE}
    assert dict(one.takes) == {key: flipped[side] for key, side in other.takes.items()}
    assert {c.key for c in one.conflicts} == {c.key for c in other.conflicts}


@given(sides, sides)
def test_one_side_alone_wins(old: dict[Key, str], new: dict[Key, str]) -> None:
    for merge, side in (
        (merge_annotations(old, new, old, EMPTY_ID), MINE),
        (merge_annotations(old, old, new, EMPTY_ID), THEIRS),
    ):
        assert not merge.conflicts
        assert set(merge.takes.values()) <= {side}
        assert set(merge.takes) == {key for key in {*old, *new} if old.get(key) != new.get(key)}


@given(sides, sides)
def test_the_same_edit_on_both_sides_is_no_conflict(old: dict[Key, str], new: dict[Key, str]) -> None:
    merge = merge_annotations(old, new, dict(new), EMPTY_ID)
    assert not merge.conflicts
    assert not merge.takes


def test_different_labels_on_one_frame_are_joined() -> None:
    merge = merge_annotations({}, {(1, "A"): "p"}, {(1, "B"): "q"}, EMPTY_ID)
    assert not merge.conflicts
    assert merge.takes == {(1, "A"): MINE, (1, "B"): THEIRS}
    assert (merge.mine_frames, merge.theirs_frames) == ((1,), (1,))


def test_empty_against_a_drawing_is_for_a_person() -> None:
    merge = merge_annotations({}, {(1, EMPTY_ID): EMPTY}, {(1, "A"): "q"}, EMPTY_ID)
    assert merge.conflicts == (Conflict((1, "A"), EMPTY, "q"),)


def test_empty_instead_of_an_old_drawing_against_a_new_one_is_for_a_person() -> None:
    merge = merge_annotations({(1, "A"): "p"}, {(1, EMPTY_ID): EMPTY}, {(1, "A"): "q"}, EMPTY_ID)
    assert merge.conflicts == (Conflict((1, "A"), EMPTY, "q"),)
    assert not merge.takes


def test_deleting_against_changing_is_for_a_person() -> None:
    merge = merge_annotations({(1, "A"): "p"}, {}, {(1, "A"): "q"}, EMPTY_ID)
    assert merge.conflicts == (Conflict((1, "A"), None, "q"),)
