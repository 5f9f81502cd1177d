"""Which kind of clip is this file or folder? Asked by track.py, the benchmarks and the server's jobs.

A clip is a video (whatever OpenCV decodes, raw .h264 and .mpeg included), a DICOM file (one or many frames) or a
folder of PNG/JPEG pictures in name order.
"""

from collections.abc import Callable
from pathlib import Path

from tracking.clip import Clip
from tracking.clip_folder import FolderClip
from tracking.clip_video import VideoClip
from tracking.contracts.dataset import IMAGE_SUFFIXES
from tracking.contracts.dicom import is_dicom
from tracking.errors import ClipError


def open_clip(path: str | Path, cancelled: Callable[[], bool] = lambda: False) -> Clip:
    """Open a video, DICOM file or folder of pictures. Raises ClipError with one of the codes in its docstring."""
    clip = _open(Path(path))
    clip.cancelled = cancelled
    return clip


def _open(path: Path) -> Clip:
    try:
        if not path.exists():
            raise ClipError("CLIP_MISSING", "There is no clip at this place.")
        if path.is_dir():
            return FolderClip(path)
        if path.stat().st_size == 0:
            raise ClipError("CLIP_EMPTY", "The clip is an empty file.")
        dicom = is_dicom(path)
    except OSError as error:
        raise ClipError("CLIP_UNREADABLE", f"The clip cannot be read: {error.strerror}.") from error
    if dicom:
        from tracking.clip_dicom import DicomClip  # here: pydicom costs a third of a second that videos need not pay

        return DicomClip(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FolderClip(path.parent, [path])
    return VideoClip(path)
