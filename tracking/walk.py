"""Which point of an annotated frame is seen where in the frames beside it? Asked by propagate.py, one side at a time.

A walk starts at an annotated frame and goes away from it, frame by frame, with one field: from each pixel of the frame
at hand back to the annotated frame. It needs pictures and kept flow, never a mask. The guesses at each frame: the flow
between neighbours *chained* to the walk so far; the chained guess *refined* directly against the annotated picture,
which ends drift; where these look bad, *landmarks* matched over any distance; and where these do not help and flow does
not even explain the frame by the one before, a *search* for that one in all places, sizes and turns. Neighbourhoods
choose the guess under which the annotated picture looks most like the frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tracking.flow import DisFlow, Flow, Grey, flow_between
from tracking.matching import Landmarks, find_landmarks, find_movement, search_movement
from tracking.motion import Motion

Field = npt.NDArray[np.float32]

WINDOW = 2.0
"""Grid pixels (Gaussian sigma) over which likeness is measured."""
REGION = 12.0
"""Grid pixels (Gaussian sigma) over which one guess is chosen."""
LOST = 0.75
"""Likeness, averaged over the picture, below which landmarks are matched; and, if that of the frame and the one before
it is below too, the search is made. Speckle that changes looks unlike the annotated picture, but flow can follow it."""
RESTS = 2
"""Where flow follows, each try of landmarks that wins nothing doubles the frames until the next one, so many times at
most: more saves little and loses ends of long walks."""
HEAD_START = 0.05
"""What landmarks and the search must be better by than flow to be believed."""
DRIFT_HEAD_START = 0.03
"""What refining must be better by to be believed while the chain is young: so close, it finds alikeness in noise."""
DRIFT_FRAMES = 4
"""Frames after which that head start has fallen to half."""
NOISE = 15.0
"""Variance of grey values that is taken for noise, not structure."""


@dataclass(frozen=True)
class Carried:
    """What reaches a frame from one annotation. `displacement` (gh, gw, 2) in grid pixels, to where each grid pixel
    lay in the annotated frame; `likeness` (gh, gw) -1..1, how much the two pictures look alike there. `is_found`: not
    as the walk has it, but put where the annotated thing was found again (refind.py)."""

    displacement: Flow = field(repr=False)
    likeness: Field = field(repr=False)
    is_found: bool = False


class Walk:
    """One walk away from an annotated frame. Holds the annotated picture and its landmarks."""

    def __init__(self, motion: Motion, start: int) -> None:
        self._motion, self._start = motion, start
        self._refiner = DisFlow()
        height, width = motion.grid_size
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        self._points = np.dstack([columns, rows])
        self._landmarks: Landmarks | None = None

    def over(self, frames: range) -> Iterator[tuple[int, Carried]]:
        """Go over `frames`, which lead away from the annotated frame, ascending or descending."""
        displacement = np.zeros_like(self._points)
        kept = self._motion.kept_walk(self._start, frames.step)
        likeness, vain = np.ones(self._motion.grid_size, np.float32), 0
        for place, frame_number in enumerate(frames):
            self._motion.stop_if_cancelled()
            held = kept.at(place)
            if held is None and self._is_repeat(frame_number, frames.step):
                held = kept.keep(displacement, likeness, vain)
            elif held is None:
                held = kept.keep(*self._advance(displacement, frame_number, frames.step, place, vain))
            displacement, likeness, vain = held
            yield frame_number, Carried(displacement, likeness)

    def _advance(
        self, displacement: Flow, frame_number: int, step: int, place: int, vain: int
    ) -> tuple[Flow, Field, int]:
        """The best displacement on this frame, given that of the frame before, and its likeness; and in how many tries
        at a stretch landmarks have been in vain, 0..RESTS, which is given in the same way."""
        picture = self._small(frame_number)
        seen = Seen(picture)
        chained = self._chain(displacement, frame_number, step)
        guesses = Guesses(chained, self._likeness(chained, seen))

        def consider(guess: Flow, head_start: float) -> bool:
            return guesses.consider(guess, self._likeness(guess, seen), head_start)

        consider(self._refine(chained, picture), DRIFT_HEAD_START * DRIFT_FRAMES / (DRIFT_FRAMES + place))
        if guesses.best >= LOST:
            return guesses.displacement, guesses.likeness, vain
        is_followed = self._is_followed(seen, frame_number, step)
        if not is_followed or place % 2**vain == 0:
            found = self._by_landmarks(frame_number, picture)
            is_taken = found is not None and consider(self._refine(found, picture), HEAD_START)
            vain = 0 if is_taken else min(RESTS, vain + 1)
        # At place 0 the frame before is the annotated one: landmarks have looked.
        if place > 0 and guesses.best < LOST and not is_followed:
            found = self._by_search(displacement, frame_number - step, picture)
            if found is not None:
                consider(found, HEAD_START)
                consider(self._refine(found, picture), HEAD_START)
        return guesses.displacement, guesses.likeness, vain

    @cached_property
    def _picture(self) -> Grey:
        return self._small(self._start)

    def _small(self, frame_number: int) -> Grey:
        return np.asarray(cv2.cvtColor(self._motion.grid_picture(frame_number), cv2.COLOR_BGR2GRAY), np.uint8)

    def _chain(self, displacement: Flow, frame_number: int, step: int) -> Flow:
        return _compose(self._flow(frame_number, step), displacement, self._points)

    def _flow(self, frame_number: int, step: int) -> Flow:
        """From the frame to the one before it on the walk."""
        return self._motion.backward(frame_number) if step > 0 else self._motion.forward(frame_number)

    def _is_repeat(self, frame_number: int, step: int) -> bool:
        """Whether this frame is the one before it on the walk, shown again: Motion keeps the same picture of both."""
        return np.array_equal(self._motion.grid_picture(frame_number), self._motion.grid_picture(frame_number - step))

    def _is_followed(self, seen: "Seen", frame_number: int, step: int) -> bool:
        """Whether flow explains the frame by the one before it on the walk."""
        before = _look_up(self._small(frame_number - step), self._points + self._flow(frame_number, step))
        return float(seen.similarity(np.asarray(before, np.uint8)).mean()) >= LOST

    def _refine(self, guess: Flow, picture: Grey) -> Flow:
        """What is left between the frame and the annotated picture as the guess shows it, put before the guess."""
        return self._refined_to(self._picture, guess, picture)

    def _refined_to(self, target: Grey, guess: Flow, picture: Grey) -> Flow:
        shown = _look_up(target, self._points + guess)
        rest = flow_between(self._refiner, picture, np.asarray(shown, np.uint8))
        return _compose(rest, guess, self._points)

    def _by_landmarks(self, frame_number: int, picture: Grey) -> Flow | None:
        if self._landmarks is None:
            self._landmarks = find_landmarks(self._motion.grey(self._start))
        movement = find_movement(find_landmarks(self._motion.grey(frame_number)), self._landmarks)
        if movement is None:
            return None
        ratio = self._motion.grid_size[1] / self._motion.picture_size[1]
        there = self._points @ movement[:, :2].T + movement[:, 2] * ratio
        return np.asarray(there - self._points, np.float32)

    def _by_search(self, displacement: Flow, last: int, picture: Grey) -> Flow | None:
        """The whole picture's movement since frame `last`, put before the walk so far."""
        before = self._small(last)
        movement = search_movement(picture, before)
        if movement is None:
            return None
        there = self._points @ movement[:, :2].T + movement[:, 2]
        moved = self._refined_to(before, np.asarray(there - self._points, np.float32), picture)
        return _compose(moved, displacement, self._points)

    def _likeness(self, guess: Flow, seen: "Seen") -> Field:
        """Structural similarity, -1..1, of the frame and the annotated picture as the guess shows it."""
        there = self._points + guess
        shown = np.asarray(_look_up(self._picture, there), np.uint8)
        likeness = seen.similarity(shown)
        height, width = shown.shape
        x, y = there[..., 0], there[..., 1]
        likeness[(x < -1) | (y < -1) | (x > width) | (y > height)] = -1
        return likeness


