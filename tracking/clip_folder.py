"""How is a folder of PNG or JPEG pictures read as a clip? Used by open_clip.py only."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from tracking.clip import Clip, Picture
from tracking.contracts.dataset import IMAGE_SUFFIXES
from tracking.errors import ClipError

PNG, PNG_END = b"\x89PNG", b"IEND\xaeB`\x82"
JPEG_SCAN, JPEG_END = b"\xff\xda", b"\xff\xd9"


class FolderClip(Clip):
    """Pictures in name order, one a frame. Hidden files and other kinds of file are passed over. Raises ClipError."""

    def __init__(self, path: Path, pictures: list[Path] | None = None) -> None:
        self.path = path
        self._pictures = _list_pictures(path) if pictures is None else pictures
        if not self._pictures:
            raise ClipError("CLIP_EMPTY", "The folder holds no PNG or JPEG picture.")
        sizes = [_size(file) for file in self._pictures]
        self.width, self.height = sizes[0]
        self.frame_count = len(sizes)
        for number, size in enumerate(sizes):
            if size != sizes[0]:
                raise ClipError(
                    "CLIP_SIZES_DIFFER",
                    f"Frame {number} is {size[0]}×{size[1]} pixels, the first one {self.width}×{self.height}.",
                )

    def frames(self) -> Iterator[Picture]:
        for number in range(self.frame_count):
            yield self.frame(number)

    def frame(self, frame_number: int) -> Picture:
        if not 0 <= frame_number < self.frame_count:
            raise ClipError("CLIP_TRUNCATED", f"The clip has no frame {frame_number}.")
        try:
            encoded = self._pictures[frame_number].read_bytes()
            # The stored rows and columns count, not an EXIF remark on how the camera was held: masks are drawn on
            # those.
            flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags) if _is_whole(encoded) else None
        except (OSError, cv2.error) as error:
            raise ClipError("CLIP_UNREADABLE", f"The picture of frame {frame_number} cannot be read.") from error
        if picture is None:
            raise ClipError("CLIP_UNREADABLE", f"The picture of frame {frame_number} cannot be decoded.")
        if picture.shape[:2] != (self.height, self.width):
            raise ClipError("CLIP_SIZES_DIFFER", f"Frame {frame_number} has another size than the first one.")
        return np.asarray(picture, dtype=np.uint8)

    def files(self) -> list[Path]:
        return list(self._pictures)


def _list_pictures(folder: Path) -> list[Path]:
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
    except OSError as error:
        raise ClipError("CLIP_UNREADABLE", f"The folder cannot be read: {error.strerror}.") from error
    return sorted((file for file in found if file.is_file()), key=lambda file: file.name)


def _is_whole(encoded: bytes) -> bool:
    """Whether a picture has its end mark; decoders fill up a picture that was cut off and say nothing.

    In JPEG the mark must follow the last start of scan: a thumbnail in the header has a mark of its own.
    """
    if encoded.startswith(PNG):
        return encoded.rfind(PNG_END) > 0
    return encoded.rfind(JPEG_END) > encoded.rfind(JPEG_SCAN)


def _size(file: Path) -> tuple[int, int]:
    """Width and height from the header alone."""
    try:
        with Image.open(file) as image:
            width, height = image.size
            return int(width), int(height)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ClipError("CLIP_UNREADABLE", f"{file.name} is no picture that can be read.") from error
