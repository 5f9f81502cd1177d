"""Where are walks kept, so that a retrack need not go them again? Filled by walk.py through Motion.kept_walk.

A walk depends on the clip and on the annotated frame it starts from, never on what was painted there. A repainted mask
therefore finds its walks ready, and only a newly annotated frame costs new ones.
One file a walk, `<flow key>.<start><f or b>.walk`, records appended in the order of the walk, each with its length and
a CRC. A record that is damaged ends the walk; what follows is walked again. Two processes that write the same walk
write the same bytes to the same places.
"""

import logging
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tracking.packed_steps import pack, unpack

LOG = logging.getLogger(__name__)
HEAD = struct.Struct("<II")
DISPLACEMENT_STEPS = 128
LIKENESS_STEPS = 100

Field = npt.NDArray[np.float32]


class KeptWalk:
    """The frames of one walk by their place in it: displacement float32 (gh, gw, 2) in grid pixels, likeness (gh,
    gw)."""

    def __init__(self, grid_size: tuple[int, int], path: Path | None = None) -> None:
        """`path` None: remembered for this run only."""
        self._grid_size = grid_size
        self._path = path
        self._records: list[bytes] = []
        self._end = 0
        if path is not None and path.is_file():
            self._load(path)

    def at(self, place: int) -> tuple[Field, Field, int] | None:
        """Displacement, likeness and `vain` of the walk's frame number `place` (from 0), or None when it did not get
        that far."""
        return _decode(self._records[place], self._grid_size) if place < len(self._records) else None

    def keep(self, displacement: Field, likeness: Field, vain: int) -> tuple[Field, Field, int]:
        """Keep the walk's next frame; `vain` 0..255 is walk.py's own. Returns it rounded as a later run will see it: go
        on from that."""
        steps = np.clip(np.rint(displacement * DISPLACEMENT_STEPS), -32768, 32767).astype("<i2")
        alike = np.rint(np.clip(likeness, -1, 1) * LIKENESS_STEPS).astype(np.int8)
        record = _encode(steps, alike, vain)
        self._records.append(record)
        if self._path is not None:
            try:
                self._write(self._path, record)
            except OSError as error:
                LOG.warning("a walk cannot be kept and will be gone again: %s", error.strerror)
                self._path = None
        return steps * np.float32(1 / DISPLACEMENT_STEPS), alike * np.float32(1 / LIKENESS_STEPS), vain

    def _write(self, path: Path, record: bytes) -> None:
        """Append the newest record; all of them when the file is not there, or not any more: another process that
        needed the room may have removed it."""
        try:
            stream, start = path.open("r+b"), self._end
        except FileNotFoundError:
            stream, start = path.open("w+b"), 0
        with stream:
            stream.seek(start)
            for each in [record] if start else self._records:
                start += stream.write(HEAD.pack(len(each), zlib.crc32(each)) + each)
        self._end = start

    def _load(self, path: Path) -> None:
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return  # another process removed it just now: it is gone again, at the cost of time
        while self._end + HEAD.size <= len(data):
            length, crc = HEAD.unpack_from(data, self._end)
            record = data[self._end + HEAD.size : self._end + HEAD.size + length]
            # Zeros, where a file has a hole, would be an empty record whose CRC is right.
            if not length or len(record) < length or zlib.crc32(record) != crc:
                LOG.warning("a kept walk is damaged and is gone again from there")
                return
            self._records.append(record)
            self._end += HEAD.size + length


def _encode(steps: npt.NDArray[np.int16], alike: npt.NDArray[np.int8], vain: int) -> bytes:
    """`vain` in a byte, likeness as it is, then the displacement's steps, x and y apart."""
    return bytes([vain]) + alike.tobytes() + pack(steps.transpose(2, 0, 1))


def _decode(record: bytes, grid_size: tuple[int, int]) -> tuple[Field, Field, int]:
    height, width = grid_size
    alike = np.frombuffer(record, np.int8, height * width, offset=1).reshape(grid_size)
    x, y = unpack(memoryview(record)[1 + alike.size :], (2, height, width)) * np.float32(1 / DISPLACEMENT_STEPS)
    displacement = np.asarray(cv2.merge([x, y]), np.float32)
    return displacement, alike * np.float32(1 / LIKENESS_STEPS), record[0]
