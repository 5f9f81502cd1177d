"""How do things move in this clip? The one window through which propagation sees pictures and flow; opened by track.py.

Two sizes below the clip's own:
- *pictures*: frames scaled down to about Params.picture_pixels, for flow, appearance and texture;
- the *grid*: one sample each Params.grid_step picture pixels, on which flow is kept and coordinates are composed.
Sample centres follow the picture: the clip's point (x, y) lies on the grid at ((x + .5) * grid_width / width - .5, …).

Measured on the development sequences: DIS at 320×240 kept on a 160×120 grid gives the same masks as DIS at full size
(Dice .935/.779 against .936/.777 from the first frame) in a quarter of the time.

Frames are decoded once, in order, when first asked for; what is kept on disk is not computed again.
"""

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt

from tracking.clip import Clip, Picture, as_bgr
from tracking.errors import Cancelled, ClipError, OutputError
from tracking.flow import Flow, FlowMethod, Grey, flow_between
from tracking.flow_store import FlowFile, FlowHeader, FlowStore
from tracking.kept_walk import KeptWalk
from tracking.leftovers import follow_leftovers
from tracking.params import FLOW_VERSION, Params

Value = TypeVar("Value")

PICTURE_QUALITY = 95
GREY_TOLERANCE = 12
REPEAT = 3.0
"""Grey values by which a frame may differ from an earlier one, averaged over a cell, and count as the same picture
shown again: recorders double frames, and encoders add noise to them."""
REPEAT_CELL = 8
"""Side of these cells in picture pixels: so small a thing that moves still makes a difference."""
REMEMBERED = 64
"""Decoded pictures and flows kept in memory (about 1 MB each): several labels in one clip read the same frames in
lockstep."""


