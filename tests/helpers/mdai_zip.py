"""The image export of the MD.ai stand-in: clips packed into zip parts the way MD.ai names and lays them out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def zip_parts(clips: Mapping[str, bytes], folder: str, parts: int, unsafe_name: str | None = None) -> list[bytes]:
    """`parts` zip files: clip "STUDY/SERIES.mp4" lies at "FOLDER/STUDY/SERIES.mp4" in one of them.

    unsafe_name: the name of one more member, put into the last part as it is.
    """
    buffers = [io.BytesIO() for _ in range(parts)]
    archives = [zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) for buffer in buffers]
    for number, (name, data) in enumerate(sorted(clips.items())):
        archives[number % parts].writestr(_info(f"{folder}/{name}"), data)
    if unsafe_name is not None:
        archives[-1].writestr(_info(unsafe_name), b"not wanted")
    for archive in archives:
        archive.close()
    return [buffer.getvalue() for buffer in buffers]


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name  # as it is: the constructor would cut it at a NUL
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
