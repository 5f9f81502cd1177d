"""Does another server already use this state directory? Held by `server.__main__` as long as it runs.

The system gives the lock back when the process ends, however it ends, so nothing stale can stay behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from server.files import make_directory


class StateLocked(Exception):
    """Another process holds the lock."""


class StateLock:
    """Context manager around `server_state/lock`. Raises StateLocked, OSError."""

    def __init__(self, state_path: Path) -> None:
        self._state_path = state_path
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> StateLock:
        make_directory(self._state_path)
        self._stream = (self._state_path / "lock").open("ab")
        try:
            _lock(self._stream)
        except (BlockingIOError, PermissionError) as error:
            self._stream.close()
            raise StateLocked from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        os.lseek(stream.fileno(), 0, os.SEEK_SET)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
