"""Do all decoders read our masks back to the pixel, whatever their size and content?"""

import io

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.tracking.helpers import disc
from tracking.contracts.masks import decode_mask, mask_size
from tracking.mask_webp import _code_lengths, _green_code, encode_mask_webp


def check(mask: np.ndarray) -> bytes:
    data = encode_mask_webp(mask)
    height, width = mask.shape
    assert mask_size(data) == (width, height)
    assert decode_mask(data, width, height) == mask.tobytes()
    assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), mask)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGB"
    return data


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 70), st.integers(1, 70), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_any_mask_comes_back(height: int, width: int, share: float, seed: int) -> None:
    check(((np.random.default_rng(seed).random((height, width)) < share) * 255).astype(np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 8), (480, 640), (749, 709), (1374, 1918), (3, 16384)])
@pytest.mark.parametrize("value", [0, 255])
def test_plain_masks_of_all_sizes(size: tuple[int, int], value: int) -> None:
    assert len(check(np.full(size, value, np.uint8))) < 1300


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 4095, 4096, 4097, 8192, 8193, 12289])
def test_copies_of_every_length(length: int) -> None:
    mask = np.zeros((length + 2, 8), np.uint8)
    mask[-1, 3] = 255
    check(mask)


def test_a_usual_mask_is_small() -> None:
    assert len(check(disc(480, 640, 300.3, 200.7, 120))) < 2500


def test_any_value_but_zero_is_white() -> None:
    grey, white = (np.array([row], np.uint8) for row in ([0, 1, 7, 255], [0, 255, 255, 255]))
    assert encode_mask_webp(grey) == encode_mask_webp(white)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 16385)])
def test_impossible_sizes_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="16384"):
        encode_mask_webp(np.zeros(shape, np.uint8))


def test_the_code_is_complete_and_short_enough() -> None:
    lengths = _green_code()[1].tolist()
    assert sum(2.0**-length for length in lengths) == 1 and min(lengths) >= 1 and max(lengths) <= 15
    assert max(_code_lengths([float(lengths.count(length)) for length in range(16)])) <= 7
