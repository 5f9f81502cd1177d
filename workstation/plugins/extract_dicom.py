"""Frames of a DICOM file with pydicom and Pillow, without NumPy, so that it runs on the iPad too.

Gray frames of more than 8 bits are shown through the file's own window, else from the smallest to the largest value.
"""

from __future__ import annotations

import array
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tracking.contracts.dicom import DECODE_ERRORS, is_dicom
from workstation.cache import frame_filename
from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.jobs import Job
from workstation.series import Manifest

if TYPE_CHECKING:
    from pydicom import Dataset

_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_UNREADABLE = "This DICOM file cannot be read, or its pictures cannot be decoded here."


@hookimpl
def extract_frames(clip: Path, target: Path, job: Job) -> Manifest | None:
    """One PNG a frame: gray or RGB, 8 bits."""
    if clip.is_dir() or not _is_dicom(clip):
        return None
    import pydicom  # here and not above: where NumPy is installed, pydicom loads it
    from pydicom.errors import InvalidDicomError

    try:
        dataset = pydicom.dcmread(clip)
        count = int(dataset.get("NumberOfFrames") or 1)
        size = int(dataset.Columns), int(dataset.Rows)
        written = 0
        window = _window(dataset) or _range(dataset, size)
        for image in _images(dataset, size):
            if written == count:
                break
            _to_shown(image, dataset, window).save(target / frame_filename(written), "PNG", compress_level=1)
            written += 1
            job.progress(written, count)
    except (InvalidDicomError, *DECODE_ERRORS) as error:
        raise CoreError("CLIP_UNREADABLE", _UNREADABLE) from error
    if written < count:
        raise CoreError("CLIP_TRUNCATED", f"This clip is cut off: only {written} of its {count} frames are there.")
    return Manifest(count, *size, times_ms=_times(dataset, count), bit_depth=int(dataset.get("BitsStored") or 8))


def _is_dicom(clip: Path) -> bool:
    try:
        return is_dicom(clip)
    except OSError:
        return False


