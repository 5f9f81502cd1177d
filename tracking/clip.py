"""What is a clip, whatever kind of file it is? The kinds are in clip_video.py, clip_dicom.py and clip_folder.py;
open_clip.py picks one.

Frames are numbered from 0. Frames are streamed: no reader holds more than one at a time.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tracking.errors import Cancelled, ClipError

Picture = npt.NDArray[np.uint8]

DIGEST_BLOCK = 1 << 20


class Clip(ABC):
    """A readable clip. `width` and `height` are in pixels, the same for all frames; `frame_count` is found by decoding.

    Counting and hashing ask `cancelled` now and then and raise Cancelled when it says so.
    """

    path: Path
    width: int
    height: int
    frame_count: int
    cancelled: Callable[[], bool] = staticmethod(lambda: False)

    @abstractmethod
    def frames(self) -> Iterator[Picture]:
        """Yield every frame in order: uint8 (height, width, 3), channels in BGR order. Raises ClipError."""

    @abstractmethod
    def files(self) -> list[Path]:
        """The files that make up the clip, in a fixed order."""

    def frame(self, frame_number: int) -> Picture:
        """One frame by its number (slow for video: decodes from the start). Raises ClipError when there is no such
        frame."""
        for index, picture in enumerate(self.frames()):
            if index == frame_number:
                return picture
        raise ClipError("CLIP_TRUNCATED", f"The clip has no frame {frame_number}.")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names (folders only) and contents of the clip's files: equal digests mean equal clips."""
        digest = hashlib.sha256()
        for file in self.files():
            if file != self.path:
                digest.update(file.name.encode() + b"\0")
            try:
                with file.open("rb") as stream:
                    while block := stream.read(DIGEST_BLOCK):
                        self.stop_if_cancelled()
                        digest.update(block)
            except OSError as error:
                raise ClipError("CLIP_UNREADABLE", f"The clip cannot be read: {error.strerror}.") from error
        return digest.hexdigest()

    def stop_if_cancelled(self) -> None:
        """Raises Cancelled when the caller asked to stop."""
        if self.cancelled():
            raise Cancelled


def as_bgr(picture: npt.NDArray[np.uint8]) -> Picture:
    """A grey (H, W) or BGR (H, W, 3) uint8 picture as BGR."""
    return picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
