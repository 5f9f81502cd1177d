"""What is kept on disk: who may read it, what counts as whole, what a purge and the limit remove."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from workstation.cache import Cache, frame_filename, source_stamp
from workstation.errors import CoreError
from workstation.series import Manifest

KEY = ("1.2.3", "1.2.3.1")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "cache")
    cache.open()
    yield cache
    cache.close()


def extract(cache: Cache, key: tuple[str, str], frames: int = 2, size: int = 100) -> None:
    entry = cache.series(key)
    target = entry.fresh_frames()
    for number in range(frames):
        (target / frame_filename(number)).write_bytes(bytes([number]) * size)
    entry.finish_frames(Manifest(frames, 4, 3, (0.0, 33.3), 8), "stamp")


def test_everything_is_for_its_owner_alone(cache: Cache) -> None:
    extract(cache, KEY)
    for path in [cache.root, *cache.root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path.name} is {mode:o}"


def test_no_ids_in_file_names(cache: Cache) -> None:
    extract(cache, KEY)
    names = " ".join(str(path.relative_to(cache.root)) for path in cache.root.rglob("*"))
    assert "1.2.3" not in names
    assert list(cache.known()) == [KEY]


def test_frames_count_only_when_whole(cache: Cache) -> None:
    entry = cache.series(KEY)
    target = entry.fresh_frames()
    (target / frame_filename(0)).write_bytes(b"half")
    assert entry.manifest() is None
    with pytest.raises(CoreError) as refused:
        entry.finish_frames(Manifest(2, 4, 3, None, 8), "stamp")
    assert refused.value.code == "CLIP_UNREADABLE"
    assert entry.manifest() is None
    with pytest.raises(CoreError):
        entry.frame(0)
    extract(cache, KEY)
    assert entry.manifest("stamp") is not None
    assert entry.frame(1) == b"\1" * 100


def test_frames_of_a_clip_that_has_changed_are_not_used(cache: Cache) -> None:
    extract(cache, KEY)
    assert cache.series(KEY).manifest("another stamp") is None


def test_the_digest_is_that_of_the_frames(cache: Cache) -> None:
    extract(cache, KEY)
    extract(cache, ("1.2.4", "1.2.4.1"), size=101)
    first, second = (cache.series(key).manifest() for key in cache.known())
    assert first and second
    assert first.digest != second.digest


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"5", b'{"frame_count": 2}', b'{"source": "stamp"}', b"\xff"])
def test_a_damaged_manifest_means_extracting_again(cache: Cache, damage: bytes) -> None:
    extract(cache, KEY)
    (cache.series(KEY).frames / "manifest.json").write_bytes(damage)
    assert cache.series(KEY).manifest() is None


@pytest.mark.parametrize(
    "changes", [{"frame_count": "2"}, {"width": 0}, {"height": True}, {"times_ms": [0]}, {"times_ms": "ab"}, {"x": 1}]
)
def test_a_manifest_that_does_not_fit_is_not_believed(cache: Cache, changes: dict[str, object]) -> None:
    extract(cache, KEY)
    path = cache.series(KEY).frames / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")
    assert cache.series(KEY).manifest() is None


def test_frames_that_are_gone_or_empty_are_missed(cache: Cache) -> None:
    extract(cache, KEY)
    entry = cache.series(KEY)
    manifest = entry.manifest("stamp")
    assert manifest
    assert entry.has_frames(manifest)
    (entry.frames / frame_filename(1)).write_bytes(b"")
    assert not entry.has_frames(manifest)
    (entry.frames / frame_filename(1)).unlink()
    assert not entry.has_frames(manifest)


@pytest.mark.parametrize("damage", [b"", b"5", b'["1.2.3"]', b'{"a": 1, "b": 2}', b"[1, 2]", b'["1.2.9", "1.2.9.1"]'])
def test_a_series_whose_ids_are_damaged_is_passed_over(cache: Cache, damage: bytes) -> None:
    extract(cache, KEY)
    extract(cache, ("1.2.4", "1.2.4.1"))
    (cache.series(KEY).directory / "ids.json").write_bytes(damage)
    assert list(cache.known()) == [("1.2.4", "1.2.4.1")]


@pytest.mark.parametrize("damage", [b"", b"[]", b"5", b'{"series": 5}', b'{"series": [5, null]}', b"\xff"])
def test_a_damaged_list_of_the_server_is_no_list(cache: Cache, damage: bytes) -> None:
    assert cache.load_listing() == []
    cache.store_listing([{"study_uid": "1"}])
    assert cache.load_listing() == [{"study_uid": "1"}]
    (cache.root / "listing.json").write_bytes(damage)
    assert cache.load_listing() == []


def test_one_core_at_a_time(cache: Cache) -> None:
    second = Cache(cache.root)
    with pytest.raises(CoreError) as refused:
        second.open()
    assert refused.value.code == "CACHE_IN_USE"
    cache.close()
    second.open()
    second.close()


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CoreError) as refused:
        Cache(tmp_path / "file" / "cache").open()
    assert refused.value.code == "CACHE_NOT_WRITABLE"


def test_the_limit_removes_the_pictures_unopened_for_longest(cache: Cache) -> None:
    keys = [(f"1.2.{n}", f"1.2.{n}.1") for n in range(4)]
    for age, key in enumerate(keys):
        extract(cache, key, size=10_000)
        os.utime(cache.series(key).directory / "ids.json", (1000 + age, 1000 + age))
    cache.enforce_limit(50_000, in_use=[keys[0]])
    assert [cache.series(key).manifest() is not None for key in keys] == [True, False, False, True]


def test_a_clip_stamp_changes_with_the_clip(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"one")
    before = source_stamp(clip)
    assert source_stamp(clip) == before
    clip.write_bytes(b"other")
    assert source_stamp(clip) != before
