"""How does anything get onto the disk so that a crash leaves the old or the new, never half? Used by all of the store.

Writes go to a temporary name beside the target, are flushed to the disk when they must survive a power cut, and are
renamed. A file that cannot be understood is never deleted or overwritten: `set_aside` renames it and says so.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import os
import threading
import zlib
from pathlib import Path
from typing import IO, Any

from tracking.contracts.disk import sync_directory

log = logging.getLogger("goobusters.files")

TEMPORARY = ".tmp-"
ASIDE = ".set-aside-"
_BLOCK = 1 << 20


def make_directory(path: Path) -> None:
    """Creates a directory (and its parents) that its owner alone can read."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def prove_writable(directory: Path) -> None:
    """Makes a directory and proves that files can be written there; leaves none. Raises OSError."""
    make_directory(directory)
    probe = directory / f"probe{TEMPORARY}{os.getpid()}"
    probe.write_bytes(b"x")
    probe.unlink()


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replaces `path` by `data` in one step; with `durable` it survives a power cut from then on. Raises OSError."""
    temporary = path.with_name(f"{path.name}{TEMPORARY}{os.getpid()}-{threading.get_ident()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """write_atomic of `value` as indented JSON, for people who look into the directory."""
    write_atomic(path, (json.dumps(value, indent=1) + "\n").encode(), durable=durable)


def sync_file(path: Path) -> None:
    """Flushes a file that another process has written."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def read_json_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`; None when there is no such file, or when it is garbage and was set aside."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, IsADirectoryError):
        value = None
    if not isinstance(value, dict):
        set_aside(path)
        return None
    return value


def is_whole(packed: IO[bytes]) -> bool:
    """Whether a .tgz is all there, by its own checksum; what is in it was checked when it was written."""
    size = 0
    try:
        with gzip.open(packed) as stream:
            while block := stream.read(_BLOCK):
                size += len(block)
    except (OSError, EOFError, zlib.error):
        return False
    return size > 0  # a file that lost its content in a power cut passes for an empty archive


def is_whole_file(path: Path) -> bool:
    """The same of a file; false also when the disk refuses to read it, or when there is none."""
    try:
        with path.open("rb") as packed:
            return is_whole(packed)
    except OSError:
        return False


def set_aside(path: Path) -> Path | None:
    """Renames something unreadable so that it is kept but not read again, and logs it. None when that fails."""
    for number in range(1000):
        aside = path.with_name(f"{path.name}{ASIDE}{number}")
        if aside.exists():
            continue
        try:
            path.rename(aside)
        except OSError as error:
            log.error("set_aside_failed", extra={"file": path.name, "reason": error.strerror})
            return None
        log.error("set_aside", extra={"file": aside.name, "reason": "cannot be read"})
        return aside
    return None


def expect(path: Path, *, directory: bool) -> None:
    """Sets aside what stands in the place of a directory or of a file and is none."""
    if path.exists() and path.is_dir() is not directory:
        set_aside(path)


def remove_leftovers(directory: Path) -> None:
    """Deletes temporary files that a killed server left in `directory`."""
    for path in directory.glob(f"*{TEMPORARY}*"):
        path.unlink(missing_ok=True)
