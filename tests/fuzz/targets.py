"""What coverage-guided fuzzing attacks: the readers of archives and of annotation exports.

Run for as long as you like: `python tests/fuzz/targets.py archive -max_total_time=600` (or `export`). Needs atheris,
which has wheels for Linux on x86_64; test_fuzz.py makes a short run. Anything but the readers' own errors is a finding.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["tracking", "tarfile", "gzip", "json"]):
    from tracking.contracts.archive import ArchiveError, Limits, pack, read_submission, unpack
    from tracking.contracts.dataset import DatasetError, read_export
    from tracking.contracts.labels import EMPTY_ID, LABEL_ID
    from tracking.contracts.masks import decode_mask, encode_mask
    from tracking.polygons import PolygonError, rasterise

WIDTH, HEIGHT = 16, 12
LIMITS = Limits(members=50, member_bytes=1 << 16, metadata_bytes=1 << 16, packed_bytes=1 << 18, unpacked_bytes=1 << 18)
UIDS = {"study_uid": "1.2", "series_uid": "1.2.3"}


def attack_archive(data: bytes) -> None:
    """The server's way with a save. An even first byte means: what follows is a tar that must be packed first."""
    packed = gzip.compress(data[1:], 1) if data[:1] and data[0] % 2 == 0 else data[1:]
    try:
        archive = unpack(packed, LIMITS)
        submission = read_submission(archive, **UIDS, empty_id=EMPTY_ID, frame_count=5)
        for annotation in submission.annotations:
            if annotation.filename is not None:
                pixels = decode_mask(archive.masks[annotation.filename], WIDTH, HEIGHT)
                if len(pixels) != WIDTH * HEIGHT or set(pixels) - {0, 255}:
                    raise AssertionError("a mask that is none was accepted")
        again = unpack(pack(archive.metadata, archive.masks), LIMITS)
    except ArchiveError:
        return
    if again != archive:
        raise AssertionError("packing again gives something else")


def attack_export(data: bytes) -> None:
    """The server's way with MD.ai's annotations."""
    SCRATCH.write_bytes(data)
    try:
        export = read_export(SCRATCH)
    except DatasetError:
        return
    for annotation in export.annotations[:20]:
        try:
            mask = rasterise(annotation.data, WIDTH, HEIGHT)
        except PolygonError:
            continue
        if mask.shape != (HEIGHT, WIDTH):
            raise AssertionError("a mask of another size")


SCRATCH = Path(tempfile.gettempdir()) / f"goobusters-fuzz-{os.getpid()}.json"
TARGETS = {"archive": attack_archive, "export": attack_export}


def write_seeds(name: str, directory: Path) -> None:
    """A few valid inputs to start from."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(_archives() if name == "archive" else _exports()):
        (directory / f"seed-{number}").write_bytes(data)


def _archives() -> list[bytes]:
    mask = encode_mask(bytes([0, 255] * (WIDTH * HEIGHT // 2)), WIDTH, HEIGHT)
    painted = {"frame_number": 1, "label_id": LABEL_ID, "filename": "frame_000002.webp"}
    empty = {"frame_number": 2, "label_id": EMPTY_ID, "filename": None}
    metadata: dict[str, Any] = {**UIDS, "previous_version_id": None, "editor": "a@b.c", "annotations": [painted, empty]}
    served = {**UIDS, "frames": [{**painted, "is_annotation": True, "has_mask": True}]}
    found = [pack(metadata, {"frame_000002.webp": mask}), pack(served, {"frame_000002.webp": mask}), pack(metadata, {})]
    return [b"\0" + gzip.decompress(packed) for packed in found] + [b"\1" + packed for packed in found]


def _exports() -> list[bytes]:
    shared = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "frameNumber": 0, "labelId": LABEL_ID}
    squares = [
        {"vertices": [[1, 1], [8, 1], [8, 8]]},
        {"foreground": [[0, 0, 9, 0, 9, 9]], "background": [[[2, 2], [4, 2], [4, 4]]]},
        None,
    ]
    return [
        json.dumps(
            {
                "labelGroups": [{"labels": [{"id": LABEL_ID, "name": "Fluid"}]}],
                "datasets": [{"name": "d", "studies": [], "annotations": [{**shared, "data": data}]}],
            }
        ).encode()
        for data in squares
    ]


def main() -> None:
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as corpus:
        write_seeds(name, Path(corpus))
        atheris.Setup([*sys.argv, corpus], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