def _images(dataset: Dataset, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Frames as Pillow images: L, RGB, P, or I (32 bit) for gray of more than 8 bits."""
    from pydicom.encaps import generate_frames
    from pydicom.pixels.decoders.base import get_decoder

    uid = dataset.file_meta.TransferSyntaxUID
    if uid in _JPEG_2000:
        for data in generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)):
            with Image.open(io.BytesIO(data)) as image:
                image.load()
                yield image.copy() if image.mode in ("L", "RGB") else _unshifted(image, data)
        return
    for buffer, meta in get_decoder(uid).iter_buffer(dataset):
        is_swapped = not uid.is_little_endian and int(meta["bits_allocated"]) == 16
        yield _from_buffer(_swapped(buffer) if is_swapped else bytes(buffer), meta, size)


def _swapped(data: Any) -> bytes:
    samples = array.array("H", bytes(data))
    samples.byteswap()
    return samples.tobytes()


def _unshifted(image: Image.Image, data: bytes) -> Image.Image:
    """Stored values of a JPEG 2000 picture of 9 to 16 bits: Pillow shifts them up to 16 bits, signed ones to >= 0."""
    size_marker = data.index(b"\xff\x51")
    sample = data[size_marker + 40]  # Ssiz: the highest bit says signed, the others bits a sample less 1
    bits, is_signed = (sample & 0x7F) + 1, bool(sample & 0x80)
    scale, offset = 1 / (1 << (16 - bits)), (1 << (bits - 1)) if is_signed else 0
    return image.convert("I").point(lambda value: value * scale - offset)


def _from_buffer(data: bytes, meta: Any, size: tuple[int, int]) -> Image.Image:
    photometric, bits = str(meta["photometric_interpretation"]), int(meta["bits_allocated"])
    pixels = size[0] * size[1]
    if bits == 16 and photometric.startswith("MONOCHROME"):
        samples = array.array("h" if meta.get("pixel_representation") else "H", data[: 2 * pixels])
        if sys.byteorder == "big":
            samples.byteswap()
        return Image.frombytes("I", size, array.array("i", samples).tobytes())
    if bits != 8:
        raise NotImplementedError(f"{bits} bits a sample")
    if photometric.startswith("MONOCHROME"):
        return Image.frombytes("L", size, data[:pixels])
    if photometric == "PALETTE COLOR":
        return Image.frombytes("P", size, data[:pixels])
    if photometric == "YBR_FULL_422" and len(data) < 3 * pixels:
        data = _upsampled(data)
    if meta.get("planar_configuration") == 1:
        bands = [Image.frombytes("L", size, data[n * pixels : (n + 1) * pixels]) for n in range(3)]
        image = Image.merge("RGB", bands)
        return image if photometric == "RGB" else Image.merge("YCbCr", bands).convert("RGB")
    mode = "RGB" if photometric == "RGB" else "YCbCr"
    return Image.frombytes(mode, size, data[: 3 * pixels]).convert("RGB")


def _upsampled(data: bytes) -> bytes:
    """Y1 Y2 Cb Cr for each pair of pixels → Y Cb Cr for each pixel."""
    out = bytearray(len(data) // 4 * 6)
    for place, source in ((0, 0), (1, 2), (2, 3), (3, 1), (4, 2), (5, 3)):
        out[place::6] = data[source::4]
    return bytes(out)


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """Stored values that become black and white, by the file's linear window; None when it has none."""
    if not dataset.get("WindowWidth"):
        return None
    centre, width = (_first(dataset[name].value) for name in ("WindowCenter", "WindowWidth"))
    slope = float(dataset.get("RescaleSlope") or 1) or 1.0
    offset = float(dataset.get("RescaleIntercept") or 0)
    low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return (low - offset) / slope, (high - offset) / slope


def _range(dataset: Dataset, size: tuple[int, int]) -> tuple[float, float] | None:
    """Smallest and largest stored value of all frames of gray with more than 8 bits, so that brightness stays even."""
    if int(dataset.BitsAllocated) <= 8 or not str(dataset.PhotometricInterpretation).startswith("MONOCHROME"):
        return None
    extrema: list[tuple[float, float]] = [_extrema(image) for image in _images(dataset, size)]
    return min(low for low, _ in extrema), max(high for _, high in extrema)


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise NotImplementedError("gray with more than one channel")
    return float(low), float(high)


def _first(value: Any) -> float:
    return float(value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value)


def _to_shown(image: Image.Image, dataset: Dataset, window: tuple[float, float] | None) -> Image.Image:
    if image.mode == "P":
        image.putpalette(_palette(dataset))
        return image.convert("RGB")
    if image.mode == "RGB":
        return image
    if window:
        low, high = window
        scale = 255.0 / ((high - low) or 1.0)
        image = image.convert("F").point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
    return image.point(range(255, -1, -1)) if dataset.PhotometricInterpretation == "MONOCHROME1" else image


def _palette(dataset: Dataset) -> bytes:
    """256 RGB colours from the file's palette (16-bit entries: the upper byte)."""
    bands = []
    for colour in ("Red", "Green", "Blue"):
        count, first, bits = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        entries = data[1::2] if bits == 16 or len(data) >= 2 * (count or 65536) else data
        bands.append((bytes(first) + bytes(entries) + bytes(256))[:256])
    return bytes(value for colour in zip(*bands, strict=True) for value in colour)


def _times(dataset: Dataset, count: int) -> tuple[float, ...] | None:
    """Times of the frames in ms from FrameTimeVector, FrameTime or CineRate, as far as the file says."""
    vector = dataset.get("FrameTimeVector")
    if vector is not None and count > 1 and len(vector) == count:
        times, now = [], 0.0
        for step in vector:
            now += float(step)
            times.append(round(now - float(vector[0]), 3))
        return tuple(times)
    rate = dataset.get("CineRate") or dataset.get("RecommendedDisplayFrameRate")
    step = float(dataset.get("FrameTime") or 0) or (1000 / float(rate) if rate else 0)
    return tuple(round(n * step, 3) for n in range(count)) if step > 0 else None
