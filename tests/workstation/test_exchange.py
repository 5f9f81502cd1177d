"""File → Export and Import with the built-in archive: what one person exports, another imports; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clips import HEIGHT, WIDTH, uids
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Workstation, change, edit, mark_empty, step
from tracking.contracts.archive import pack, unpack
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.contracts.masks import encode_mask
from workstation.errors import CoreError
from workstation.http_edits import picture_of
from workstation.jobs import Job
from workstation.replay import Cell, Replay

KEY, OTHER = uids(0), uids(1)
BLANK = bytes(WIDTH * HEIGHT)


@pytest.fixture
def ann(tmp_path: Path, server: ServerProcess) -> Iterator[Workstation]:
    with Workstation(tmp_path / "ann", server.directory / "clips", server=server.address) as station:
        station.open(KEY)
        yield station


def bring(station: Workstation, source: Path) -> list[dict[str, Any]]:
    """Imports like the menu does; returns the edits."""
    core = station.backend.core
    (entry,) = core.importers()
    model = core.session.edited(KEY)
    edits = entry.run(core, KEY, source, Job())
    assert model.journal
    model.journal.append_edits(edits, picture_of(core, model))
    return edits


def cell(station: Workstation, frame: int, label_id: str = LABEL_ID) -> Cell:
    model = station.backend.core.session.edited(KEY)
    assert model.masks
    assert model.journal
    return Replay(model.masks, model.journal.ops()).cell((frame, label_id))


def test_what_one_exports_another_imports(tmp_path: Path, server: ServerProcess, ann: Workstation) -> None:
    ann.paint(KEY, 5, (10, 10, 30, 20))
    assert ann.append(KEY, mark_empty(4)).ok
    (exporter,) = ann.backend.core.exporters()
    exporter.run(ann.backend.core, KEY, tmp_path / "out.tgz", Job())
    with Workstation(tmp_path / "bob", server.directory / "clips", server=server.address) as bob:
        bob.open(KEY)
        bob.append(KEY, mark_empty(5), edit(change(4, (1, 1, 5, 5)), change(2, (3, 3, 9, 9))))
        before = {frame: (cell(bob, frame), cell(bob, frame, EMPTY_ID)) for frame in range(8)}
        (made,) = bring(bob, tmp_path / "out.tgz")
        for frame in (0, 4, 5, 7):
            assert cell(bob, frame) == cell(ann, frame) or frame == 4, frame
            assert cell(bob, frame, EMPTY_ID).kind == cell(ann, frame, EMPTY_ID).kind
        assert cell(bob, 4) == Cell("none", BLANK), "an empty frame has no mask"
        assert cell(bob, 2) == before[2][0], "what the archive does not name stays"
        assert bob.series(KEY)["is_dirty"]
        assert bring(bob, tmp_path / "out.tgz") == [], "all of it is here already"
        assert bob.append(KEY, step("undo", made)).ok
        assert {frame: (cell(bob, frame), cell(bob, frame, EMPTY_ID)) for frame in range(8)} == before


def test_the_servers_own_archive_is_read_too(tmp_path: Path, server: ServerProcess, ann: Workstation) -> None:
    (tmp_path / "served.tgz").write_bytes(server.get(f"/api/masks/{KEY[0]}/{KEY[1]}").content)
    assert bring(ann, tmp_path / "served.tgz") == [], "its annotations are here, its tracked masks are not taken"


def archive(**changes: Any) -> bytes:
    annotation = {"frame_number": 1, "label_id": LABEL_ID, "filename": "frame_000002.webp"}
    metadata = {"study_uid": KEY[0], "series_uid": KEY[1], "annotations": [{**annotation, **changes.pop("entry", {})}]}
    mask = changes.pop("mask", encode_mask(b"\xff" * WIDTH * HEIGHT, WIDTH, HEIGHT))
    return pack({**metadata, **changes}, {"frame_000002.webp": mask})


def test_a_sound_archive_is_taken(tmp_path: Path, ann: Workstation) -> None:
    (tmp_path / "x.tgz").write_bytes(archive())
    assert unpack(archive()).metadata["study_uid"] == KEY[0]
    bring(ann, tmp_path / "x.tgz")
    assert cell(ann, 1) == Cell("annotation", b"\xff" * WIDTH * HEIGHT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        archive()[:-20],
        archive(series_uid=OTHER[1]),
        archive(annotations=5),
        archive(entry={"frame_number": 99}),
        archive(entry={"label_id": "L_unknown"}),
        archive(mask=encode_mask(bytes(16), 4, 4)),
        archive(mask=b"RIFF"),
    ],
)
def test_what_does_not_fit_changes_nothing(tmp_path: Path, ann: Workstation, data: bytes) -> None:
    (tmp_path / "x.tgz").write_bytes(data)
    with pytest.raises(CoreError) as refused:
        bring(ann, tmp_path / "x.tgz")
    assert refused.value.code == "EXCHANGE_FAILED"
    assert not any(uid in json.dumps(refused.value.message) for uid in KEY)
    assert ann.ops(KEY) == []


def test_a_file_that_is_not_there(tmp_path: Path, ann: Workstation) -> None:
    with pytest.raises(CoreError, match="cannot be read"):
        bring(ann, tmp_path / "nothing.tgz")
