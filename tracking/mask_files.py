"""How are results written to disk? Used by track.py: masks as lossless WebP, and metadata.json, in a directory of
their own.

Everything goes into `<out>.partial` first and the directory is renamed when whole; masks in it are whole as soon as
they have their name, so a server may show them while the rest runs.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tracking.contracts.archive import METADATA, dump_metadata
from tracking.contracts.labels import parse_mask_filename
from tracking.errors import OutputError
from tracking.flow import Mask
from tracking.mask_webp import encode_mask_webp

LEFT_BY_DESKTOPS = (".DS_Store", "Thumbs.db", "desktop.ini")


class OutputDirectory:
    """A result under construction, as a context manager. Raises OutputError: OUTPUT_OCCUPIED when `out` holds what is
    no earlier result (a clip, say), OUTPUT_UNWRITABLE when the disk refuses."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.partial = partial_directory(out)
        try:
            if not _is_replaceable(out):
                raise OutputError("OUTPUT_OCCUPIED", "Where the result goes lies something else, which is left alone.")
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        except OSError as error:
            raise _unwritable(error) from error

    def add_mask(self, filename: str, mask: Mask) -> None:
        """Write a mask, uint8 (height, width) of 0 and 255."""
        self.add_file(filename, encode_mask_webp(mask))

    def add_file(self, filename: str, data: bytes) -> None:
        """Write bytes that are there as a whole or not at all."""
        target = self.partial / filename
        temporary = target.with_name(f".{filename}")
        try:
            temporary.write_bytes(data)
            temporary.replace(target)
        except OSError as error:
            raise _unwritable(error) from error

    def take_over(self, filename: str, source: Path) -> None:
        """Have a file of an earlier result in this one too, byte for byte."""
        try:
            self.add_file(filename, source.read_bytes())
        except OSError as error:
            raise _unwritable(error) from error

    def publish(self, metadata: Mapping[str, Any]) -> None:
        """Write metadata.json and put the directory in its place; an earlier one there is replaced."""
        self.add_file(METADATA, dump_metadata(metadata))
        replaced = self.out.with_name(f"{self.out.name}.replaced")
        try:
            shutil.rmtree(replaced, ignore_errors=True)
            if self.out.exists():
                self.out.replace(replaced)
            self.partial.replace(self.out)
        except OSError as error:
            raise _unwritable(error) from error
        shutil.rmtree(replaced, ignore_errors=True)

    def __enter__(self) -> "OutputDirectory":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not published."""
        shutil.rmtree(self.partial, ignore_errors=True)


def partial_directory(out: Path) -> Path:
    """Where masks lie while the tracking into `out` runs."""
    return out.with_name(f"{out.name}.partial")


def _is_replaceable(out: Path) -> bool:
    """Whether nothing is there, or a directory with nothing but what an archive may hold."""
    if not out.exists():
        return True
    if not out.is_dir():
        return False
    names = {entry.name for entry in out.iterdir()} - {METADATA, *LEFT_BY_DESKTOPS}
    return all(parse_mask_filename(name) is not None for name in names)


def _unwritable(error: OSError) -> OutputError:
    reason = error.strerror or os.strerror(error.errno or 0)
    return OutputError("OUTPUT_UNWRITABLE", f"The result cannot be written: {reason}.")
