"""Turns one mask into lossless WebP bytes and back, and refuses anything else. Used by server and workstation.

The one module here that needs Pillow: both sides must make the very same check, and Pillow is on every client.
Masks here are bytes of H*W values, row-major, 0 or 255 (no NumPy: the iPad has none).
"""

from __future__ import annotations

import io

from PIL import Image

from tracking.contracts.archive import ArchiveError

_BLACK_OR_WHITE = {(0, 0, 0), (255, 255, 255), (0, 0, 0, 255), (255, 255, 255, 255)}


def encode_mask(pixels: bytes, width: int, height: int) -> bytes:
    """Lossless WebP of a mask. pixels: H*W bytes of 0 or 255, row-major. Raises ValueError on a wrong length."""
    if len(pixels) != width * height:
        raise ValueError(f"{len(pixels)} pixels are not {width}x{height}")
    out = io.BytesIO()
    Image.frombytes("L", (width, height), pixels).save(out, "WEBP", lossless=True, quality=0, method=0)
    return out.getvalue()


def mask_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header alone, nothing decoded. Raises ArchiveError MASK_NOT_LOSSLESS_WEBP."""
    plain = len(data) >= 25 and data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and data[20] == 0x2F
    if not plain:
        raise ArchiveError("MASK_NOT_LOSSLESS_WEBP", "A mask is not a plain lossless WebP image.")
    bits = int.from_bytes(data[21:25], "little")
    return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1


def decode_mask(data: bytes, width: int, height: int) -> bytes:
    """H*W bytes of 0 or 255, row-major.

    Raises ArchiveError MASK_NOT_LOSSLESS_WEBP, MASK_WRONG_SIZE or MASK_WRONG_VALUES; the size is checked before a
    pixel is decoded, so a forged header costs nothing.
    """
    size = mask_size(data)
    if size != (width, height):
        raise ArchiveError("MASK_WRONG_SIZE", f"A mask is {size[0]}x{size[1]}, the clip is {width}x{height}.")
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            image.load()
            colours = image.getcolors(2)
            pixels: bytes = image.convert("L").tobytes()
    except (OSError, ValueError, SyntaxError) as error:
        raise ArchiveError("MASK_NOT_LOSSLESS_WEBP", "A mask cannot be decoded.") from error
    if colours is None or not {colour for _, colour in colours} <= _BLACK_OR_WHITE:
        raise ArchiveError("MASK_WRONG_VALUES", "A mask has pixels that are neither 0 nor 255.")
    return pixels
