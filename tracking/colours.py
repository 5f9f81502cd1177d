"""Which colours lie inside just here, and which outside? Learnt from a stretch's own annotations by propagate.py, asked
by sampling.py.

The colours of the annotated pictures are gathered into a palette. Each annotation remembers, for every colour of the
palette and every place near its border, how much of it lies inside close by and how much outside. Read through the
walk, this says of each pixel of another frame how much likelier its colour is inside than outside there, whatever shape
the border has taken meanwhile. How much lies inside altogether is divided out: where things are, walks say; colours
only say what they are.

Both say their part: appearance.py's one rule for all of the border, this one a memory for each place, which also knows
that the shirt is red but the sleeve is not. It counts as much as it puts the annotated border where it was drawn, and
as there is colour: in grey pictures brightness alone would have to tell, and speckle changes that from frame to frame.

Colours are learnt and read twice as finely as the grid: on it, a limb or a wing is a few pixels wide, and most of these
are mixed with what lies beside.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from tracking.appearance import in_pieces, lab, ramp
from tracking.clip import Picture

Field = npt.NDArray[np.float32]
Indices = npt.NDArray[np.uint8]

COLOURS = 32
"""Entries of the palette at most."""
SAMPLE = 2500
"""About how many pixels the palette is made from; an entry needs SMALLEST_SAMPLE of them."""
SMALLEST_SAMPLE = 8
NEAR = 12.0
"""Grid pixels on both sides of a border from which colours are learnt."""
RIM = 40
"""Grid pixels round a mask that are remembered."""
AXES = np.array([0.7, 1.5, 1.5], np.float32)
"""How much a step of Lab's lightness, green-red and blue-yellow counts: light changes more easily than colour does."""
ALIKE = 6.0
"""So measured, how far apart (Gaussian sigma) colours are taken for about the same."""
BITS = 3
"""Lowest bits of Lab values that are left out when a colour's entry in the palette is looked up."""
COARSE = 4
"""What is remembered is kept on a grid so many times coarser..."""
NEIGHBOURHOODS = 3.0, 8.0
"""...and taken together over so many grid pixels (Gaussian sigma), narrowly and widely, by half each: the narrow one
tells more where walks are right, and the wide one still tells where they err."""
MEASURED = 6.0
"""The same when it is measured how far to believe all this, which is done on the grid: the nearer and finer, the more a
picture foretells itself."""
UNSEEN = 0.01
"""Share of a neighbourhood that counts as seen before anything was: of it, each colour has its share in the picture."""
NEVER = 1e-9
"""Share in the whole picture of a colour that is in the palette for the other annotation's sake, and nowhere here."""
LOUDEST = 3.0
"""Log likelihood ratio that is believed at most."""
BORDER = 0.2, 2.0
"""Grid pixels from the annotated border between which it is measured how well colours put it there."""
SMOOTH = 0.5
"""Pixels (Gaussian sigma) over which what they say is averaged."""
AGREEMENT = 0.5, 0.7
"""Right less wrong share of the pixels there at which colours are not listened to at all, and wholly."""
COLOURFUL = 2.0, 3.5
"""Standard deviation of the two colour axes, both together, near the border, at which colour begins to tell, and tells
wholly: JPEG alone makes 1.6 of grey speckle. What brightness foretells of colour does not count: a grey picture may be
shown in tints."""


