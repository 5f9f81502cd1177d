"""Do packed steps come back as they were, whatever they are, and are smooth ones half as large?"""

import numpy as np
import pytest

from tracking.packed_steps import HEAD, pack, unpack

SHAPE = (2, 30, 41)


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[0:30, 0:41]
    return np.stack([400 * np.sin(columns / 9 + rows / 7), -25000 + 60 * rows]).astype(np.int16)


def torn() -> np.ndarray:
    steps = smooth()
    steps[:, 12:, :] += 3000  # where one movement ends and another begins
    steps[0, 7, 3:5] = (-32768, 32767)
    return steps


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(-32768, 32767, SHAPE, np.int16, endpoint=True)


@pytest.mark.parametrize(("steps", "bytes_each"), [(smooth(), 1.01), (torn(), 1.3), (noise(), 2.01)])
def test_comes_back_and_is_small(steps: np.ndarray, bytes_each: float) -> None:
    packed = pack(steps)
    assert np.array_equal(unpack(packed, SHAPE), steps)
    first_row = 6 * 2 * 41  # its differences to nothing may all be wide
    assert len(packed) <= bytes_each * steps.size + HEAD.size + first_row


def test_an_edge_of_one_column_and_one_row() -> None:
    for shape in ((1, 1), (1, 9), (9, 1)):
        steps = np.full(shape, -32768, np.int16)
        assert np.array_equal(unpack(pack(steps), shape), steps)
