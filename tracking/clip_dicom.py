"""How is a DICOM file read as a clip, looking as a viewer would show it? Used by open_clip.py only."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import iter_pixels

from tracking.clip import Clip, Picture, as_bgr
from tracking.contracts.dicom import DECODE_ERRORS
from tracking.errors import ClipError

GREY = ("MONOCHROME1", "MONOCHROME2")


class DicomClip(Clip):
    """One DICOM instance with one or many frames: 8 or 16 bit, MONOCHROME1/2, palette, RGB or YBR. Raises ClipError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with _quiet():
                self._header = pydicom.dcmread(path, stop_before_pixels=True)
            self.height, self.width = int(self._header.Rows), int(self._header.Columns)
            self.frame_count = int(self._header.get("NumberOfFrames") or 1)
            self._photometric = str(self._header.PhotometricInterpretation)
        except (InvalidDicomError, *DECODE_ERRORS) as error:
            raise ClipError("CLIP_UNREADABLE", "The clip cannot be read: it is no DICOM file with pictures.") from error
        if self.frame_count < 1 or not self.width or not self.height:
            raise ClipError("CLIP_EMPTY", "The DICOM file holds no frame.")
        self._range: tuple[float, float] | None = None

    def frames(self) -> Iterator[Picture]:
        if (
            self._photometric in GREY
            and self._header.BitsAllocated > 8
            and not self._has_window()
            and self._range is None
        ):
            self._range = self._find_range()
        count = 0
        for pixels in self._decoded():
            yield self._shown(pixels)
            count += 1
        if count < self.frame_count:
            raise _cut_off(count, self.frame_count)

    def files(self) -> list[Path]:
        return [self.path]

    def _decoded(self) -> Iterator[npt.NDArray[Any]]:
        """Frames as stored (YBR turned to RGB), one at a time."""
        count = 0
        try:
            with _quiet():
                stored = iter_pixels(self.path)
            while True:
                with _quiet():
                    pixels = next(stored, None)
                if pixels is None:
                    return
                yield pixels
                count += 1
        except DECODE_ERRORS as error:
            if count:
                raise _cut_off(count, self.frame_count) from error
            raise ClipError("CLIP_UNREADABLE", "The pictures in the DICOM file cannot be decoded.") from error

    def _shown(self, pixels: npt.NDArray[Any]) -> Picture:
        """Stored values → uint8 BGR with modality LUT, window and inversion applied."""
        if self._photometric == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, self._header)
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype != np.uint8 else pixels
        if pixels.ndim == 3:
            return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels, np.uint8), cv2.COLOR_RGB2BGR), np.uint8)
        if pixels.dtype == np.uint8 and not self._has_window():
            grey = pixels
        else:
            low, high = self._window_range() if self._has_window() else self._range or (0.0, 255.0)
            values = self._with_window(pixels)
            grey = np.clip((values - low) * (255.0 / max(high - low, 1e-6)) + 0.5, 0, 255).astype(np.uint8)
        return as_bgr(255 - grey if self._photometric == "MONOCHROME1" else grey)

    def _has_window(self) -> bool:
        return bool(self._header.get("WindowWidth") or self._header.get("VOILUTSequence"))

    def _with_window(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        values = apply_modality_lut(pixels, self._header)
        return np.asarray(apply_voi_lut(values, self._header) if self._has_window() else values, np.float64)

    def _window_range(self) -> tuple[float, float]:
        """The values between which a window's output lies, as apply_voi_lut defines them."""
        if self._header.get("VOILUTSequence"):
            return 0.0, float(2 ** int(self._header.VOILUTSequence[0].LUTDescriptor[2]) - 1)
        bits, signed = int(self._header.BitsStored), bool(self._header.PixelRepresentation)
        ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1], np.float64)
        if "RescaleSlope" in self._header:
            ends = ends * float(self._header.RescaleSlope) + float(self._header.get("RescaleIntercept", 0))
        return float(ends.min()), float(ends.max())

    def _find_range(self) -> tuple[float, float]:
        """Smallest and largest value of the whole clip, so that brightness does not jump from frame to frame."""
        low, high = np.inf, -np.inf
        for pixels in self._decoded():
            self.stop_if_cancelled()
            values = self._with_window(pixels)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        return low, high


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings from pydicom: they quote values of the header, which may be names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _cut_off(count: int, promised: int) -> ClipError:
    return ClipError("CLIP_TRUNCATED", f"The clip is cut off: only {count} of its {promised} frames can be decoded.")