class Palette:
    """The colours near the borders of one stretch's annotations."""

    def __init__(self, annotated: Sequence[tuple[Picture, Field]]) -> None:
        """`annotated`: each one's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels."""
        seen = np.concatenate([lab(picture)[np.abs(distance) < NEAR] for picture, distance in annotated])
        self._seen = seen[:: 1 + len(seen) // SAMPLE]
        self.colourful = 0.0
        if len(self._seen) >= 2 * SMALLEST_SAMPLE:
            self.colourful = ramp(_colour_beyond_light(self._seen), COLOURFUL)

    @cached_property
    def colours(self) -> Field:
        """The entries, (count, 3), as AXES measures."""
        count = min(COLOURS, len(self._seen) // SMALLEST_SAMPLE)
        enough = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 8, 0.5)
        cv2.setRNGSeed(1)  # of this thread alone: the same pixels give the same palette
        points = self._seen * AXES
        first = np.zeros((len(points), 1), np.int32)  # unused, but the type stub wants one
        _, _, centres = cv2.kmeans(points, count, first, enough, 1, cv2.KMEANS_PP_CENTERS)
        return np.asarray(centres, np.float32)

    def indices(self, picture: Picture) -> Indices:
        """Which entry each pixel of a picture, uint8 (rows, columns, 3), is most like: (rows, columns)."""
        light, red, yellow = cv2.split(lab(picture) >> BITS)
        per_axis = 256 >> BITS
        return np.asarray(self._nearest[(light.astype(np.int32) * per_axis + red) * per_axis + yellow], np.uint8)

    @cached_property
    def _nearest(self) -> Indices:
        """The entry for each colour, by its three axes without their lowest BITS."""
        steps = (np.arange(256 >> BITS, dtype=np.float32) + 0.5) * (1 << BITS)
        apart = [(axis * steps[:, None] - self.colours[:, number]) ** 2 for number, axis in enumerate(AXES)]
        far = apart[0][:, None, None] + apart[1][None, :, None] + apart[2][None, None]
        return np.asarray(far.argmin(axis=-1).ravel(), np.uint8)


class LocalColours:
    """What one annotation remembers. `weight` 0..1: how far it is to be believed; asking it is worth while above 0."""

    def __init__(self, palette: Palette, picture: Picture, distance: Field, finely: Callable[[], Picture]) -> None:
        """The annotation's picture, uint8 (gh, gw, 3) BGR, and signed distance (gh, gw) in grid pixels. `finely` gives
        the same picture twice as finely, (2 gh, 2 gw, 3); it is asked for only where colours tell."""
        self.palette, self.weight = palette, 0.0
        column, row, width, height = cv2.boundingRect((distance > 0).astype(np.uint8))
        if not (width and palette.colourful):
            return
        self._left, self._top = left, top = max(0, column - RIM), max(0, row - RIM)
        part = np.s_[top : row + height + RIM, left : column + width + RIM]
        picture, distance = np.ascontiguousarray(picture[part]), distance[part]
        indices = palette.indices(picture)
        self._remember(_gathered(self._counted(indices, inside_share(distance)), MEASURED))
        rows, columns = distance.shape
        y, x = np.mgrid[top : top + rows, left : left + columns].astype(np.float32)
        own = likelier_inside(self.found(indices, x, y))
        self.weight = palette.colourful * ramp(_agreement(own, distance), AGREEMENT)
        if self.weight:
            indices = palette.indices(finely()[2 * top : 2 * (top + rows), 2 * left : 2 * (left + columns)])
            depth = 2 * cv2.resize(distance, indices.shape[::-1], interpolation=cv2.INTER_LINEAR)
            counted = self._counted(indices, inside_share(np.asarray(depth, np.float32)), 2)
            narrow, wide = (_gathered(counted, sigma) for sigma in NEIGHBOURHOODS)
            self._remember(np.asarray((narrow + wide) / 2, np.float32))

    def found(self, indices: Indices, x: Field, y: Field) -> Field:
        """What is remembered of these palette entries (rows, columns) round the annotated frame's points x and y, in
        grid pixels, however fine they lie: float32 (5, rows, columns), how much of the colour lies inside close by and
        how much outside, how much of all colours, and which share of the whole has this colour."""
        height, width = self._size
        across = np.clip((x - self._left + 0.5) / COARSE - 0.5, 0, width - 1).astype(np.float32)
        down = np.clip((y - self._top + 0.5) / COARSE - 0.5, 0, height - 1).astype(np.float32)
        below = np.asarray(down + indices * np.float32(height), np.float32)
        of_colour = cv2.split(cv2.remap(self._by_colour, across, below, cv2.INTER_LINEAR))
        of_all = cv2.split(cv2.remap(self._all, across, down, cv2.INTER_LINEAR))
        return np.asarray([*of_colour, *of_all, self._usual[indices]], np.float32)

    def _counted(self, indices: Indices, inside: Field, finer: int = 1) -> Field:
        """How much of each palette entry lies inside and outside, (2, rows, columns, count) of the coarse grid. Entries
        and shares that lie inside are given so many times finer than the grid."""
        count, cell, (height, width) = len(self.palette.colours), finer * COARSE, indices.shape
        rows, columns = -(-height // cell), -(-width // cell)
        down, across = np.arange(height) // cell, np.arange(width) // cell
        bins = ((down[:, None] * columns + across) * count + indices).ravel()
        distances = ((self.palette.colours[:, None] - self.palette.colours[None]) ** 2).sum(axis=2)
        alike = np.exp(-distances / (2 * ALIKE**2)).astype(np.float32)
        sides = [np.bincount(bins, share.ravel(), rows * columns * count) for share in (inside, 1 - inside)]
        shares = np.concatenate(sides).reshape(-1, count).astype(np.float32) / np.float32(cell**2)
        return in_pieces(shares, alike).reshape(2, rows, columns, count)

    def _remember(self, gathered: Field) -> None:
        """Keep what lies inside and outside round each place of the coarse grid, (2, rows, columns, count)."""
        _, rows, columns, count = gathered.shape
        self._size = rows, columns
        self._all = np.ascontiguousarray(gathered.sum(axis=3).transpose(1, 2, 0))
        self._by_colour = np.ascontiguousarray(gathered.transpose(3, 1, 2, 0)).reshape(count * rows, columns, 2)
        usual = gathered.sum(axis=(0, 1, 2))
        self._usual = np.asarray(np.maximum(usual / usual.sum(), NEVER), np.float32)


def inside_share(distance: Field) -> Field:
    """Share of each pixel that lies inside, 0..1, by its signed distance in pixels."""
    return np.asarray(np.clip(distance + 0.5, 0, 1), np.float32)


def _gathered(counted: Field, sigma: float) -> Field:
    """Each plane of (2, rows, columns, count) blurred over so many grid pixels."""
    blurred = [cv2.GaussianBlur(side, (0, 0), sigma / COARSE).reshape(side.shape) for side in counted]
    return np.asarray(blurred, np.float32)


def likelier_inside(found: Field) -> Field:
    """Log of how much likelier pixels have their colours inside than outside, -LOUDEST..LOUDEST, float32 (rows,
    columns), by what was found of them, (5, rows, columns): in one annotation or, weighted, in two."""
    inside, outside, all_inside, all_outside, usual = found
    before = UNSEEN * usual
    ratio = (inside + before) * (all_outside + UNSEEN) / ((outside + before) * (all_inside + UNSEEN))
    told = np.clip(np.log(ratio), -LOUDEST, LOUDEST)
    return np.asarray(cv2.GaussianBlur(told, (0, 0), SMOOTH), np.float32)


def _agreement(told: Field, distance: Field) -> float:
    """Right less wrong share of the pixels next to the border, inside and outside counting the same."""
    shares = []
    for depth, sign in ((distance, 1), (-distance, -1)):
        near = (depth > BORDER[0]) & (depth < BORDER[1])
        shares.append(float(np.sign(told[near]).mean() * sign) if near.any() else 0.0)
    return sum(shares) / 2


def _colour_beyond_light(seen: npt.NDArray[np.uint8]) -> float:
    """Standard deviation of the two colour axes of Lab values (count, 3), both together, less what a parabola over
    lightness explains."""
    light, colours = seen[:, 0] / 128.0 - 1, seen[:, 1:] - 128.0
    terms = np.stack([np.ones_like(light), light, light * light], axis=1)
    normal = terms.T @ terms + 1e-6 * len(seen) * np.eye(3)  # of flat pictures too
    rest = colours - terms @ np.linalg.solve(normal, terms.T @ colours)
    return float(np.hypot(*rest.std(axis=0)))
