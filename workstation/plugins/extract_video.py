"""Frames of a video with OpenCV, which is imported only when a video is opened (the iPad has another extractor).

Frames, their count and their order are those of `tracking.clip_video`, which reads clips for the server: the same
decoder with the same options, counted by decoding, refused when the header promised clearly more.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from tracking.contracts.dataset import VIDEO_SUFFIXES
from workstation.cache import frame_filename
from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import Manifest

_MISSING_TOLERATED = 0.05
_COUNTED = (".mp4", ".mov", ".m4v")
_WRITERS = 2
_WAITING = 8
_STILL_GRAY = 3  # colour channels of gray video differ by the rounding of its codec, in steps of 255
_UNREADABLE = "This clip cannot be read: it is no video that can be decoded."


@hookimpl
def extract_frames(clip: Path, target: Path, job: Job) -> Manifest | None:
    """Decodes from the start and writes PNGs (fast compression) in two more threads; OpenCV lets go of the GIL."""
    if clip.is_dir() or clip.suffix.lower() not in VIDEO_SUFFIXES:
        return None
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # one line a damaged packet otherwise; we say it ourselves
    try:
        import cv2
    except ImportError:
        return None  # as on an iPad: whoever else can read videos is asked

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise CoreError("CLIP_UNREADABLE", _UNREADABLE)
        return _extract(cv2, capture, clip, target, job)
    finally:
        capture.release()


def _extract(cv2: Any, capture: Any, clip: Path, target: Path, job: Job) -> Manifest:
    promised = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    shape: tuple[int, int] | None = None
    times: list[float] = []
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="png") as pool:
        waiting: deque[Future[None]] = deque()
        while True:
            readable, picture = capture.read()
            if not readable:
                break
            if shape is not None and picture.shape[:2] != shape:
                raise CoreError("CLIP_SIZES_DIFFER", "The size of the picture changes within the clip.")
            shape = picture.shape[:2]
            waiting.append(pool.submit(_write, cv2, picture, target / frame_filename(len(times))))
            times.append(float(capture.get(cv2.CAP_PROP_POS_MSEC)))
            if len(waiting) > _WAITING:
                waiting.popleft().result()
            job.progress(min(len(times), promised) if promised else len(times), promised)
        for future in waiting:
            future.result()
    if shape is None:
        raise CoreError("CLIP_UNREADABLE", _UNREADABLE)
    _check_length(clip, len(times), promised)
    return Manifest(len(times), shape[1], shape[0], _from_zero(times), bit_depth=8)


def _write(cv2: Any, picture: Any, path: Path) -> None:
    if picture.ndim == 3:
        blue, green, red = cv2.split(picture)
        if max(cv2.absdiff(blue, green).max(), cv2.absdiff(green, red).max()) <= _STILL_GRAY:
            picture = green  # gray ultrasound in a colour video: a third of the work and of the disk
    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise CoreError("CLIP_UNREADABLE", "A frame of this clip cannot be written as PNG.")
    path.write_bytes(data.tobytes())


def _check_length(clip: Path, count: int, promised: int) -> None:
    if clip.suffix.lower() in _COUNTED and count < promised * (1 - _MISSING_TOLERATED) - 2:
        raise CoreError(
            "CLIP_TRUNCATED", f"This clip is cut off: only {count} of its {promised} frames can be decoded."
        )


def _from_zero(times: list[float]) -> tuple[float, ...] | None:
    """Times in ms from the first frame, or None when the container has none that grow."""
    shifted = tuple(round(time - times[0], 3) for time in times)
    return shifted if all(a < b for a, b in pairwise(shifted)) else None
