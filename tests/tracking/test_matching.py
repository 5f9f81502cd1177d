"""Is a picture found again after a large movement, and is nothing made up where there is nothing to match?"""

import cv2
import numpy as np
import pytest

from tracking.matching import find_landmarks, find_movement, search_movement


def _texture(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).uniform(0, 255, (60, 80)).astype(np.float32)
    return cv2.resize(rough, (320, 240), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def test_turned_scaled_and_shifted_picture_is_found() -> None:
    picture = _texture(1)
    truth = cv2.getRotationMatrix2D((160, 120), 12, 1.15)
    truth[:, 2] += (35, -22)
    moved = cv2.warpAffine(picture, truth, (320, 240))
    movement = find_movement(find_landmarks(picture), find_landmarks(moved))
    assert movement is not None
    corners = np.array([[100, 80, 1], [220, 80, 1], [160, 170, 1]], np.float64)
    assert np.abs(corners @ movement.T - corners @ truth.T).max() < 1.5


def test_unlike_pictures_give_no_movement() -> None:
    assert find_movement(find_landmarks(_texture(1)), find_landmarks(_texture(2))) is None


def test_pictures_without_landmarks_give_no_movement() -> None:
    flat, tiny = np.full((240, 320), 80, np.uint8), np.zeros((12, 9), np.uint8)
    assert find_movement(find_landmarks(flat), find_landmarks(_texture(1))) is None
    assert len(find_landmarks(tiny).points) == 0


def _soft(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(0, 1, (120, 160)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 9)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def test_soft_picture_without_landmarks_is_searched_for() -> None:
    picture = _soft(3)
    truth = cv2.getRotationMatrix2D((80, 60), 11, 1.15)
    truth[:, 2] += (14, -11)
    moved = cv2.warpAffine(picture, truth, (160, 120), borderMode=cv2.BORDER_REFLECT)
    assert find_movement(find_landmarks(picture), find_landmarks(moved)) is None
    movement = search_movement(picture, moved)
    assert movement is not None
    inner = np.array([[60, 45, 1], [100, 45, 1], [80, 75, 1]], np.float64)
    assert np.abs(inner @ movement.T - inner @ truth.T).max() < 4


@pytest.mark.parametrize("shape", [(120, 160), (1, 1), (3, 2000), (2000, 1)])
def test_nothing_is_found_in_flat_or_thin_pictures(shape: tuple[int, int]) -> None:
    flat = np.full(shape, 90, np.uint8)
    assert search_movement(flat, flat) is None
    if min(shape) < 100:
        rough = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        assert search_movement(rough, rough) is None
