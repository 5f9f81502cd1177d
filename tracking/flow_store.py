"""Where is a clip's flow kept, so that a retrack only moves masks? Used by motion.py; the server names the directory.

One file a clip: `<key>.flow`, the key being a hash of the clip's digest, the flow method and everything else that
decides it. File layout (little endian): a header line of JSON, then for each frame a record of
  picture: its length, and the frame scaled down as JPEG (grey or colour);
  small:   its length, and that picture scaled down to the grid as plain values, (grid_height, grid_width) or with BGR:
           what a retrack looks at, with nothing to decode;
  flows:   their length, and int16 (2, 2, grid_height, grid_width) as packed_steps.py packs it: from the previous frame
           to this one, then from this one back; x, then y, in 1/FLOW_STEPS of a grid pixel; absent for frame 0;
then the table of record offsets, and a footer with the table's place and a CRC of everything before it.
A file under construction is `<key>.<random>.part`; it is renamed when whole, so a `.flow` file is always whole or
damaged later.
"""

import contextlib
import json
import logging
import os
import struct
import time
import uuid
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tracking.packed_steps import pack, unpack

LOG = logging.getLogger(__name__)

FLOW_STEPS = 128
"""Flow is kept in steps of 1/128 grid pixel (1/32 clip pixel at 640×480)."""

DEFAULT_LIMIT = 20 * 1024**3
LENGTH = struct.Struct("<I")
FOOTER = struct.Struct("<QII4s")
MAGIC = b"gfl2"
STALE_PART_SECONDS = 3600.0
CRC_BLOCK = 1 << 22


@dataclass(frozen=True)
class FlowHeader:
    """What a kept file is about: sizes in pixels (clip, pictures, grid)."""

    width: int
    height: int
    picture_width: int
    picture_height: int
    grid_width: int
    grid_height: int


class FlowFile:
    """One clip's records, readable by number while they are being appended. Not shared between threads."""

    def __init__(self, stream: BinaryIO, header: FlowHeader, offsets: list[int], end: int) -> None:
        self.header = header
        self.part: Path | None = None
        """Where the file lies while it is under construction in a store."""
        self._stream = stream
        self._offsets = offsets
        self._end = end

    @property
    def record_count(self) -> int:
        """How many frames are in the file so far."""
        return len(self._offsets)

    @classmethod
    def create(cls, stream: BinaryIO, header: FlowHeader) -> "FlowFile":
        """Begin an empty file in a stream opened for reading and writing."""
        start = stream.write(json.dumps(asdict(header)).encode() + b"\n")
        return cls(stream, header, [], start)

    @classmethod
    def load(cls, stream: BinaryIO) -> "FlowFile":
        """Open a whole file. Raises ValueError when anything in it is damaged."""
        stream.seek(0, os.SEEK_END)
        size = stream.tell() - FOOTER.size
        if size < 0:
            raise ValueError("too short")
        stream.seek(size)
        table, count, crc, magic = FOOTER.unpack(stream.read(FOOTER.size))
        if magic != MAGIC or table + 8 * count != size or _crc(stream, size) != crc:
            raise ValueError("damaged")
        stream.seek(0)
        header = FlowHeader(**json.loads(stream.readline()))
        stream.seek(table)
        offsets = np.frombuffer(stream.read(8 * count), "<u8").tolist()
        return cls(stream, header, offsets, table)

    def append(self, picture: bytes, small: npt.NDArray[np.uint8], flows: npt.NDArray[np.float32] | None) -> None:
        """Add the next frame: its JPEG, its grid picture uint8 (gh, gw) or (gh, gw, 3) and, except for frame 0, flows
        float32 (2, gh, gw, 2) in grid pixels."""
        steps = b"" if flows is None else pack(quantise(flows).transpose(0, 3, 1, 2))
        record = b"".join(LENGTH.pack(len(part)) + part for part in (picture, small.tobytes(), steps))
        self._stream.seek(self._end)
        self._stream.write(record)
        self._offsets.append(self._end)
        self._end += len(record)

    def picture(self, frame_number: int) -> bytes:
        """The JPEG of a frame's small picture."""
        return self._part(frame_number, 0)

    def small(self, frame_number: int) -> npt.NDArray[np.uint8]:
        """A frame's grid picture, uint8 (gh, gw) or (gh, gw, 3)."""
        values = np.frombuffer(self._part(frame_number, 1), np.uint8)
        size = (self.header.grid_height, self.header.grid_width)
        return values.reshape(size if values.size == size[0] * size[1] else (*size, 3))

    def flows(self, frame_number: int) -> npt.NDArray[np.float32]:
        """Flow from frame_number-1 to frame_number and back, float32 (2, gh, gw, 2) in grid pixels."""
        height, width = self.header.grid_height, self.header.grid_width
        steps = unpack(self._part(frame_number, 2), (2, 2, height, width)).transpose(0, 2, 3, 1)
        return np.multiply(steps, np.float32(1 / FLOW_STEPS), order="C")

    def finish(self) -> None:
        """Write table and footer; the file is whole afterwards."""
        self._stream.seek(self._end)
        self._stream.write(np.asarray(self._offsets, "<u8").tobytes())
        size = self._end + 8 * len(self._offsets)
        self._stream.flush()
        self._stream.seek(0)
        crc = _crc(self._stream, size)
        self._stream.seek(size)
        self._stream.write(FOOTER.pack(self._end, len(self._offsets), crc, MAGIC))
        self._stream.flush()

    def move_to(self, path: Path) -> None:
        """Put a finished file into its place. It stays readable here, also when another process removes it."""
        if self.part is None:
            return
        if os.name == "nt":  # renames no open files, and removes none either
            self._stream.close()
            self.part.replace(path)
            self._stream = path.open("rb")
        else:
            self.part.replace(path)
        self.part = None

    def close(self) -> None:
        """Close the stream; the object is of no use afterwards."""
        self._stream.close()

    def _part(self, frame_number: int, place: int) -> bytes:
        """A record's part: picture, small, flows."""
        self._stream.seek(self._offsets[frame_number])
        for _ in range(place):
            self._stream.seek(self._length(), os.SEEK_CUR)
        return self._stream.read(self._length())

    def _length(self) -> int:
        length: int = LENGTH.unpack(self._stream.read(LENGTH.size))[0]
        return length


