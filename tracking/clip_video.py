"""How is a video read? Used by open_clip.py only.

The frame count in a video's header is often wrong, so frames are counted by decoding. OpenCV's FFmpeg decides order and
orientation, as it does in the workstation's extraction: both sides see the same frames.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

# FFmpeg writes one line per damaged packet to the terminal; we say it once, in our own words. Must be set before the
# first capture.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from tracking.clip import Clip, Picture, as_bgr
from tracking.errors import ClipError

MISSING_FRAMES_TOLERATED = 0.05
"""Containers count a few frames that no decoder shows; more than this share missing means the file was cut off."""


class VideoClip(Clip):
    """A video file, decoded from the start each time. Raises ClipError when no frame can be decoded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._capture() as capture:
            readable, picture = capture.read()
            self._promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if not readable or picture is None:
            raise ClipError("CLIP_UNREADABLE", "The clip cannot be read: it is no video that can be decoded.")
        self.height, self.width = picture.shape[:2]

    @cached_property
    def frame_count(self) -> int:  # type: ignore[override]
        """Number of frames that decode. Raises ClipError CLIP_TRUNCATED when the header promised clearly more."""
        count = 0
        with self._capture() as capture:
            while capture.grab():
                count += 1
                self.stop_if_cancelled()
        if (
            self.path.suffix.lower() in (".mp4", ".mov", ".m4v")
            and count < self._promised * (1 - MISSING_FRAMES_TOLERATED) - 2
        ):
            promised = int(self._promised)
            raise ClipError(
                "CLIP_TRUNCATED", f"The clip is cut off: only {count} of its {promised} frames can be decoded."
            )
        return count

    def frames(self) -> Iterator[Picture]:
        with self._capture() as capture:
            while True:
                readable, picture = capture.read()
                if not readable:
                    return
                if picture.shape[:2] != (self.height, self.width):
                    raise ClipError("CLIP_SIZES_DIFFER", "The size of the picture changes within the clip.")
                yield as_bgr(np.asarray(picture, np.uint8))

    def files(self) -> list[Path]:
        return [self.path]

    @contextmanager
    def _capture(self) -> Iterator[cv2.VideoCapture]:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the error raised below says it better
        try:
            capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        finally:
            cv2.utils.logging.setLogLevel(level)
        try:
            if not capture.isOpened():
                raise ClipError("CLIP_UNREADABLE", "The clip cannot be read: it is no video that can be decoded.")
            yield capture
        finally:
            capture.release()
