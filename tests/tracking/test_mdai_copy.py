"""The copy on disk: whatever is in a zip, and wherever a publication is cut off, what counts is whole."""

from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.mdai_zip import zip_parts
from tracking.contracts.mdai_copy import LocalCopy
from tracking.contracts.mdai_types import MdaiError, Watch, check_file_keys, export_name
from tracking.contracts.mdai_unzip import list_members

OLD = {"1.2/1.3.mp4": b"old one" * 99, "1.2/1.4.mp4": b"old two" * 99, "1.5/1.6.mp4": b"same" * 99}
NEW = {"1.2/1.3.mp4": b"new one" * 99, "1.7/1.8.mp4": b"added" * 99, "1.5/1.6.mp4": b"same" * 99}


def publish(copy: LocalCopy, clips: dict[str, bytes], export: str) -> None:
    directory = copy.fresh_download()
    path = directory / f"{export}.zip"
    path.write_bytes(zip_parts(clips, export, 1)[0])
    copy.publish_images(export, (path,), Watch())
    copy.discard_download()


def content(copy: LocalCopy) -> dict[str, bytes]:
    return {p.relative_to(copy.images).as_posix(): p.read_bytes() for p in copy.images.rglob("*") if p.is_file()}


class Stop(Exception):
    """The machine died."""


def test_cut_off_at_any_step_it_is_the_old_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for step in range(60):
        copy = LocalCopy(tmp_path / str(step))
        copy.recover()
        publish(copy, OLD, "old")
        with monkeypatch.context() as patch:
            stop_after(patch, step)
            try:
                publish(copy, NEW, "new")
                finished = True
            except Stop:
                finished = False
        again = LocalCopy(tmp_path / str(step))
        again.recover()
        whole = {"old": OLD, "new": NEW}[str(again.manifest().export)]
        assert content(again) == whole
        assert again.missing() == 0
        seen.add(again.manifest().export)
        if finished:
            break
    assert finished
    assert seen == {"old", "new"}


def stop_after(patch: pytest.MonkeyPatch, step: int) -> None:
    """Lets `step` changes to the disk happen and raises at the next."""
    left = [step]

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            if left[0] == 0:
                raise Stop
            left[0] -= 1
            return original(*arguments, **more)

        return call

    for name in ("replace", "unlink", "mkdir", "rmdir"):
        patch.setattr(Path, name, counted(getattr(Path, name)))


def test_a_garbled_manifest_means_that_nothing_is_taken_for_whole(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "data")
    copy.recover()
    publish(copy, OLD, "old")
    (tmp_path / "data" / "manifest.json").write_bytes(b'{"files": [')
    (tmp_path / "data" / "manifest.next.json").write_bytes(b"\0" * 50)
    again = LocalCopy(tmp_path / "data")
    again.recover()
    assert again.manifest().export is None
    assert content(again) == OLD
    publish(again, NEW, "new")
    assert content(again) == NEW


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "data")
    copy.recover()
    publish(copy, OLD, "old")
    for path in (tmp_path / "data").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def refused(archive: bytes, tmp_path: Path) -> str:
    path = tmp_path / "x.zip"
    path.write_bytes(archive)
    copy = LocalCopy(tmp_path / "data")
    copy.recover()
    copy.fresh_download()
    with pytest.raises(MdaiError) as caught:
        copy.publish_images("x", (path,), Watch())
    assert content(copy) == {}
    assert copy.manifest().export is None
    return caught.value.code


@pytest.mark.parametrize(
    "name",
    [
        "../a.mp4",
        "/a.mp4",
        "a/./b.mp4",
        "a//b.mp4",
        "a\\..\\b.mp4",
        "C:/b.mp4",
        ".hidden",
        "a\0b.mp4",
        "a\nb.mp4",
        "NUL",
        "com1.mp4",
        "a./b.mp4",
        "x" * 200,
        "a/" * 10 + "b.mp4",
        "ä.mp4",
        "../",
    ],
)
def test_names_that_could_go_astray_are_refused(tmp_path: Path, name: str) -> None:
    assert refused(zip_parts(OLD, "x", 1, name)[0], tmp_path) == "MDAI_EXPORT_UNSAFE"


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    def zipped(fill: Callable[[zipfile.ZipFile], object]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            fill(archive)
        return buffer.getvalue()

    link = zipfile.ZipInfo("a.mp4")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refused(zipped(lambda archive: archive.writestr(link, "/etc/passwd")), tmp_path) == "MDAI_EXPORT_UNSAFE"
    doubles = zipped(lambda archive: [archive.writestr(name, b"1") for name in ("a.mp4", "A.mp4")])
    assert refused(doubles, tmp_path) == "MDAI_EXPORT_UNSAFE"


def test_a_flipped_bit_and_a_bomb_are_found_out(tmp_path: Path) -> None:
    archive = bytearray(zip_parts({"1.2/1.3.mp4": random.Random(1).randbytes(1 << 20)}, "x", 1)[0])
    bomb = bytearray(archive)
    directory = bomb.index(b"PK\1\2")
    bomb[directory + 24 : directory + 28] = struct.pack("<I", 10)  # says that it is 10 bytes long
    assert refused(bytes(bomb), tmp_path) == "MDAI_DOWNLOAD_BROKEN"
    assert sum(p.stat().st_size for p in (tmp_path / "data" / "incoming").rglob("*") if p.is_file()) <= 10
    archive[archive.index(b"PK\1\2") - 20] ^= 4
    assert refused(bytes(archive), tmp_path) == "MDAI_DOWNLOAD_BROKEN"
    assert refused(bytes(archive[:-30]), tmp_path) == "MDAI_DOWNLOAD_BROKEN"
    assert refused(b"", tmp_path) == "MDAI_DOWNLOAD_BROKEN"


def test_members_lose_the_exports_own_folder(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_parts(OLD, "x", 1)[0])
    assert sorted(m.name for m in list_members((tmp_path / "x.zip",), "x")) == sorted(OLD)


@pytest.mark.parametrize(
    ("keys", "kind", "code"),
    [
        ("x.zip", "images", "MDAI_EXPORT_UNSAFE"),
        ([5], "images", "MDAI_EXPORT_UNSAFE"),
        (["x.exe"], "images", "MDAI_EXPORT_UNSAFE"),
        (["x.json"], "images", "MDAI_EXPORT_UNSAFE"),
        (["x.zip"], "annotations", "MDAI_EXPORT_UNSAFE"),
        (["x.json", "y.json"], "annotations", "MDAI_EXPORT_UNSAFE"),
        (["x_part1of2.zip", "y_part2of2.zip"], "images", "MDAI_EXPORT_UNSAFE"),
        (["x_part1of2.zip", "x_part1of2.zip"], "images", "MDAI_DOWNLOAD_BROKEN"),
        (["x_part1of2.zip"], "images", "MDAI_DOWNLOAD_BROKEN"),
        ([], "images", "MDAI_EXPORT_FAILED"),
        (None, "annotations", "MDAI_EXPORT_FAILED"),
    ],
)
def test_file_keys_that_cannot_be_are_refused(keys: object, kind: str, code: str) -> None:
    with pytest.raises(MdaiError) as caught:
        check_file_keys(keys, kind)
    assert caught.value.code == code


def test_file_keys_of_parts_name_one_export() -> None:
    keys = check_file_keys([f"x_part{n}of3.zip" for n in (2, 1, 3)], "images")
    assert {export_name(key) for key in keys} == {"x"}
    assert export_name("x.zip") == "x"
