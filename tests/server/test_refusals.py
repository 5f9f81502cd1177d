"""Every refusal of a hostile or broken save, as a client sees it: a 4xx with its code, and nothing touched."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.assemble import Running
from tests.helpers.clips import FRAMES, HEIGHT, WIDTH, rectangle, submission
from tests.helpers.wsgi import Answer, Caller
from tests.server.conftest import KEY, PATH, TEST_SETTINGS, SetClock
from tracking.contracts.archive import pack, unpack
from tracking.contracts.labels import EMPTY_ID, LABEL_ID

Prepared = tuple[Running, Caller, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, prepared: tuple[Path, list[str]]) -> Iterator[Prepared]:
    """A server over a copy of the prepared directory, and its current version."""
    from server.assemble import assemble
    from server.settings import load

    directory = tmp_path_factory.mktemp("refusals")
    shutil.copytree(prepared[0], directory, dirs_exist_ok=True)
    running = assemble(load(directory, TEST_SETTINGS), directory, clock=SetClock())
    running.start()
    caller = Caller(running.application)
    caller.wait_ready()
    yield running, caller, prepared[1][-1]
    running.stop()


def snapshot(running: Running) -> dict[str, str]:
    roots = (running.services.settings.state_path, running.services.settings.mask_path)
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for root in roots
        for path in root.rglob("*")
        if path.is_file()
    }


def post(caller: Caller, body: bytes, previous: str) -> Answer:
    return caller.post(f"/api/masks/{PATH}", body, X_Previous_Version_ID=previous, X_Editor="ann@example.org")


def refused(server: Prepared, body: bytes, code: str, status: int = 400) -> None:
    running, caller, version = server
    before = snapshot(running)
    answer = post(caller, body, version)
    assert (answer.status, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]
    assert snapshot(running) == before
    assert caller.get(f"/api/series/{PATH}").json()["version_id"] == version


def tar_with(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def member(name: str, data: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


METADATA = member("metadata.json", b"{}")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([METADATA, member("frame_000001.webp", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "MEMBER_NOT_A_FILE"),
        ([METADATA, member("frame_000001.webp", type=tarfile.LNKTYPE, linkname="metadata.json")], "MEMBER_NOT_A_FILE"),
        ([METADATA, member("frame_000001.webp", type=tarfile.FIFOTYPE)], "MEMBER_NOT_A_FILE"),
        ([METADATA, member("masks", type=tarfile.DIRTYPE)], "MEMBER_NOT_A_FILE"),
        ([METADATA, member("../frame_000001.webp", b"x")], "FILENAME_INVALID"),
        ([METADATA, member("/frame_000001.webp", b"x")], "FILENAME_INVALID"),
        ([METADATA, member("masks/frame_000001.webp", b"x")], "FILENAME_INVALID"),
        ([METADATA, member("frame_000001.png", b"x")], "FILENAME_INVALID"),
        ([METADATA, METADATA], "FILENAME_DUPLICATE"),
        ([member("frame_000001.webp", b"x")], "METADATA_MISSING"),
        ([member("metadata.json", b"{broken")], "METADATA_INVALID"),
        ([member("metadata.json", b"[]")], "METADATA_INVALID"),
        ([member("metadata.json", b'{"a": NaN}')], "METADATA_INVALID"),
        ([member("metadata.json", b"[" * 100_000)], "METADATA_INVALID"),
        ([member("metadata.json", b"\xff\xfe")], "METADATA_INVALID"),
    ],
)
def test_hostile_members(server: Prepared, members: list[tuple[tarfile.TarInfo, bytes]], code: str) -> None:
    refused(server, tar_with(*members), code)


def test_hostile_packing(server: Prepared) -> None:
    good = submission(KEY, server[2], {0: rectangle(1, 1, 20, 20)})
    for body in (b"", b"not gzip at all", gzip.compress(b"not a tar"), b"\x1f\x8b" + b"\0" * 50):
        running, caller, version = server
        before = snapshot(running)
        answer = post(caller, body, version)
        assert answer.status == 400, body
        assert answer.json()["error_code"] in ("ARCHIVE_UNREADABLE", "ARCHIVE_TRUNCATED", "METADATA_MISSING")
        assert snapshot(running) == before
    refused(server, good[: len(good) - 10], "ARCHIVE_TRUNCATED")
    refused(server, good[:-8] + b"\0" * 8, "ARCHIVE_UNREADABLE")  # the checksum


def test_bombs(server: Prepared) -> None:
    large = member("frame_000001.webp", b"\0" * (9 << 20))
    refused(server, tar_with(METADATA, large), "ARCHIVE_TOO_LARGE", 413)
    bomb = gzip.compress(b"\0" * (258 << 20), 1)
    assert len(bomb) < 2_000_000
    refused(server, bomb, "ARCHIVE_TOO_LARGE", 413)


Change = Callable[[dict[str, Any]], None]


def changed(version: str, change: Change, masks: dict[str, bytes] | None = None) -> bytes:
    archive = unpack(submission(KEY, version, {0: rectangle(1, 1, 20, 20)}, empty=(3,)))
    change(archive.metadata)
    return pack(archive.metadata, archive.masks if masks is None else masks)


def first(**fields: Any) -> Change:
    return lambda metadata: metadata["annotations"][0].update(fields)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda m: m.update(study_uid="9.9"), "UID_MISMATCH"),
        (lambda m: m.update(series_uid="../../etc"), "UID_MISMATCH"),
        (lambda m: m.update(annotations={}), "METADATA_INVALID"),
        (lambda m: m.pop("annotations"), "METADATA_INVALID"),
        (lambda m: m.update(editor=5), "METADATA_INVALID"),
        (lambda m: m.update(editor="x" * 300), "METADATA_INVALID"),
        (lambda m: m.update(editor="a\nb"), "EDITOR_INVALID"),
        (lambda m: m.update(previous_version_id="f" * 64), "REQUEST_INVALID"),
        (first(frame_number=FRAMES, filename=f"frame_{FRAMES + 1:06d}.webp"), "FRAME_OUT_OF_RANGE"),
        (first(frame_number=-1), "FRAME_OUT_OF_RANGE"),
        (first(frame_number="0"), "METADATA_INVALID"),
        (first(frame_number=True), "METADATA_INVALID"),
        (first(label_id="TRACK_ID"), "METADATA_INVALID"),
        (first(label_id="../x"), "METADATA_INVALID"),
        (first(label_id=EMPTY_ID), "METADATA_INVALID"),
        (first(filename=None), "METADATA_INVALID"),
        (first(filename="frame_000002.webp"), "FILENAME_INVALID"),
        (lambda m: m["annotations"].append(dict(m["annotations"][0])), "ANNOTATION_DUPLICATE"),
        (
            lambda m: m["annotations"].append({"frame_number": 0, "label_id": EMPTY_ID, "filename": None}),
            "ANNOTATION_CONTRADICTION",
        ),
        (lambda m: m["annotations"].append({**m["annotations"][0], "label_id": "L_2"}), "FILENAME_DUPLICATE"),
        (lambda m: m["annotations"].pop(0), "MASK_NOT_LISTED"),
    ],
)
def test_metadata_that_does_not_fit(server: Prepared, change: Change, code: str) -> None:
    running, caller, version = server
    before = snapshot(running)
    headers = {} if code == "EDITOR_INVALID" else {"X_Editor": "ann@example.org"}
    answer = caller.post(f"/api/masks/{PATH}", changed(version, change), X_Previous_Version_ID=version, **headers)
    assert (answer.status, answer.json()["error_code"]) == (400, code)
    assert snapshot(running) == before


def test_a_missing_mask(server: Prepared) -> None:
    refused(server, changed(server[2], lambda m: None, masks={}), "MASK_MISSING")


def wrong_masks() -> dict[str, tuple[bytes, str]]:
    from PIL import Image

    def encoded(image: Image.Image, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, **options)
        return buffer.getvalue()

    grey = Image.new("L", (WIDTH, HEIGHT), 255)
    speckled = grey.copy()
    speckled.putpixel((3, 3), 128)
    good = rectangle(1, 1, 20, 20)
    forged = bytearray(good)
    forged[21:25] = (16_383 | 16_383 << 14).to_bytes(4, "little")  # the header says 16384×16384
    lossless = {"format": "WEBP", "lossless": True}
    return {
        "png": (encoded(grey, format="PNG"), "MASK_NOT_LOSSLESS_WEBP"),
        "lossy": (encoded(grey.convert("RGB"), format="WEBP", quality=80), "MASK_NOT_LOSSLESS_WEBP"),
        "empty": (b"", "MASK_NOT_LOSSLESS_WEBP"),
        "truncated": (good[:-6], "MASK_NOT_LOSSLESS_WEBP"),
        "wrong size": (rectangle(1, 1, 9, 9, WIDTH - 1, HEIGHT), "MASK_WRONG_SIZE"),
        "forged size": (bytes(forged), "MASK_WRONG_SIZE"),
        "grey pixel": (encoded(speckled.convert("RGB"), **lossless), "MASK_WRONG_VALUES"),
        "colour": (encoded(Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0)), **lossless), "MASK_WRONG_VALUES"),
    }


@pytest.mark.parametrize("kind", wrong_masks())
def test_masks_that_are_none(server: Prepared, kind: str) -> None:
    data, code = wrong_masks()[kind]
    refused(server, changed(server[2], lambda m: None, masks={"frame_000001.webp": data}), code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "REQUEST_INVALID"),
        (b"[1]", 400, "REQUEST_INVALID"),
        (b'{"version_id": 5, "previous_version_id": null}', 400, "REQUEST_INVALID"),
        (b'{"version_id": "../x", "previous_version_id": null}', 404, "VERSION_UNKNOWN"),
        (b"[" * 10_000, 400, "REQUEST_INVALID"),
        (b" " * 20_000, 413, "ARCHIVE_TOO_LARGE"),
    ],
)
def test_restores_that_make_no_sense(server: Prepared, body: bytes, status: int, code: str) -> None:
    _, caller, _ = server
    answer = caller.post(f"/api/series/{PATH}/restore", body)
    assert (answer.status, answer.json()["error_code"]) == (status, code)


def test_a_restore_of_a_stale_page_is_a_conflict(server: Prepared, prepared: tuple[Path, list[str]]) -> None:
    _, caller, version = server
    body = json.dumps({"version_id": prepared[1][0], "previous_version_id": prepared[1][1]}).encode()
    answer = caller.post(f"/api/series/{PATH}/restore", body)
    assert answer.status == 409
    assert answer.json()["current_version"] == version


def test_the_form_with_frames_is_accepted_too(server: Prepared) -> None:
    """Runs last: the one save here that is right."""
    running, caller, version = server
    archive = unpack(caller.get(f"/api/masks/{PATH}").content)
    metadata = {**archive.metadata, "previous_version_id": version, "editor": "ann@example.org"}
    answer = post(caller, pack(metadata, archive.masks), version)
    assert answer.status == 200, answer.json()
    saved = unpack(
        (running.services.store.get(*KEY).directory / "history" / f"{answer.json()['version_id']}.tgz").read_bytes()
    )
    assert [(a["frame_number"], a["label_id"]) for a in saved.metadata["annotations"]] == [(2, LABEL_ID)]
    assert list(saved.masks) == ["frame_000003.webp"]  # what the server had tracked itself is not taken for a person's
