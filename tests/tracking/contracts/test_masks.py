"""One mask as lossless WebP: exact both ways, everything else refused before or while decoding."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tracking.contracts.archive import ArchiveError
from tracking.contracts.masks import decode_mask, encode_mask, mask_size


@given(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))
def test_pixels_come_back_exactly(width: int, height: int, random: object) -> None:
    pixels = bytes(random.choice((0, 255)) for _ in range(width * height))  # type: ignore[attr-defined]
    data = encode_mask(pixels, width, height)
    assert mask_size(data) == (width, height)
    assert decode_mask(data, width, height) == pixels


def saved(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "MASK_NOT_LOSSLESS_WEBP"),
        (b"RIFF" + b"\0" * 40, "MASK_NOT_LOSSLESS_WEBP"),
        (saved(Image.new("L", (8, 6)), format="PNG"), "MASK_NOT_LOSSLESS_WEBP"),
        (saved(Image.new("RGB", (8, 6)), format="WEBP", quality=80), "MASK_NOT_LOSSLESS_WEBP"),
        (saved(Image.new("RGB", (8, 7)), format="WEBP", lossless=True), "MASK_WRONG_SIZE"),
        (saved(Image.new("RGB", (8, 6), (1, 1, 1)), format="WEBP", lossless=True), "MASK_WRONG_VALUES"),
        (saved(Image.new("RGB", (8, 6), (255, 0, 0)), format="WEBP", lossless=True), "MASK_WRONG_VALUES"),
        (encode_mask(bytes(48), 8, 6)[:30], "MASK_NOT_LOSSLESS_WEBP"),
    ],
)
def test_anything_else_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        decode_mask(data, 8, 6)
    assert caught.value.code == code


def test_a_forged_size_is_refused_without_decoding() -> None:
    data = bytearray(encode_mask(bytes(48), 8, 6))
    data[21:25] = (16_382 | 16_382 << 14).to_bytes(4, "little")
    with pytest.raises(ArchiveError) as caught:
        decode_mask(bytes(data), 8, 6)
    assert caught.value.code == "MASK_WRONG_SIZE"
