"""How is a body in chunks read without ever holding more of it than was asked for? The `wsgi.input` of `http_server`.

Cheroot's own reader takes each chunk whole, and a line that says how long one is without any limit.
"""

from __future__ import annotations

import re
from typing import IO

_LONGEST_LINE = 256
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?\r\n")


class ChunkedBody:
    """The body behind `stream`, which stands at its first chunk."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = 0
        self.is_ended = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises ValueError when it is cut off or not in chunks, OSError."""
        if self._left == 0 and not self.is_ended:
            self._begin_chunk()
        if self.is_ended:
            return b""
        data = self._stream.read(min(size, self._left))
        if not data:
            raise ValueError("the body is cut off")
        self._left -= len(data)
        if self._left == 0 and self._stream.read(2) != b"\r\n":
            raise ValueError("a chunk is longer than it says")
        return data

    def _begin_chunk(self) -> None:
        line = _SIZE.fullmatch(self._stream.readline(_LONGEST_LINE))
        if line is None:
            raise ValueError("a chunk does not say how long it is")
        self._left = int(line[1], 16)
        self.is_ended = self._left == 0