def quantise(flows: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Grid-pixel displacements as int16 steps; what leaves the int16 range (256 grid pixels) is held at its end."""
    return np.clip(np.rint(flows * FLOW_STEPS), -32768, 32767).astype("<i2")


class FlowStore:
    """A directory of kept flow with a limit on its size in bytes; the least recently used clips go first."""

    def __init__(self, directory: Path, limit: int = DEFAULT_LIMIT) -> None:
        self.directory = directory
        self.limit = limit

    def open(self, key: str) -> FlowFile | None:
        """The kept file of that key, or None when there is none or it is damaged (which is then removed)."""
        path = self._path(key)
        try:
            stream = path.open("rb")
        except OSError:
            return None
        try:
            file = FlowFile.load(stream)
        except (OSError, ValueError, TypeError) as error:
            LOG.warning("kept flow is damaged and is computed again: %s", type(error).__name__)
            stream.close()
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(FileNotFoundError):  # another process removed it just now; the open file stays
            os.utime(path)
        return file

    def begin(self, key: str, header: FlowHeader) -> FlowFile:
        """Begin a file under construction. Raises OSError when the directory cannot be written."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._drop_stale_parts()
        part = self.directory / f"{key}.{uuid.uuid4().hex}.part"
        file = FlowFile.create(part.open("x+b"), header)
        file.part = part
        return file

    def keep(self, key: str, file: FlowFile) -> None:
        """Turn a finished file under construction into the kept one, then bring the directory below its limit."""
        file.finish()
        file.move_to(self._path(key))
        self.evict(keeping=key)

    def walk_path(self, key: str, start: int, step: int) -> Path:
        """Where the walk from frame `start` lies, ascending (step 1) or descending (-1)."""
        return self.directory / f"{key}.{start}{'f' if step > 0 else 'b'}.walk"

    def drop(self, file: FlowFile) -> None:
        """Forget a file under construction."""
        if file.part is not None:
            file.part.unlink(missing_ok=True)

    def evict(self, keeping: str = "") -> None:
        """Remove the least recently used files until the rest fits the limit; those of the key `keeping` are spared."""
        aged = []
        for path in [*self.directory.glob("*.flow"), *self.directory.glob("*.walk")]:
            try:
                info = path.stat()
            except FileNotFoundError:
                continue  # another worker removed it first
            aged.append((info.st_mtime, info.st_size, path))
        total = sum(size for _, size, _ in aged)
        for _, size, path in sorted(aged):
            if total <= self.limit:
                return
            if path.name.partition(".")[0] != keeping and _removed(path):
                total -= size

    def _path(self, key: str) -> Path:
        return self.directory / f"{key}.flow"

    def _drop_stale_parts(self) -> None:
        for part in self.directory.glob("*.part"):
            try:
                if time.time() - part.stat().st_mtime > STALE_PART_SECONDS:
                    part.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # its own process removed it meanwhile


def _removed(path: Path) -> bool:
    """Remove a file; False when another process on Windows is reading it, which then is no old file after all."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return False
    return True


def _crc(stream: BinaryIO, size: int) -> int:
    """CRC-32 of the first `size` bytes."""
    stream.seek(0)
    crc, left = 0, size
    while left > 0 and (block := stream.read(min(CRC_BLOCK, left))):
        crc = zlib.crc32(block, crc)
        left -= len(block)
    return crc
