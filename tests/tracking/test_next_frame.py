"""Is the least certain frame offered next?"""

from tracking.fill import entry
from tracking.next_frame import next_frame


def test_least_certain_frame_of_any_label() -> None:
    entries = [
        entry(0, label_id="A", filename="frame_000001.webp"),
        entry(1, tracks="A", confidence=0.9),
        entry(1, tracks="B", confidence=0.2),
        entry(2, tracks="A", confidence=0.5),
        entry(3, tracks="A", confidence=0.6),
    ]
    assert next_frame(entries) == 1


def test_of_equals_the_farthest_from_annotations() -> None:
    entries = [entry(n, tracks="A", confidence=0.4) for n in range(1, 6)]
    assert next_frame([entry(0, label_id="A"), *entries, entry(6, label_id="A")]) == 3
    assert next_frame([entry(0, label_id="A"), *entries]) == 5
    assert next_frame(entries) == 1


def test_nothing_left_to_offer() -> None:
    assert next_frame([entry(0, label_id="A")]) is None
    assert next_frame([]) is None
