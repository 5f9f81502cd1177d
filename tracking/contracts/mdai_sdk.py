"""Fetches an export from MD.ai through its SDK, in a child process that can be cancelled: for desktop and server.

mdai_sync calls fetch(). Standard library only; the SDK is imported by the child alone (mdai_sdk_child).
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tracking.contracts.mdai_types import MESSAGES, Fetched, MdaiError, Source, SyncProgress, Watch

STALL_SECONDS = 120.0
_ROOT = Path(__file__).resolve().parents[2]


def fetch(
    source: Source, directory: Path, have: str | None, watch: Watch, stall_seconds: float = STALL_SECONDS
) -> Fetched:
    """One export: annotations, and all image parts unless the image export is `have` (see mdai_types.Fetch).

    A child that says nothing for stall_seconds is ended: MDAI_STALLED. The same when it is cancelled.
    """
    if have is not None:
        (directory / have).mkdir()  # the SDK does not download what has a folder already
    annotations: Path | None = None
    try:
        with _child(source, directory) as lines:
            for event in _events(lines, watch, stall_seconds):
                if event["event"] == "progress":
                    watch.step(SyncProgress(event["phase"], event["percent"] or 0, 100))
                elif event["event"] == "annotations":
                    annotations = directory / event["file"]
                elif event["event"] == "images" and annotations is not None:
                    return Fetched(annotations, event["export"], tuple(directory / name for name in event["files"]))
                elif event["event"] == "failed":
                    raise MdaiError(event["code"] if event["code"] in MESSAGES else "MDAI_STOPPED")
        raise MdaiError("MDAI_STOPPED")
    except MdaiError as error:
        if annotations is None:
            raise
        return Fetched(annotations, images_error=error)


@contextmanager
def _child(source: Source, directory: Path) -> Iterator[queue.Queue[str]]:
    """A running child process; its lines, "" after the last. It is gone when the block is left."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tracking.contracts.mdai_sdk_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise MdaiError("MDAI_STOPPED")
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        _ask(process.stdin, source, directory)
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        _close(process.stdin)


def _ask(stdin: IO[str], source: Source, directory: Path) -> None:
    """The token travels here: not in the arguments, which every user of the machine can read."""
    request = {"domain": source.domain, "token": source.token, "path": str(directory)}
    request |= {"project_id": source.project_id, "dataset_id": source.dataset_id}
    try:
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
    except OSError as error:
        raise MdaiError("MDAI_STOPPED") from error


def _close(stdin: IO[str]) -> None:
    try:
        stdin.close()
    except OSError:  # what was not sent any more is of no interest: the child is gone
        return


def _read(stdout: IO[str], lines: queue.Queue[str]) -> None:
    for line in stdout:
        lines.put(line)
    lines.put("")


def _events(lines: queue.Queue[str], watch: Watch, stall_seconds: float) -> Iterator[dict[str, Any]]:
    heard = time.monotonic()
    while True:
        watch.step()
        try:
            line = lines.get(timeout=0.1)
        except queue.Empty:
            if time.monotonic() - heard > stall_seconds:
                raise MdaiError("MDAI_STALLED") from None
            continue
        heard = time.monotonic()
        if not line:
            return
        yield json.loads(line)
