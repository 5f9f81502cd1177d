"""What of MD.ai's data set is whole on this disk? The one place that writes there; mdai_sync calls it.

    ROOT/images/STUDY/SERIES.mp4   whole clips, MD.ai's layout; an unchanged clip keeps its file from export to export
    ROOT/annotations.json          the last annotation export that was readable
    ROOT/manifest.json             the image export that is here: its name, every clip's size and checksum, when; and
                                   which of its clips were removed on purpose
    ROOT/download/                 what is being fetched; worth nothing, and emptied, after a stop
    ROOT/incoming/, manifest.next.json   checked clips on their way to images/; completed after a stop

Standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracking.contracts.dataset import DatasetError, Index, read_export, read_index
from tracking.contracts.disk import sync_directory
from tracking.contracts.mdai_types import MdaiError, SyncProgress, Watch
from tracking.contracts.mdai_unzip import Member, extract, list_members


@dataclass(frozen=True)
class Manifest:
    """Which image export is here. files: {"STUDY/SERIES.mp4": (size in bytes, CRC-32)}; export None: none was whole.

    removed: those of the files that somebody deleted here and nobody has wanted since.
    """

    export: str | None = None
    synced_at: str | None = None
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


class LocalCopy:
    """The data set below `root`. Not for two processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.images = root / "images"
        self.annotations = root / "annotations.json"
        self._manifest = root / "manifest.json"
        self._next = root / "manifest.next.json"
        self._download = root / "download"
        self._incoming = root / "incoming"

    def recover(self) -> None:
        """Creates the directories, completes a publication that was interrupted, throws half downloads away."""
        for directory in (self.root, self.images):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _read_manifest(self._next) is not None:
            self._finish_publication()
        self.discard_download()

    def manifest(self) -> Manifest:
        """What the manifest says; an empty one when there is none or it cannot be read."""
        return _read_manifest(self._manifest) or Manifest()

    def missing(self) -> int:
        """How many clips of the manifest are gone or have another size; those with another size are removed."""
        count = 0
        manifest = self.manifest()
        for name, (size, _) in manifest.files.items():
            path = self.images / name
            if name in manifest.removed:
                continue
            if not path.is_file() or path.stat().st_size != size:
                path.unlink(missing_ok=True)
                count += 1
        return count

    def fresh_download(self) -> Path:
        """An empty directory to fetch into."""
        self.discard_download()
        self._download.mkdir(mode=0o700)
        return self._download

    def discard_download(self) -> None:
        """Throws away what was fetched and not published."""
        for directory in (self._download, self._incoming):
            shutil.rmtree(directory, ignore_errors=True)

    def publish_annotations(self, path: Path) -> None:
        """Makes a fetched annotation export the one that counts. Raises MdaiError MDAI_DOWNLOAD_BROKEN, and OSError."""
        try:
            read_export(path)
        except DatasetError as error:
            raise MdaiError("MDAI_DOWNLOAD_BROKEN") from error
        path.chmod(0o600)
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
        path.replace(self.annotations)
        sync_directory(self.root)

    def publish_images(self, export: str, archives: tuple[Path, ...], watch: Watch) -> None:
        """Checks an image export, unpacks what changed, and makes it the one that counts, in one step.

        Raises MdaiError MDAI_DOWNLOAD_BROKEN, MDAI_EXPORT_UNSAFE, SyncCancelled, OSError; then nothing has changed.
        """
        members = list_members(archives, export)
        before = self.manifest()
        removed = before.removed & {member.name for member in members}
        changed = [m for m in members if m.name not in removed and not self._is_here(m, before.files)]
        self._incoming.mkdir(mode=0o700)
        extract(changed, self._incoming, lambda done: watch.step(SyncProgress("unpacking", done, len(changed))))
        sync_directory(self._incoming)
        files = {member.name: (member.size, member.crc) for member in members}
        self._publish(Manifest(export, _now(), files, removed))

    def confirm(self) -> None:
        """Notes that MD.ai still has the image export that is here."""
        self._publish(replace(self.manifest(), synced_at=_now()))

    def index(self) -> Index:
        """What the copy holds, removed clips included: their files do not exist. Raises OSError."""
        manifest = self.manifest()
        absent = {name: manifest.files[name][0] for name in manifest.removed if name in manifest.files}
        return read_index(self.images, self.annotations, absent)

    def remove(self, clip: Path) -> None:
        """Deletes a clip (a file, or a directory of images); it is not fetched again until want(). Raises OSError."""
        manifest = self.manifest()
        self._publish(replace(manifest, removed=manifest.removed | self._names(clip, manifest)))

    def want(self, clip: Path) -> None:
        """Lets the next fetch bring a removed clip back. Raises OSError."""
        manifest = self.manifest()
        self._publish(replace(manifest, removed=manifest.removed - self._names(clip, manifest)))

    def _names(self, clip: Path, manifest: Manifest) -> set[str]:
        return {name for name in manifest.files if (self.images / name).is_relative_to(clip)}

    def _is_here(self, member: Member, known: dict[str, tuple[int, int]]) -> bool:
        path = self.images / member.name
        is_known = known.get(member.name) == (member.size, member.crc)
        return is_known and path.is_file() and path.stat().st_size == member.size

    def _publish(self, manifest: Manifest) -> None:
        temporary = self._next.with_suffix(".tmp")
        value = {"format": 1, **asdict(manifest), "removed": sorted(manifest.removed)}
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(value, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._next)
        sync_directory(self.root)
        self._finish_publication()

    def _finish_publication(self) -> None:
        """From here on the next manifest counts, whatever happens: each step can be repeated after a stop."""
        manifest = _read_manifest(self._next) or Manifest()
        wanted = manifest.files.keys() - manifest.removed
        for path in sorted(self._incoming.rglob("*")) if self._incoming.exists() else []:
            if path.is_file():
                target = self.images / path.relative_to(self._incoming)
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.replace(target)
        for path in sorted(self.images.rglob("*"), reverse=True):
            if path.is_dir():
                _remove_if_empty(path)
            elif path.relative_to(self.images).as_posix() not in wanted:
                path.unlink()
        self._next.replace(self._manifest)
        shutil.rmtree(self._incoming, ignore_errors=True)
        sync_directory(self.root)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_manifest(path: Path) -> Manifest | None:
    try:
        value: Any = json.loads(path.read_bytes())
        files = {str(name): (int(size), int(crc)) for name, (size, crc) in value["files"].items()}
        export, synced_at, removed = value["export"], value["synced_at"], frozenset(map(str, value["removed"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # garbage is as good as none: everything is fetched again
    name = export if isinstance(export, str) else None
    return Manifest(name, str(synced_at) if synced_at else None, files, removed)


def _remove_if_empty(directory: Path) -> None:
    if next(directory.iterdir(), None) is None:
        directory.rmdir()
