"""Which frames are filled from which annotations? The rules of SPEC 8, in one place; used by track.py and
kept_result.py.

F = annotated with a mask, C = verified empty. F…F from both sides, F…C forward only, C…F backward only, C…C clear;
before the first and after the last annotation one-sided from an F, clear from a C. An annotation of one label says
nothing about another; a verified empty frame is a C for every label, a blank mask is a C for its own label.
"""

from dataclasses import dataclass
from itertools import combinations, pairwise

from tracking.annotations import AnnotatedMask, Annotations


@dataclass(frozen=True)
class Stretch:
    """Frames `first`..`last` (inclusive, none of them annotated for this label) between two annotations or the clip's
    ends.

    `left` stands at frame first-1 and `right` at frame last+1; None means that nothing is carried from that side.
    """

    label_id: str
    first: int
    last: int
    left: AnnotatedMask | None
    right: AnnotatedMask | None
    left_is_empty: bool = False
    right_is_empty: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether there is nothing to carry into these frames."""
        return self.left is None and self.right is None

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for two stretches exactly when their results are equal (same clip, method and parameters given)."""
        sides = [side.digest if side else empty for side, empty in self._sides()]
        return (self.label_id, self.first, self.last, *sides)

    def _sides(self) -> list[tuple[AnnotatedMask | None, bool]]:
        return [(self.left, self.left_is_empty), (self.right, self.right_is_empty)]


def find_stretches(annotations: Annotations, label_id: str, frame_count: int) -> list[Stretch]:
    """Every stretch of one label, in order; together with the label's annotations and C frames they cover the clip."""
    keys: dict[int, AnnotatedMask | None] = dict.fromkeys(annotations.empty_frames)
    for (frame_number, label), mask in annotations.masks.items():
        if label == label_id:
            keys[frame_number] = None if mask.is_blank else mask
    ordered = sorted(keys)
    edges = [-1, *ordered, frame_count]
    stretches = []
    for before, after in pairwise(edges):
        if after - before > 1:
            left, right = keys.get(before), keys.get(after)
            stretches.append(
                Stretch(
                    label_id,
                    before + 1,
                    after - 1,
                    left,
                    right,
                    left_is_empty=before in keys and left is None,
                    right_is_empty=after in keys and right is None,
                )
            )
    return stretches


class Plan:
    """All labels' stretches over one clip, and for each frame what its masks depend on.

    `overlapping` holds the pairs of labels that people let overlap; tracked masks of all other pairs are kept apart.
    """

    def __init__(self, annotations: Annotations, main_label: str, frame_count: int, is_local: bool = True) -> None:
        self.annotations = annotations
        self.frame_count = frame_count
        self.is_local = is_local
        self.labels = annotations.labels or [main_label]
        self.stretches = {label: find_stretches(annotations, label, frame_count) for label in self.labels}
        self.overlapping = _overlapping_pairs(annotations, self.labels)
        everything = tuple((*key, mask.digest) for key, mask in sorted(annotations.masks.items()))
        # A clip tracker may look at every annotation for every frame: then any change concerns all frames.
        self._common = (
            tuple(self.labels),
            self.overlapping,
            () if is_local else (everything, annotations.empty_frames),
        )
        self._by_frame: list[dict[str, Stretch]] = [{} for _ in range(frame_count)]
        for label, stretches in self.stretches.items():
            for stretch in stretches:
                for frame_number in range(stretch.first, stretch.last + 1):
                    self._by_frame[frame_number][label] = stretch

    def stretch_at(self, frame_number: int, label_id: str) -> Stretch | None:
        """The stretch that fills this label's mask on this frame; None where a person decided."""
        return self._by_frame[frame_number].get(label_id)

    def identity(self, frame_number: int) -> tuple[object, ...]:
        """Equal in two plans of one clip exactly when everything on this frame comes out equal."""
        if frame_number in self.annotations.empty_frames:
            return ("empty",)
        parts: list[object] = []
        for label in self.labels:
            stretch, mask = self.stretch_at(frame_number, label), self.annotations.masks.get((frame_number, label))
            parts.append(stretch.identity if stretch else mask.digest if mask else None)
        return (*self._common, *parts)


def _overlapping_pairs(annotations: Annotations, labels: list[str]) -> frozenset[tuple[str, str]]:
    """Pairs of labels (sorted) whose annotated masks share a pixel on some frame."""
    pairs = set()
    for frame_number in {number for number, _ in annotations.masks}:
        for one, other in combinations(labels, 2):
            first, second = (annotations.masks.get((frame_number, label)) for label in (one, other))
            if first and second and bool((first.pixels & second.pixels).any()):
                pairs.add((one, other))
    return frozenset(pairs)
