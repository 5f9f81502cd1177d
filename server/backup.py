"""How does an admin copy what the server keeps, and bring it back? `goobusters backup FILE`, `goobusters restore FILE`.

A backup is one tar: everything below server_state/, and of output/ the packed masks (they are unpacked again),
with a list of SHA-256 at its end. It may be made while the server runs: within a series the current version is copied
before the history, and versions are never changed, so the copy holds every version that its `version_current.json`
can name. A backup is read back and compared before it gets its name; a restore checks all of it before it writes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from server.files import TEMPORARY, is_whole, make_directory, sync_file, write_atomic
from server.production import ARCHIVE, KEPT, TEMP_VERSION
from server.settings import ServerSettings, load
from server.state_lock import RESTORING, StateLock, StateLocked
from server.versions import CURRENT, HISTORY
from tracking.contracts.disk import sync_directory
from tracking.contracts.settings import SettingError

_STATE, _MASKS, _MANIFEST = "server_state", "output", "MANIFEST.json"
_BLOCK = 1 << 20


class BackupError(Exception):
    """The backup or restore is not possible; the text is one sentence for people."""


@dataclass(frozen=True)
class Summary:
    """What a backup holds. `damaged` of its versions were so on the server's disk already."""

    files: int
    series: int
    versions: int
    damaged: int
    bytes: int


def main_backup(argv: Sequence[str] | None = None) -> int:
    """`goobusters backup FILE`: 0, 1 when it holds damaged versions, or 2 with one sentence."""
    return _command(argv, "backup", "Copies everything the server keeps into FILE; the server may run.", backup)


def main_restore(argv: Sequence[str] | None = None) -> int:
    """`goobusters restore FILE`: as main_backup."""
    text = "Brings a backup back into STATE_PATH and MASK_STORAGE_PATH, which must be empty or not there yet."
    return _command(argv, "restore", text, restore)


def _command(
    argv: Sequence[str] | None, name: str, text: str, function: Callable[[ServerSettings, Path], Summary]
) -> int:
    parser = argparse.ArgumentParser(prog=f"goobusters {name}", description=text)
    parser.add_argument("file", type=Path, metavar="FILE")
    arguments = parser.parse_args(argv)
    try:
        summary = function(load(Path.cwd()), arguments.file)
    except SettingError as error:
        return _refuse(f"Setting {error}.")
    except BackupError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"The {name} failed: {error.strerror}.")
    done = "written and verified" if name == "backup" else "restored and verified"
    sys.stdout.write(
        f"{done}: {summary.series} series, {summary.versions} versions, {summary.files} files, "
        f"{summary.bytes / (1 << 20):.1f} MB\n"
    )
    if summary.damaged:
        sys.stderr.write(f"{summary.damaged} of the versions in it cannot be read: see goobusters server --check.\n")
    return 1 if summary.damaged else 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 2


def backup(settings: ServerSettings, file: Path) -> Summary:
    """Writes `file` and reads it back; an earlier `file` stays until that is done. Raises BackupError, OSError."""
    if not settings.state_path.is_dir():
        raise BackupError("There is nothing to back up: STATE_PATH does not exist.")
    if file.resolve().is_relative_to(settings.state_path.resolve()):
        raise BackupError("FILE must not lie in STATE_PATH: every backup would hold the one before.")
    temporary = file.with_name(f"{file.name}{TEMPORARY}backup")
    digests: dict[str, str] = {}
    try:
        with temporary.open("wb") as stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, path in _files(settings):
                data = _read(path)
                if data is not None:
                    digests[name] = hashlib.sha256(data).hexdigest()
                    _add(tar, name, data)
            _add(tar, _MANIFEST, json.dumps(digests, indent=1).encode())
        summary = verify(temporary)
        sync_file(temporary)
        temporary.replace(file)
        sync_directory(file.absolute().parent)
    finally:
        temporary.unlink(missing_ok=True)
    return summary


