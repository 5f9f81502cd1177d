"""Which masks are served now, and how do new ones take their place? Used by `jobs`, `store` and the mask routes.

`output/<flow>/<study>_<series>/` holds `masks/` (the unpacked archive: the truth), `masks.tgz` (the same, packed, what
clients get), `identity.yaml` (a summary for people and for a quick start) and `versions/` (what was served before). A
job writes `masks_temp/` and `masks_temp.tgz`; `version_temp.json` stands in the series' state directory from before a
job until its result is completely in place, so a crash in between is seen at the next start and put right by `load`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from server.files import expect, make_directory, remove_leftovers, set_aside, write_atomic, write_json
from server.records import Production, SeriesEntry
from tracking.contracts.archive import METADATA, Archive, ArchiveError, load_metadata, pack, unpack
from tracking.contracts.disk import sync_directory
from tracking.contracts.labels import parse_mask_filename

log = logging.getLogger("goobusters.production")

MASKS, ARCHIVE, IDENTITY = "masks", "masks.tgz", "identity.yaml"
NEW_MASKS, NEW_ARCHIVE = "masks_temp", "masks_temp.tgz"
_OLD_MASKS = "masks_old"
TEMP_VERSION = "version_temp.json"
KEPT, KEPT_VERSIONS = "versions", 10


def begin(entry: SeriesEntry, version_id: str | None, started_at: str) -> None:
    """Notes that a job is under way. Raises OSError."""
    make_directory(entry.mask_directory)
    write_json(entry.directory / TEMP_VERSION, {"version_id": version_id, "started_at": started_at}, durable=False)


def swap_in(entry: SeriesEntry) -> None:
    """Puts a job's result in place of what was served. The caller holds the lock. Raises OSError, ValueError."""
    directory = entry.mask_directory
    metadata = load_metadata((directory / NEW_MASKS / METADATA).read_bytes())
    production = summarise(metadata, (directory / NEW_ARCHIVE).read_bytes())
    old = directory / _OLD_MASKS
    shutil.rmtree(old, ignore_errors=True)
    if (directory / MASKS).exists():
        (directory / MASKS).rename(old)
    (directory / NEW_MASKS).rename(directory / MASKS)
    _keep_served(entry)
    (directory / NEW_ARCHIVE).replace(directory / ARCHIVE)
    _write_identity(directory, production)
    sync_directory(directory)
    shutil.rmtree(old, ignore_errors=True)
    (entry.directory / TEMP_VERSION).unlink(missing_ok=True)  # last: until then the next start puts things right
    _take(entry, production)