class Motion:
    """Pictures and flow of one clip. Use as a context manager; not shared between threads.

    `frame_count`, `width`, `height` are the clip's; `picture_size` and `grid_size` are (height, width).
    `on_frame_found(count)` is called when so many frames have their flow.
    Every method that needs frames not yet decoded raises ClipError, and Cancelled when `cancelled()` turns true
    meanwhile.
    """

    def __init__(
        self,
        clip: Clip,
        method: FlowMethod,
        params: Params,
        store: FlowStore | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.clip, self.method, self.params = clip, method, params
        self.width, self.height = clip.width, clip.height
        self._cancelled = cancelled
        self.on_frame_found: Callable[[int], None] = lambda count: None
        self._store = store
        self._key = flow_key(clip, method, params) if store else ""
        kept = store.open(self._key) if store else None
        self.was_kept = kept is not None
        self._source: Iterator[Picture] | None = None
        self._last: _Seen | None = None
        self._file = kept or self._begin()
        header = self._file.header
        self.picture_size = (header.picture_height, header.picture_width)
        self.grid_size = (header.grid_height, header.grid_width)
        if kept:
            clip.frame_count = kept.record_count  # known, so the clip need not be decoded to count
        self._pictures: OrderedDict[int, Picture] = OrderedDict()
        self._walks: dict[tuple[int, int], KeptWalk] = {}
        self._grid_pictures: OrderedDict[int, Picture] = OrderedDict()
        self._flows: OrderedDict[int, npt.NDArray[np.float32]] = OrderedDict()

    def __enter__(self) -> "Motion":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def frame_count(self) -> int:
        """How many frames the clip has."""
        return self.clip.frame_count

    def forward(self, frame_number: int) -> Flow:
        """Flow from this frame to the next one: float32 (grid_height, grid_width, 2), x then y, in grid pixels. Read
        only."""
        return cast(Flow, self._pair(frame_number + 1)[0])

    def backward(self, frame_number: int) -> Flow:
        """Flow from this frame to the one before it: float32 (grid_height, grid_width, 2), x then y, in grid pixels.
        Read only."""
        return cast(Flow, self._pair(frame_number)[1])

    def picture(self, frame_number: int) -> Picture:
        """The frame scaled down: uint8 (picture_height, picture_width, 3), BGR. Read only."""
        if frame_number not in self._pictures:
            self._need(frame_number)
            self._remember(self._pictures, frame_number, as_bgr(_decode(self._file.picture(frame_number))))
        return self._pictures[frame_number]

    def grey(self, frame_number: int) -> Grey:
        """The frame scaled down: uint8 (picture_height, picture_width)."""
        return np.asarray(cv2.cvtColor(self.picture(frame_number), cv2.COLOR_BGR2GRAY), np.uint8)

    def grid_picture(self, frame_number: int) -> Picture:
        """The frame scaled down to the grid: uint8 (grid_height, grid_width, 3), BGR. Read only."""
        if frame_number not in self._grid_pictures:
            self._need(frame_number)
            self._remember(self._grid_pictures, frame_number, as_bgr(self._file.small(frame_number)))
        return self._grid_pictures[frame_number]

    def fine_picture(self, frame_number: int) -> Picture:
        """The frame twice as finely as the grid: uint8 (2 grid_height, 2 grid_width, 3), BGR. Read only."""
        size = (2 * self.grid_size[1], 2 * self.grid_size[0])
        return np.asarray(cv2.resize(self.picture(frame_number), size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def kept_walk(self, start: int, step: int) -> KeptWalk:
        """What is kept of the walk from this frame, ascending (step 1) or descending (-1); the same object each
        time."""
        if (start, step) not in self._walks:
            path = self._store.walk_path(self._key, start, step) if self._store else None
            self._walks[start, step] = KeptWalk(self.grid_size, path)
        return self._walks[start, step]

    def stop_if_cancelled(self) -> None:
        """Raises Cancelled when the caller asked to stop."""
        if self._cancelled():
            raise Cancelled

    def finish(self) -> None:
        """When there is a store, compute and keep what is still missing."""
        if self._store:
            self._need(self.frame_count - 1)

    def close(self) -> None:
        """Release files; flow that is not complete is forgotten."""
        if self._source is not None:
            close = getattr(self._source, "close", None)
            if close:
                close()
        self._file.close()
        if self._store:
            self._store.drop(self._file)
            self._store.evict(keeping=self._key)

    def _begin(self) -> FlowFile:
        header = sizes(self.clip.width, self.clip.height, self.params)
        if self._store:
            try:
                return self._store.begin(self._key, header)
            except OSError:
                self._store = None  # a full or read-only disk costs speed next time, not the masks of today
        return FlowFile.create(cast(BinaryIO, tempfile.TemporaryFile()), header)

    def _pair(self, frame_number: int) -> npt.NDArray[np.float32]:
        if frame_number not in self._flows:
            self._need(frame_number)
            self._remember(self._flows, frame_number, self._file.flows(frame_number))
        return self._flows[frame_number]

    def _need(self, frame_number: int) -> None:
        """Decode and compute up to this frame."""
        while self._file.record_count <= frame_number:
            self.stop_if_cancelled()
            self._advance()
        self.stop_if_cancelled()

    def _advance(self) -> None:
        number = self._file.record_count
        if self._source is None:
            self._source = self.clip.frames()
        frame = next(self._source, None)
        if frame is None:
            raise ClipError(
                "CLIP_TRUNCATED", f"The clip is cut off: frame {number} of {self.frame_count} cannot be decoded."
            )
        picture = np.asarray(cv2.resize(frame, self.picture_size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._last is not None and _is_repeat(self._last.grey, grey):
            seen = self._last  # and stays it: what moves too slowly to be seen from frame to frame adds up
            flows: npt.NDArray[np.float32] | None = np.zeros((2, *self.grid_size, 2), np.float32)
        else:
            seen = self._seen(number, picture, grey)
            flows = self._both_ways(self._last, seen) if self._last is not None else None
        try:
            self._file.append(seen.encoded, seen.small, flows)
            if self._file.record_count == self.frame_count and self._store:
                self._store.keep(self._key, self._file)
        except OSError as error:
            raise OutputError("OUTPUT_UNWRITABLE", f"Flow cannot be kept: {error.strerror}.") from error
        self._last = seen
        self.on_frame_found(number + 1)

    def _seen(self, number: int, picture: Picture, grey: Grey) -> "_Seen":
        encoded = _encode(picture, grey)
        kept = _decode(encoded)  # what a later run will see, and grey when it has no colour to speak of
        self._remember(self._pictures, number, as_bgr(kept))
        return _Seen(grey, encoded, np.asarray(cv2.resize(kept, self.grid_size[::-1], interpolation=cv2.INTER_AREA)))

    def _both_ways(self, last: "_Seen", seen: "_Seen") -> npt.NDArray[np.float32]:
        """Flow between the last frame and this one, there and back on the grid, in grid pixels: float32
        (2, grid_height, grid_width, 2)."""
        pairs = ((last.grey, seen.grey), (seen.grey, last.grey))
        flows = np.stack([self._on_grid(flow_between(self.method, one, other)) for one, other in pairs])
        last_small, small = last.small, seen.small
        if last_small.ndim != small.ndim:  # one of the two has no colour to speak of
            last_small, small = as_bgr(last_small), as_bgr(small)
        return follow_leftovers(last_small, small, flows)

    def _on_grid(self, flow: Flow) -> Flow:
        grid = cv2.resize(flow, self.grid_size[::-1], interpolation=cv2.INTER_AREA)
        ratios = (self.grid_size[1] / self.picture_size[1], self.grid_size[0] / self.picture_size[0])
        scale = np.array(ratios, np.float32)
        return np.asarray(grid * scale, np.float32)

    @staticmethod
    def _remember(memory: "OrderedDict[int, Value]", number: int, value: Value) -> None:
        memory[number] = value
        if len(memory) > REMEMBERED:
            memory.popitem(last=False)


@dataclass(frozen=True)
class _Seen:
    """A frame scaled down: grey as decoded, and the JPEG and the grid picture that are kept of it."""

    grey: Grey = field(repr=False)
    encoded: bytes = field(repr=False)
    small: Picture = field(repr=False)


def _is_repeat(one: Grey, other: Grey) -> bool:
    """Whether two frames, uint8 (height, width), show the same picture but for an encoder's noise."""
    height, width = one.shape
    cells = max(1, width // REPEAT_CELL), max(1, height // REPEAT_CELL)
    missed = cv2.resize(cv2.absdiff(one, other).astype(np.float32), cells, interpolation=cv2.INTER_AREA)
    return float(missed.max()) < REPEAT


def sizes(width: int, height: int, params: Params) -> FlowHeader:
    """Sizes of pictures and grid for a clip of this size."""
    scale = min(1.0, (params.picture_pixels / (width * height)) ** 0.5)
    picture_width, picture_height = max(1, round(width * scale)), max(1, round(height * scale))
    grid_width, grid_height = -(-picture_width // params.grid_step), -(-picture_height // params.grid_step)
    return FlowHeader(width, height, picture_width, picture_height, grid_width, grid_height)


def flow_key(clip: Clip, method: FlowMethod, params: Params) -> str:
    """Name of kept flow: a hash of all that decides it."""
    text = f"{FLOW_VERSION} {method.name} {method.version} {params.picture_pixels} {params.grid_step} {clip.digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _encode(picture: Picture, grey: Grey) -> bytes:
    """JPEG of a small picture, one channel when it has no colour to speak of."""
    blue, green, red = cv2.split(picture)
    colour = max(float(cv2.absdiff(blue, green).max()), float(cv2.absdiff(green, red).max()))
    is_grey = colour <= GREY_TOLERANCE
    good, encoded = cv2.imencode(".jpg", grey if is_grey else picture, [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])
    if not good:
        raise ClipError("CLIP_UNREADABLE", "A frame of the clip cannot be scaled down.")
    return bytes(encoded)


def _decode(encoded: bytes) -> npt.NDArray[np.uint8]:
    """A kept JPEG: uint8 (height, width), or (height, width, 3) in BGR."""
    return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
