"""Which clips are in MD.ai's zip parts, and are they whole? Used by mdai_copy.

Nothing is taken from a zip by its own word: names are checked before anything is written, and every byte against the
checksum. Standard library only.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tracking.contracts.mdai_types import MdaiError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. ()+-]{0,127}")
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_MAX_DEPTH = 6
_MAX_MEMBERS = 1_000_000
_BLOCK = 1 << 20
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)


@dataclass(frozen=True)
class Member:
    """One clip in a zip part. name: its path without the export's own folder, `STUDY/SERIES.mp4`; size in bytes."""

    name: str
    size: int
    crc: int
    archive: Path
    inside: str


def list_members(archives: tuple[Path, ...], export: str) -> list[Member]:
    """The clips in all parts of one export.

    Raises MdaiError MDAI_DOWNLOAD_BROKEN (no readable zip) or MDAI_EXPORT_UNSAFE (names that leave the folder, links,
    two members of one name).
    """
    members: dict[str, Member] = {}
    for archive in archives:
        for info in _infos(archive):
            if info.is_dir():
                _check_name(info.filename.rstrip("/"))
                continue
            name = _relative_name(info, export)
            if name.casefold() in members or len(members) >= _MAX_MEMBERS:
                raise MdaiError("MDAI_EXPORT_UNSAFE")
            members[name.casefold()] = Member(name, info.file_size, info.CRC, archive, info.filename)
    return list(members.values())


def _infos(archive: Path) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.infolist()
    except (*_READ_ERRORS, OSError) as error:
        raise MdaiError("MDAI_DOWNLOAD_BROKEN") from error


def _relative_name(info: zipfile.ZipInfo, export: str) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    # orig_filename is what the zip says; zipfile cuts filename at a NUL and turns separators round
    if kind not in (0, stat.S_IFREG) or info.flag_bits & 1 or info.orig_filename != info.filename:
        raise MdaiError("MDAI_EXPORT_UNSAFE")
    _check_name(info.filename)
    return info.filename.removeprefix(f"{export}/")


def _check_name(name: str) -> None:
    parts = name.split("/")
    is_safe = len(parts) <= _MAX_DEPTH and all(
        _PART.fullmatch(part) and not part.endswith((".", " ")) and not _WINDOWS_DEVICE.fullmatch(part)
        for part in parts
    )
    if not is_safe:
        raise MdaiError("MDAI_EXPORT_UNSAFE")


def extract(members: list[Member], directory: Path, on_file: Callable[[int], None]) -> None:
    """Writes members to `directory`, each flushed to the disk and checked against size and checksum.

    on_file(number done so far) is called for each and may raise. Raises MdaiError MDAI_DOWNLOAD_BROKEN, and OSError.
    """
    done = 0
    for archive in sorted({member.archive for member in members}):
        with zipfile.ZipFile(archive) as opened:
            for member in members:
                if member.archive == archive:
                    on_file(done)
                    _write(directory / PurePosixPath(member.name), member.size, _blocks(opened, member))
                    done += 1
    on_file(done)


def _blocks(opened: zipfile.ZipFile, member: Member) -> Iterator[bytes]:
    """The bytes of a member; zipfile checks the checksum at the end of them."""
    try:
        with opened.open(member.inside) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except (*_READ_ERRORS, KeyError) as error:
        raise MdaiError("MDAI_DOWNLOAD_BROKEN") from error


def _write(path: Path, size: int, blocks: Iterator[bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
    ) as out:
        for block in blocks:
            written += len(block)
            if written > size:  # more than the zip's own list says: a bomb
                break
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    if written != size:
        raise MdaiError("MDAI_DOWNLOAD_BROKEN")