class Seen:
    """A frame's picture, ready to be compared with several guesses."""

    def __init__(self, picture: Grey) -> None:
        self._grey = picture.astype(np.float32)
        self._mean = _nearby(self._grey)
        self._spread = np.maximum(_nearby(self._grey * self._grey) - self._mean * self._mean, 0)

    def similarity(self, other: Grey) -> Field:
        """Structural similarity to another picture in a window round each pixel, -1..1, float32 of their shape."""
        grey = other.astype(np.float32)
        moments = _nearby(np.dstack([grey, grey * grey, self._grey * grey]))
        mean, square, product = cv2.split(moments)
        both = self._mean * mean
        spread = self._spread + np.maximum(square - mean * mean, 0)
        structure = (2 * (product - both) + NOISE) / (spread + NOISE)
        brightness = (2 * both + NOISE) / (self._mean * self._mean + mean * mean + NOISE)
        return np.asarray(structure * brightness, np.float32)


def _nearby(values: Field) -> Field:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), WINDOW), np.float32)


def widely(values: Field, sigma: float) -> Field:
    """A wide Gaussian blur of a grid field (gh, gw), found at a quarter of its size: the same but for the time."""
    height, width = values.shape
    small = cv2.resize(values, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


class Guesses:
    """The guess that each neighbourhood likes best, of those considered so far: `displacement` and its `likeness`."""

    def __init__(self, displacement: Flow, likeness: Field) -> None:
        self.displacement, self.likeness = displacement, likeness
        self._most = widely(likeness, REGION)
        self.best = float(likeness.mean())

    def consider(self, displacement: Flow, likeness: Field, head_start: float) -> bool:
        """Take this guess where it is liked better by more than `head_start`; returns whether that is anywhere."""
        self.best = max(self.best, float(likeness.mean()))
        liked = widely(likeness, REGION) - head_start
        better = liked > self._most
        self.displacement = np.where(better[..., None], displacement, self.displacement)
        self.likeness = np.where(better, likeness, self.likeness)
        self._most = np.maximum(liked, self._most)
        return bool(better.any())


def _compose(first: Flow, second: Flow, points: Field) -> Flow:
    """The displacement of going `first`, then `second` from where that leads."""
    return np.asarray(first + _look_up(second, points + first), np.float32)


def _look_up(values: npt.NDArray[Any], there: Field) -> npt.NDArray[Any]:
    """Bilinear values at the points `there` (height, width, 2); beyond the picture its edge counts."""
    x, y = np.ascontiguousarray(there[..., 0]), np.ascontiguousarray(there[..., 1])
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE))