def _files(settings: ServerSettings) -> Iterator[tuple[str, Path]]:
    """(name in the backup, file), in the order in which they must be copied."""
    archives = [*settings.mask_path.glob(f"*/*/{KEPT}/*.tgz"), *settings.mask_path.glob(f"*/*/{ARCHIVE}")]
    for path in sorted(archives):
        yield f"{_MASKS}/{path.relative_to(settings.mask_path).as_posix()}", path
    paths = [p for p in settings.state_path.rglob("*") if p.is_file() and TEMPORARY not in p.name]
    for path in sorted(paths, key=lambda p: (p.name != CURRENT, p)):
        if path.name not in ("lock", TEMP_VERSION):
            yield f"{_STATE}/{path.relative_to(settings.state_path).as_posix()}", path
    listed = set(paths)  # versions that were saved since: the current ones above may name them
    for path in sorted(settings.state_path.glob(f"series/*/{HISTORY}/*.tgz")):
        if path not in listed:
            yield f"{_STATE}/{path.relative_to(settings.state_path).as_posix()}", path


def _read(path: Path) -> bytes | None:
    """A file's content; None when the running server has just taken it away."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


def verify(file: Path) -> Summary:
    """Reads a whole backup and compares every digest. Raises BackupError, OSError."""
    found: dict[str, str] = {}
    manifest: object = None
    size = versions = damaged = 0
    try:
        with tarfile.open(file, mode="r:") as tar:
            for member, stream in _members(tar):
                if member.name == _MANIFEST:
                    manifest = json.loads(stream.read())
                    continue
                found[member.name] = _digest(stream)
                size += member.size
                if _is_version(_check_name(member.name)):
                    versions += 1
                    stream.seek(0)
                    damaged += not is_whole(stream)
    except (tarfile.TarError, ValueError) as error:
        raise BackupError("The file is not a readable backup.") from error
    if manifest != found:
        raise BackupError("The backup is damaged: its files are not those it lists.")
    names = [PurePosixPath(name).parts for name in found]
    series = {parts[2] for parts in names if parts[:2] == (_STATE, "series")}
    return Summary(len(found), len(series), versions, damaged, size)


def restore(settings: ServerSettings, file: Path) -> Summary:
    """Verifies `file`, then unpacks it into the settings' directories. Raises BackupError, OSError."""
    summary = verify(file)
    targets = {_STATE: settings.state_path, _MASKS: settings.mask_path}
    for path in targets.values():
        if path.exists() and any(child.name != "lock" for child in path.iterdir()):
            raise BackupError("STATE_PATH and MASK_STORAGE_PATH must be empty: move what is there away first.")
    try:
        with StateLock(settings.state_path), tarfile.open(file, mode="r:") as tar:
            write_atomic(settings.state_path / RESTORING, b"")
            for member, stream in _members(tar):
                if member.name != _MANIFEST:
                    top, *rest = _check_name(member.name)
                    _write(targets[top].joinpath(*rest), stream)
            for directory in {path.parent for root in targets.values() for path in root.rglob("*")}:
                sync_directory(directory)
            (settings.state_path / RESTORING).unlink()
    except StateLocked:
        raise BackupError("A server uses STATE_PATH: stop it first.") from None
    return summary


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for member in tar:
        stream = tar.extractfile(member) if member.isreg() else None
        if stream is None:
            raise BackupError("The backup holds something that is not a plain file.")
        yield member, stream


def _check_name(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[0] not in (_STATE, _MASKS) or ".." in parts or "\\" in name or ":" in name:
        raise BackupError("The backup holds a file whose name is not allowed.")
    return parts


def _is_version(parts: tuple[str, ...]) -> bool:
    return len(parts) == 5 and parts[3] == HISTORY and parts[4].endswith(".tgz")


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _write(path: Path, stream: IO[bytes]) -> None:
    make_directory(path.parent)
    with path.open("wb") as target:
        while block := stream.read(_BLOCK):
            target.write(block)
    path.chmod(0o600)
    sync_file(path)