def _keep_served(entry: SeriesEntry) -> None:
    """Keeps what was served as the archive of its version, and forgets the oldest of those."""
    served = entry.production
    if served is None or served.version_id is None or not (entry.mask_directory / ARCHIVE).exists():
        return
    make_directory(entry.mask_directory / KEPT)
    (entry.mask_directory / ARCHIVE).replace(kept_archive(entry, served.version_id))
    kept = sorted((entry.mask_directory / KEPT).glob("*.tgz"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-KEPT_VERSIONS]:
        path.unlink()


def kept_archive(entry: SeriesEntry, version_id: str) -> Path:
    """Where the tracked masks of an earlier version lie while they are kept. `version_id` is one of the series' own."""
    return entry.mask_directory / KEPT / f"{version_id}.tgz"


def discard(entry: SeriesEntry) -> None:
    """Removes what a failed or abandoned job left, also half a swap; what is served stays."""
    masks, old = entry.mask_directory / MASKS, entry.mask_directory / _OLD_MASKS
    if masks.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.exists():
        with contextlib.suppress(OSError):  # then masks.tgz is served, and the next start unpacks it
            old.rename(masks)
    for name in (NEW_MASKS, f"{NEW_MASKS}.partial", f"{NEW_MASKS}.annotations"):
        shutil.rmtree(entry.mask_directory / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        (entry.mask_directory / NEW_ARCHIVE).unlink(missing_ok=True)
        (entry.directory / TEMP_VERSION).unlink(missing_ok=True)


def read_archive(entry: SeriesEntry) -> bytes:
    """The packed masks, packed again when that file is gone or damaged. The caller has the lock. Raises OSError."""
    path = entry.mask_directory / ARCHIVE
    if path.exists():
        data = path.read_bytes()
        if entry.production and hashlib.sha256(data).hexdigest() == entry.production.etag:
            return data
        set_aside(path)
    production = _rebuild(entry.mask_directory)
    if production is None:
        raise OSError(errno.EIO, "the masks are damaged; a restart makes them again")
    log.warning("archive_packed_again")
    _take(entry, production)
    return path.read_bytes()


def read_annotations(entry: SeriesEntry) -> Archive | None:
    """What people verified of what is served, without tracked masks; None when that is not usable. Raises OSError."""
    archive = _read_masks(entry.mask_directory / MASKS)
    if archive is None:
        return None
    listed = [e for e in archive.metadata["frames"] if e.get("is_annotation") is True]
    fields = ("frame_number", "label_id", "filename")
    annotations = [{name: value[name] for name in fields} for value in listed]
    masks = {e["filename"]: archive.masks[e["filename"]] for e in listed if e["filename"] is not None}
    return Archive({"annotations": annotations}, masks)


def summarise(metadata: dict[str, Any], packed: bytes) -> Production:
    """What there is to know about an archive. Raises ValueError when its metadata does not say it."""
    etag = hashlib.sha256(packed).hexdigest()
    production = _production({**metadata, "etag": etag})
    if production is None:
        raise ValueError("the tracked archive's metadata is not complete")
    return production


def load(entry: SeriesEntry) -> None:
    """Finds the masks that are served, at start. Raises OSError."""
    directory = entry.mask_directory
    entry.production = None
    for path in (directory, directory / MASKS, directory / KEPT):
        expect(path, directory=True)
    for path in (directory / ARCHIVE, directory / IDENTITY, entry.directory / TEMP_VERSION):
        expect(path, directory=False)
    if not directory.is_dir():
        (entry.directory / TEMP_VERSION).unlink(missing_ok=True)
        return
    if (entry.directory / TEMP_VERSION).exists():
        _recover(entry)
    production = _read_identity(directory)
    if production is None or not (directory / MASKS).is_dir():
        production = _rebuild(directory)
    if production:
        _take(entry, production)


def _recover(entry: SeriesEntry) -> None:
    """The server died during a job: finish a swap that had begun, drop what had not."""
    directory = entry.mask_directory
    old = directory / _OLD_MASKS
    if old.exists() and not (directory / MASKS).exists():
        if (directory / NEW_MASKS).exists():
            (directory / NEW_MASKS).rename(directory / MASKS)  # whole: the job renames it when it is done
        else:
            old.rename(directory / MASKS)
    shutil.rmtree(old, ignore_errors=True)
    (directory / IDENTITY).unlink(missing_ok=True)  # it may be of the masks before: made again from masks/
    remove_leftovers(directory)
    _rebuild(directory)
    discard(entry)


def _rebuild(directory: Path) -> Production | None:
    """Packs masks/ again, or unpacks masks.tgz when masks/ is not usable. None when neither is."""
    archive = _read_masks(directory / MASKS)
    if archive is None and (directory / ARCHIVE).exists():
        archive = _unpack(directory)
    if archive is None:
        return None
    packed = pack(archive.metadata, archive.masks)
    production = summarise(archive.metadata, packed)
    write_atomic(directory / ARCHIVE, packed)
    _write_identity(directory, production)
    return production


def _read_masks(masks: Path) -> Archive | None:
    if not masks.is_dir():
        return None
    try:
        metadata = load_metadata((masks / METADATA).read_bytes())
        names = {e["filename"] for e in metadata["frames"] if e["filename"] is not None}
        if not all(parse_mask_filename(name) for name in names):
            raise ValueError("a mask has a name that archives do not allow")
        archive = Archive(metadata, {name: (masks / name).read_bytes() for name in sorted(names)})
        summarise(metadata, b"")
    except (OSError, ValueError, KeyError, TypeError):
        set_aside(masks)
        return None
    return archive


def _unpack(directory: Path) -> Archive | None:
    try:
        archive = unpack((directory / ARCHIVE).read_bytes())
        summarise(archive.metadata, b"")
    except (ArchiveError, ValueError):
        set_aside(directory / ARCHIVE)
        return None
    shutil.rmtree(directory / NEW_MASKS, ignore_errors=True)
    make_directory(directory / NEW_MASKS)
    for name, data in {METADATA: json.dumps(archive.metadata).encode(), **archive.masks}.items():
        (directory / NEW_MASKS / name).write_bytes(data)
    (directory / NEW_MASKS).rename(directory / MASKS)
    return archive


def _write_identity(directory: Path, production: Production) -> None:
    lines = [f"{name}: {json.dumps(value)}" for name, value in asdict(production).items()]  # JSON scalars are YAML
    write_atomic(directory / IDENTITY, ("\n".join(lines) + "\n").encode(), durable=False)


def _read_identity(directory: Path) -> Production | None:
    path = directory / IDENTITY
    try:
        pairs = (line.partition(": ") for line in path.read_text("utf-8").splitlines())
        return _production({name: json.loads(value) for name, _, value in pairs})
    except FileNotFoundError:
        return None
    except ValueError:
        set_aside(path)
        return None


def _production(value: dict[str, Any]) -> Production | None:
    try:
        production = Production(**{name: value[name] for name in Production.__dataclass_fields__})
    except KeyError:
        return None
    texts = (production.inputs, production.flow_method, production.generated_at, production.etag)
    numbers = (production.frame_count, production.mask_count, production.width, production.height)
    whole = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    return production if whole and isinstance(production.version_id, str | None) else None


def _take(entry: SeriesEntry, production: Production) -> None:
    entry.production = production
    entry.frame_count = production.frame_count
    entry.width, entry.height = production.width, production.height
