"""Frames of a folder of PNG or JPEG pictures, in name order, with Pillow (no NumPy)."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from tracking.contracts.dataset import IMAGE_SUFFIXES
from workstation.cache import frame_filename
from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import Manifest

_SHOWN_BY_BROWSERS = ("1", "L", "LA", "P", "RGB", "RGBA")


@hookimpl
def extract_frames(clip: Path, target: Path, job: Job) -> Manifest | None:
    """One frame a picture; a PNG of 8 bits is copied as it is."""
    pictures = _pictures(clip)
    if pictures is None:
        return None
    size: tuple[int, int] | None = None
    for number, path in enumerate(pictures):
        found = _extract(path, target / frame_filename(number), number)
        if size is not None and found != size:
            raise CoreError("CLIP_SIZES_DIFFER", "The pictures of this clip have different sizes.")
        size = found
        job.progress(number + 1, len(pictures))
    if size is None:
        raise CoreError("CLIP_EMPTY", "This folder holds no PNG or JPEG picture.")
    return Manifest(len(pictures), *size, times_ms=None, bit_depth=8)


def _pictures(clip: Path) -> list[Path] | None:
    if not clip.is_dir():
        return [clip] if clip.suffix.lower() in IMAGE_SUFFIXES else None
    found = [path for path in clip.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.name)


def _extract(path: Path, target: Path, number: int) -> tuple[int, int]:
    try:
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            image.load()
            if image.format == "PNG" and image.mode in _SHOWN_BY_BROWSERS and image.info.get("transparency") is None:
                shutil.copyfile(path, target)
            else:
                is_gray = image.mode.startswith(("I", "F", "L"))
                (_gray(image) if is_gray else image.convert("RGB")).save(target, "PNG", compress_level=1)
            return image.width, image.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CoreError("CLIP_UNREADABLE", f"Picture {number + 1} of this clip cannot be read.") from error


def _gray(image: Image.Image) -> Image.Image:
    """8-bit gray; of 16-bit pictures the upper byte."""
    if image.mode.startswith("I"):
        return image.convert("F").point(lambda value: value * (1 / 256) + 0).convert("L")
    return image.convert("L")
