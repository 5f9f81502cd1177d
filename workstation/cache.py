"""What is kept on this machine for each series, and where? Frames, masks, journals; readable by their owner alone.

    <cache>/lock                     one core at a time
    <cache>/listing.json             the server's last list, for starting offline
    <cache>/data/                    what a source plugin downloads
    <cache>/series/<hash>/           ids.json, frames/ (PNG and manifest.json), masks/<version>/, journal.jsonl, save.*

Whatever is not whole has a name of its own and is thrown away: frames count only once manifest.json stands beside them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from workstation.errors import CoreError
from workstation.files import make_directory, replace_directory, write_bytes, write_json
from workstation.series import Manifest, SeriesKey, series_tag

MANIFEST = "manifest.json"


def frame_filename(frame_number: int) -> str:
    """File name of a frame; frame_number is 0-based, the name counts from 1."""
    return f"frame_{frame_number + 1:06d}.png"


class SeriesCache:
    """The directory of one series."""

    def __init__(self, directory: Path, key: SeriesKey) -> None:
        self.directory = directory
        self._key = key
        self.frames = directory / "frames"
        self.new_frames = directory / "frames.new"
        self.masks = directory / "masks"
        self.journal = directory / "journal.jsonl"
        self.save_record = directory / "save.json"
        self.save_archive = directory / "save.tgz"

    def prepare(self) -> None:
        """Makes the directory, if need be, with the ids of the series in it."""
        if not (self.directory / "ids.json").exists():
            make_directory(self.masks)
            write_json(self.directory / "ids.json", list(self._key))

    def fresh_frames(self) -> Path:
        """An empty directory to extract into; what a stopped extraction left there is gone."""
        self.prepare()
        make_directory(self.new_frames, is_fresh=True)
        return self.new_frames

    def finish_frames(self, manifest: Manifest, source: str) -> Manifest:
        """Takes the extracted frames over, all at once. source: what the clip was like (see source_stamp).

        Raises CoreError CLIP_UNREADABLE when frames are missing.
        """
        digest = hashlib.sha256()
        for number in range(manifest.frame_count):
            path = self.new_frames / frame_filename(number)
            if not path.is_file():
                raise CoreError("CLIP_UNREADABLE", "Some frames of this clip could not be extracted.")
            path.chmod(0o600)
            digest.update(path.read_bytes())
        whole = Manifest(**{**manifest.__dict__, "digest": digest.hexdigest()})
        write_json(self.new_frames / MANIFEST, {**whole.to_json(), "source": source})
        write_json(self.directory / MANIFEST, {**whole.to_json(), "source": source})
        replace_directory(self.new_frames, self.frames)
        return whole

    def manifest(self, source: str | None = None) -> Manifest | None:
        """The manifest of the extracted frames, or None. With `source`: None too when the clip has changed since."""
        return self._read_manifest(self.frames, source)

    def last_manifest(self) -> Manifest | None:
        """The manifest of the frames as they were extracted last, also when they are not here any more."""
        return self._read_manifest(self.directory, None)

    @staticmethod
    def _read_manifest(directory: Path, source: str | None) -> Manifest | None:
        try:
            value = json.loads((directory / MANIFEST).read_text("utf-8"))
            if value.pop("source") != source and source is not None:
                return None
            return _manifest(**value)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def has_frames(self, manifest: Manifest) -> bool:
        """Whether every frame's file is there; a disk may lose one, and a person may tidy up."""
        try:
            sizes = {file.name: file.stat().st_size for file in os.scandir(self.frames)}
        except OSError:
            return False
        return all(sizes.get(frame_filename(number)) for number in range(manifest.frame_count))

    def frame(self, frame_number: int) -> bytes:
        """One frame as PNG. Raises CoreError NOT_FOUND."""
        try:
            return (self.frames / frame_filename(frame_number)).read_bytes()
        except OSError as error:
            raise CoreError("NOT_FOUND", "This frame is not on this machine.", 404) from error

    def touch(self) -> None:
        """Notes that the series was opened now, for the cache limit."""
        os.utime(self.directory / "ids.json")

    def size(self) -> int:
        """Bytes of everything kept for this series."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())

    def drop_frames(self) -> None:
        """Removes the pictures."""
        shutil.rmtree(self.frames, ignore_errors=True)
        self.drop_unfinished_frames()

    def drop_unfinished_frames(self) -> None:
        """Removes what an extraction that did not end well has left."""
        shutil.rmtree(self.new_frames, ignore_errors=True)

    def drop_all(self) -> None:
        """Removes everything, journal included."""
        shutil.rmtree(self.directory, ignore_errors=True)


class Cache:
    """All of it. Raises CoreError CACHE_NOT_WRITABLE or CACHE_IN_USE from open()."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock_file: IO[str] | None = None

    def open(self) -> None:
        """Makes the directories and keeps every other core out until close()."""
        try:
            for path in (self.root, self.root / "series", self.data):
                make_directory(path)
            self._lock_file = os.fdopen(os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
            write_bytes(self.root / "writable", b"")
        except OSError as error:
            raise CoreError(
                "CACHE_NOT_WRITABLE", "The folder for downloaded clips (VIDEO_CACHE_PATH) cannot be written to.", 500
            ) from error
        if not _lock(self._lock_file):
            self._lock_file.close()
            self._lock_file = None
            raise CoreError("CACHE_IN_USE", "Goobusters is already running with the same folder of clips.", 409)

    def close(self) -> None:
        """Lets others in."""
        if self._lock_file:
            self._lock_file.close()
            self._lock_file = None

    @property
    def data(self) -> Path:
        """Where source plugins keep their downloads."""
        return self.root / "data"

    def series(self, key: SeriesKey) -> SeriesCache:
        """The directory of one series, which may not exist yet."""
        return SeriesCache(self.root / "series" / series_tag(key), key)

    def known(self) -> Iterator[SeriesKey]:
        """Ids of every series that something is kept of."""
        for path in sorted((self.root / "series").glob("*/ids.json")):
            try:
                study, series = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError, TypeError):
                continue
            if self.series((str(study), str(series))).directory == path.parent:
                yield study, series

    def load_listing(self) -> list[dict[str, Any]]:
        """The server's Series objects as last seen; [] when there are none."""
        try:
            found = json.loads((self.root / "listing.json").read_text("utf-8"))["series"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [series for series in found if isinstance(series, dict)] if isinstance(found, list) else []

    def store_listing(self, series: list[dict[str, Any]]) -> None:
        """Remembers the server's list for the next start."""
        write_json(self.root / "listing.json", {"series": series})

    def enforce_limit(self, limit_bytes: int, in_use: Iterable[SeriesKey]) -> list[SeriesKey]:
        """Removes the pictures of the series unopened for longest until the cache is within its limit.

        Returns whose pictures are gone; those of `in_use` stay.
        """
        removed: list[SeriesKey] = []
        spared = set(in_use)
        entries = [(self.series(key), key) for key in self.known()]
        sizes = {key: entry.size() for entry, key in entries}
        total = sum(sizes.values())
        for entry, key in sorted(entries, key=lambda pair: (pair[0].directory / "ids.json").stat().st_mtime):
            if total <= limit_bytes:
                break
            if key not in spared and entry.manifest() is not None:
                entry.drop_frames()
                total += entry.size() - sizes[key]
                removed.append(key)
        return removed


def _manifest(
    *, frame_count: int, width: int, height: int, times_ms: list[float] | None, digest: str, bit_depth: int
) -> Manifest:
    """From a file that anything may have happened to. Raises TypeError or ValueError unless all of it fits."""
    if any(type(number) is not int or number < 1 for number in (frame_count, width, height, bit_depth)):
        raise ValueError("not a size")
    if times_ms is not None and (len(times_ms) != frame_count or any(type(t) not in (int, float) for t in times_ms)):
        raise ValueError("not the frames' times")
    return Manifest(frame_count, width, height, None if times_ms is None else tuple(times_ms), bit_depth, str(digest))


def source_stamp(clip: Path) -> str:
    """Changes when the clip does: names, sizes and times of its files, as a digest."""
    files = sorted(clip.iterdir()) if clip.is_dir() else [clip]
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path.name}:{status.st_size}:{status.st_mtime_ns};".encode())
    return digest.hexdigest()


def _lock(file: IO[str]) -> bool:
    """Takes the lock of this process, waiting a moment for one that is just ending."""
    for _ in range(10):
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False
