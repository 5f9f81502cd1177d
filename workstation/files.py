"""How is a file written so that it is whole or absent, and readable by its owner alone? Used by cache and journal."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tracking.contracts.disk import sync_directory


def make_directory(path: Path, *, is_fresh: bool = False) -> None:
    """Makes a directory (and those above it) that its owner alone may enter; with is_fresh, an empty one."""
    if is_fresh and path.exists():
        shutil.rmtree(path)
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)


def write_bytes(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """Writes a whole file in one step (temporary file, then rename), mode 0600; fsynced when is_durable."""
    temporary = path.with_name(path.name + ".part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        if is_durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)
    if is_durable:
        sync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file in one durable step."""
    write_bytes(path, json.dumps(value, ensure_ascii=True, allow_nan=False).encode())


def replace_directory(source: Path, target: Path) -> None:
    """Puts a finished directory in its place; an older one there goes away."""
    sync_directory(source)
    if target.exists():
        old = target.with_name(target.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        source.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        source.rename(target)
    sync_directory(target.parent)
