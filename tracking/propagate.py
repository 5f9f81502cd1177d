"""How are annotated masks carried into one stretch of frames? Called by fill.py, one stretch at a time.

A stretch sees its own two annotations and the clip, nothing else. That is what lets an incremental retrack redo only
the stretches next to a changed annotation and still give the very masks of a full run.

Each side: the flow from a frame back towards the annotation is composed into one displacement field on the grid
(walk.py), and the annotation's signed distance is sampled through it once (sampling.py). Two sides are blended by
distance in time and by trust; then the border gives way where pixels look other than those they came from
(appearance.py).
"""

from collections.abc import Iterator

import cv2
import numpy as np

from tracking.appearance import Appearance
from tracking.clip import Picture
from tracking.colours import LocalColours, Palette
from tracking.crumbs import smallest_part, without_crumbs
from tracking.edges import strength
from tracking.firm import Firm
from tracking.motion import Motion
from tracking.plan import Stretch
from tracking.refind import Reached, SideColours, Thing, put_right
from tracking.sampling import Side, Source, reach_of, sample, signed_distance
from tracking.spread import WideLook
from tracking.steady_border import steadied
from tracking.tracked_frame import Field, TrackedFrame
from tracking.walk import Walk


def propagate_stretch(stretch: Stretch, motion: Motion) -> Iterator[TrackedFrame]:
    """Yield a TrackedFrame for each frame of a stretch that is not clear, in ascending order. Raises ClipError,
    Cancelled."""
    before, after = stretch.first - 1, stretch.last + 1
    left = steadied(signed_distance(stretch.left.pixels, motion), motion.grid_size) if stretch.left else None
    right = steadied(signed_distance(stretch.right.pixels, motion), motion.grid_size) if stretch.right else None
    ends = [(number, distance) for number, distance in ((before, left), (after, right)) if distance is not None]
    seen = [_seen(motion, *end) for end in ends]
    appearance, wide, palette = Appearance(seen), WideLook(seen), Palette(seen)
    things = dict(zip([number for number, _ in ends], _things(stretch, seen, palette), strict=True))
    forward = _reached(motion, before, range(stretch.first, after), things[before]) if left is not None else None
    backward: dict[int, Reached] = {}
    if right is not None:
        descending = _reached(motion, after, range(stretch.last, before, -1), things[after])
        backward = dict(zip(range(stretch.last, before, -1), descending, strict=True))
    firm = Firm(seen)
    empty = _likeness_with_empty(stretch, motion)
    followed = strength(seen, appearance.explained)
    sources = [_source(motion, *end, appearance, palette) for end in ends]
    smallest = smallest_part([drawn.pixels for drawn in (stretch.left, stretch.right) if drawn])
    for frame_number in range(stretch.first, stretch.last + 1):
        share = (frame_number - before) / (after - before)
        reached, nearness = [], []
        if forward is not None:
            reached.append(next(forward))
            nearness.append(1 - share)
        if right is not None:
            reached.append(backward.pop(frame_number))
            nearness.append(share)
        sides = [Side(*each) for each in zip(sources, put_right(reached), nearness, strict=True)]
        found = sample(frame_number, sides, motion, appearance, wide, firm, followed, empty.get(frame_number))
        yield without_crumbs(found, smallest)


def _things(stretch: Stretch, seen: list[tuple[Picture, Field]], palette: Palette) -> list[Thing | None]:
    """What is looked for where walks lose it, one for each annotation; none where colours cannot tell, and none where a
    verified empty frame says that it ends: it would be found in what is only like it."""
    if not palette.colourful or stretch.left_is_empty or stretch.right_is_empty:
        return [None] * len(seen)
    colours = SideColours(seen)
    things = [Thing(*each, colours) for each in seen]
    return list(things) if all(thing.is_sought for thing in things) else [None] * len(seen)


def _reached(motion: Motion, start: int, frames: range, thing: Thing | None) -> Iterator[Reached]:
    """What reaches each of the frames, in walk order, and where the thing is there."""
    for frame_number, carried in Walk(motion, start).over(frames):
        place = thing.follow(motion.grid_picture(frame_number), carried) if thing else None
        yield carried, place


def _likeness_with_empty(stretch: Stretch, motion: Motion) -> dict[int, Field]:
    """Each frame's likeness (gh, gw) with the verified empty frame at one end, by frame number; nothing when there is
    none. Nothing is carried from there: it only shows where what was annotated has ended."""
    frames = range(stretch.first, stretch.last + 1)
    if stretch.right_is_empty:
        walk = Walk(motion, stretch.last + 1).over(frames[::-1])
    elif stretch.left_is_empty:
        walk = Walk(motion, stretch.first - 1).over(frames)
    else:
        return {}
    return {frame_number: carried.likeness for frame_number, carried in walk}


def _source(motion: Motion, frame_number: int, distance: Field, appearance: Appearance, palette: Palette) -> Source:
    picture, small = _seen(motion, frame_number, distance)
    colours = LocalColours(palette, picture, small, lambda: motion.fine_picture(frame_number))
    return Source(distance, appearance.look(picture, small), reach_of(distance, motion), colours)


def _seen(motion: Motion, frame_number: int, distance: Field) -> tuple[Picture, Field]:
    """A frame's grid picture, and the annotation's signed distance there in grid pixels."""
    size = motion.grid_size[::-1]
    small = cv2.resize(distance, size, interpolation=cv2.INTER_AREA) * (motion.grid_size[1] / motion.width)
    return motion.grid_picture(frame_number), np.asarray(small, np.float32)
