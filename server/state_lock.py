"""Does another server already use this directory, of state or of masks? Held by `server.__main__` as long as it runs.

The system gives the lock back when the process ends, however it ends, so nothing stale can stay behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from server.files import make_directory

RESTORING = "restoring"
"""A file beside the lock while `backup.restore` fills the directory: what is half restored must not be served."""


class StateLocked(Exception):
    """Another process holds the lock."""


class StateLock:
    """Context manager around the file `lock` in a directory. Raises StateLocked, OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def __enter__(self) -> StateLock:
        make_directory(self._directory)
        self._descriptor = os.open(self._directory / "lock", os.O_RDONLY | os.O_CREAT, 0o600)
        try:
            _lock(self._descriptor)
        except (BlockingIOError, PermissionError) as error:
            os.close(self._descriptor)
            raise StateLocked from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
