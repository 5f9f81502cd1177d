"""What a kill or a bad disk may leave of a save under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workstation.cache import SeriesCache
from workstation.save_files import ACCEPTED, Record, SaveFiles


@pytest.fixture
def entry(tmp_path: Path) -> SeriesCache:
    return SeriesCache(tmp_path, ("1.2", "1.2.1"))


@pytest.fixture
def files(entry: SeriesCache) -> SaveFiles:
    files = SaveFiles(entry)
    files.begin(b"archive", position=3, previous_version_id=None)
    return files


def test_it_is_there_at_the_next_start(entry: SeriesCache, files: SaveFiles) -> None:
    record = SaveFiles(entry).load()
    assert record
    assert (record.stage, record.position, record.was_sent) == ("sending", 3, False)
    assert files.archive() == b"archive"
    record.was_sent = True
    files.store(record)
    assert SaveFiles(entry).load() == record
    files.drop()
    assert (files.load(), files.exists()) == (None, False)


def test_an_accepted_one_needs_no_archive(entry: SeriesCache, files: SaveFiles) -> None:
    files.store(Record(ACCEPTED, 3, None, "", True, "v1"))
    entry.save_archive.unlink()
    assert SaveFiles(entry).load() is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "x"},
        {"stage": "accepted"},
        {"stage": ["sending"]},
        {"position": "3"},
        {"position": None},
        {"version_id": 5},
        {"previous_version_id": {}},
        {"content_sha256": "other"},
        {"more": 1},
    ],
)
def test_one_that_makes_no_sense_is_dropped(entry: SeriesCache, files: SaveFiles, changes: dict[str, Any]) -> None:
    record = json.loads(entry.save_record.read_text("utf-8"))
    entry.save_record.write_text(json.dumps({**record, **changes}), "utf-8")
    assert files.load() is None
    assert not files.exists(), "or nothing of the series would ever be brought up to date"


@pytest.mark.parametrize("raw", [b"", b"5", b"[]", b"{", b"\xff"])
def test_one_that_cannot_be_read_is_dropped(entry: SeriesCache, files: SaveFiles, raw: bytes) -> None:
    entry.save_record.write_bytes(raw)
    assert (files.load(), files.exists()) == (None, False)


@pytest.mark.parametrize("archive", [None, b"", b"another"])
def test_one_whose_archive_is_not_there_is_dropped(entry: SeriesCache, files: SaveFiles, archive: bytes | None) -> None:
    entry.save_archive.unlink()
    if archive is not None:
        entry.save_archive.write_bytes(archive)
    assert (files.load(), files.exists()) == (None, False)
