"""How do whole steps of a smooth field go onto the disk at half their size, and quickly? Asked by flow_store.py and
kept_walk.py.

Neighbours differ little: each row is kept as its differences to the row above, a byte each, and the few that need two
are listed behind. Reading is one running sum of rows, twenty times quicker than inflating. A field of noise is kept as
it is.
"""

import struct

import numpy as np
import numpy.typing as npt

HEAD = struct.Struct("<I")
UNPACKED = 0xFFFFFFFF
"""Stands for the number of wide differences when the steps follow as they are."""
WIDE_BYTES = 6

Steps = npt.NDArray[np.int16]


def pack(steps: Steps) -> bytes:
    """Steps int16 (…, height, width) as bytes, at most two for each and four."""
    differences = np.diff(steps, axis=-2, prepend=np.int16(0)).ravel()  # they wrap, and wrap back in the sum
    small = differences.astype(np.int8)
    wide = np.flatnonzero(small != differences)
    if WIDE_BYTES * wide.size > steps.size:
        return HEAD.pack(UNPACKED) + steps.astype("<i2").tobytes()
    listed = wide.astype("<u4").tobytes() + differences[wide].astype("<i2").tobytes()
    return HEAD.pack(wide.size) + small.tobytes() + listed


def unpack(data: bytes | memoryview, shape: tuple[int, ...]) -> Steps:
    """The steps, int16 of this shape, that `pack` was given."""
    count, size = HEAD.unpack_from(data)[0], int(np.prod(shape))
    if count == UNPACKED:
        return np.frombuffer(data, "<i2", size, HEAD.size).reshape(shape)
    differences = np.frombuffer(data, np.int8, size, HEAD.size).astype(np.int16)
    places = HEAD.size + size
    wide = np.frombuffer(data, "<u4", count, places)
    differences[wide] = np.frombuffer(data, "<i2", count, places + 4 * count)
    return np.cumsum(differences.reshape(shape), axis=-2, dtype=np.int16)
