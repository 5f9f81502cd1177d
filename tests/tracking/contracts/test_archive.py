"""The archive format: what round-trips, and that each hostile archive is refused with its own code."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.contracts.archive import Archive, ArchiveError, Limits, pack, read_submission, unpack
from tracking.contracts.labels import mask_filename

STUDY, SERIES, EMPTY = "1.2.3", "1.2.3.4", "L_75K42J"
LABELS = st.text("ABCxyz019_-", min_size=1, max_size=12)
NAMES = st.builds(mask_filename, st.integers(0, 999_998), st.none() | LABELS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def submission_metadata(annotations: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "study_uid": STUDY,
        "series_uid": SERIES,
        "previous_version_id": None,
        "editor": "a@example.org",
        "edited_at": "2026-01-01T00:00:00Z",
        "annotations": annotations,
        **changes,
    }


def annotation(frame_number: Any, label_id: Any = "L_13yPql", filename: Any = "") -> dict[str, Any]:
    if filename == "":
        filename = mask_filename(frame_number)
    return {"frame_number": frame_number, "label_id": label_id, "filename": filename}


def tgz(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def member(
    name: str, data: bytes = b"{}", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info, data


def code_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(ArchiveError) as caught:
        unpack(data, limits or Limits())
    return caught.value.code


@given(st.dictionaries(st.text(), JSON, max_size=5), st.dictionaries(NAMES, st.binary(max_size=200), max_size=5))
def test_pack_unpack_pack_is_identical(metadata: dict[str, Any], masks: dict[str, bytes]) -> None:
    packed = pack(metadata, masks)
    archive = unpack(packed)
    assert archive == Archive(metadata, masks)
    assert pack(archive.metadata, archive.masks) == packed


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_an_error_with_a_code(data: bytes) -> None:
    for candidate in (data, gzip.compress(data)):
        with pytest.raises(ArchiveError):
            unpack(candidate)


def test_every_truncation_and_every_flipped_byte_is_noticed() -> None:
    good = pack(submission_metadata([annotation(0)]), {mask_filename(0): b"mask"})
    for cut in range(len(good)):
        with pytest.raises(ArchiveError):
            unpack(good[:cut])
    expected = unpack(good)
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0xFF
        try:
            read = unpack(bytes(bad))
        except ArchiveError:
            continue
        assert read == expected, position  # gzip has bytes that mean nothing: its time stamp, padding bits


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (
            [member("metadata.json"), member("frame_000001.webp", kind=tarfile.SYMTYPE, link="/etc/passwd")],
            "MEMBER_NOT_A_FILE",
        ),
        (
            [member("metadata.json"), member("frame_000001.webp", kind=tarfile.LNKTYPE, link="metadata.json")],
            "MEMBER_NOT_A_FILE",
        ),
        ([member("metadata.json"), member("frame_000001.webp", kind=tarfile.DIRTYPE)], "MEMBER_NOT_A_FILE"),
        ([member("metadata.json"), member("frame_000001.webp", kind=tarfile.FIFOTYPE)], "MEMBER_NOT_A_FILE"),
        ([member("metadata.json"), member("../frame_000001.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("/frame_000001.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("a/frame_000001.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("frame_000000.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("frame_1.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("frame_00000१.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("frame_000001.L/x.webp")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("frame_000001.webp\n")], "FILENAME_INVALID"),
        ([member("metadata.json"), member("metadata.json")], "FILENAME_DUPLICATE"),
        ([member("frame_000001.webp"), member("frame_000001.webp")], "FILENAME_DUPLICATE"),
        ([member("frame_000001.webp")], "METADATA_MISSING"),
        ([], "METADATA_MISSING"),
        ([member("metadata.json", b"[]")], "METADATA_INVALID"),
        ([member("metadata.json", b"{")], "METADATA_INVALID"),
        ([member("metadata.json", b'{"a": NaN}')], "METADATA_INVALID"),
        ([member("metadata.json", b'{"a": 1e999}')], "METADATA_INVALID"),
        ([member("metadata.json", b"\xff{}")], "METADATA_INVALID"),
        ([member("metadata.json", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")], "METADATA_INVALID"),
    ],
)
def test_hostile_members_are_refused(members: list[tuple[tarfile.TarInfo, bytes]], code: str) -> None:
    assert code_of(tgz(members)) == code


def test_sizes_and_counts_are_bounded() -> None:
    small = Limits(members=3, member_bytes=1000, metadata_bytes=1000, packed_bytes=5000, unpacked_bytes=20_000)
    files = [member(mask_filename(n)) for n in range(4)]
    assert code_of(tgz([member("metadata.json"), *files]), small) == "ARCHIVE_TOO_LARGE"
    assert code_of(tgz([member("metadata.json", b"{}" + b" " * 1000)]), small) == "ARCHIVE_TOO_LARGE"
    assert code_of(tgz([member(mask_filename(0), b"x" * 1001)]), small) == "ARCHIVE_TOO_LARGE"
    assert code_of(gzip.compress(b"\0" * 30_000), small) == "ARCHIVE_TOO_LARGE"
    assert code_of(gzip.compress(b"\0" * (300 << 20), 1)) == "ARCHIVE_TOO_LARGE"
    noise = bytes(range(256)) * 40
    assert (
        code_of(tgz([member("metadata.json"), member(mask_filename(0), noise)]), Limits(packed_bytes=100))
        == "ARCHIVE_TOO_LARGE"
    )


def test_not_gzip_and_not_tar_are_refused() -> None:
    assert code_of(b"") == "ARCHIVE_TRUNCATED" or code_of(b"") == "ARCHIVE_UNREADABLE"
    assert code_of(b"PK\x03\x04 not a tgz") == "ARCHIVE_UNREADABLE"
    assert code_of(gzip.compress(b"x" * 2000)) == "ARCHIVE_UNREADABLE"


def submit(annotations: list[dict[str, Any]], masks: list[str] | None = None, **changes: Any) -> Any:
    names = [a["filename"] for a in annotations if a["filename"]] if masks is None else masks
    archive = Archive(submission_metadata(annotations, **changes), dict.fromkeys(names, b""))
    return read_submission(archive, study_uid=STUDY, series_uid=SERIES, empty_id=EMPTY, frame_count=10)


def test_a_submission_is_sorted_and_complete() -> None:
    extra = annotation(3, "L_x", mask_filename(3, "L_x"))
    read = submit([annotation(7), extra, annotation(3), annotation(1, EMPTY, None)])
    assert [(a.frame_number, a.label_id, a.filename) for a in read.annotations] == [
        (1, EMPTY, None),
        (3, "L_13yPql", "frame_000004.webp"),
        (3, "L_x", "frame_000004.L_x.webp"),
        (7, "L_13yPql", "frame_000008.webp"),
    ]
    assert (read.previous_version_id, read.editor) == (None, "a@example.org")


def test_the_frames_form_counts_annotations_only() -> None:
    frames = [
        {**annotation(2), "is_annotation": True},
        {**annotation(4), "is_annotation": False, "label_id": None},
        {**annotation(5, EMPTY, None), "is_annotation": True},
    ]
    metadata = {k: v for k, v in submission_metadata([]).items() if k != "annotations"} | {"frames": frames}
    archive = Archive(metadata, {mask_filename(2): b"", mask_filename(4): b""})
    read = read_submission(archive, study_uid=STUDY, series_uid=SERIES, empty_id=EMPTY)
    assert [a.frame_number for a in read.annotations] == [2, 5]


@pytest.mark.parametrize(
    ("annotations", "masks", "code"),
    [
        ([annotation(10)], None, "FRAME_OUT_OF_RANGE"),
        ([annotation(-1, filename="frame_000001.webp")], None, "FRAME_OUT_OF_RANGE"),
        ([annotation(True, filename="frame_000002.webp")], None, "METADATA_INVALID"),
        ([annotation(1.0, filename="frame_000002.webp")], None, "METADATA_INVALID"),
        ([annotation(1, "../x")], None, "METADATA_INVALID"),
        ([annotation(1, "TRACK_ID")], None, "METADATA_INVALID"),
        ([annotation(1, None)], None, "METADATA_INVALID"),
        ([annotation(1, EMPTY)], None, "METADATA_INVALID"),
        ([annotation(1, filename=None)], None, "METADATA_INVALID"),
        ([annotation(1, filename="frame_000003.webp")], None, "FILENAME_INVALID"),
        ([annotation(1, filename="frame_000002.L_other.webp")], None, "FILENAME_INVALID"),
        ([annotation(1, filename=7)], [], "FILENAME_INVALID"),
        ([annotation(1), annotation(1)], None, "ANNOTATION_DUPLICATE"),
        ([annotation(1), annotation(1, "L_b")], None, "FILENAME_DUPLICATE"),
        ([annotation(1), annotation(1, EMPTY, None)], None, "ANNOTATION_CONTRADICTION"),
        ([annotation(1)], [], "MASK_MISSING"),
        ([annotation(1)], ["frame_000002.webp", "frame_000003.webp"], "MASK_NOT_LISTED"),
    ],
)
def test_wrong_submissions_are_refused(annotations: list[dict[str, Any]], masks: list[str] | None, code: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        submit(annotations, masks)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"study_uid": "9.9"}, "UID_MISMATCH"),
        ({"series_uid": None}, "UID_MISMATCH"),
        ({"annotations": "x"}, "METADATA_INVALID"),
        ({"annotations": [1]}, "METADATA_INVALID"),
        ({"editor": 5}, "METADATA_INVALID"),
        ({"previous_version_id": "x" * 129}, "METADATA_INVALID"),
        ({"edited_at": ["x"]}, "METADATA_INVALID"),
    ],
)
def test_wrong_heads_are_refused(changes: dict[str, Any], code: str) -> None:
    metadata = submission_metadata([]) | changes
    with pytest.raises(ArchiveError) as caught:
        read_submission(Archive(metadata), study_uid=STUDY, series_uid=SERIES, empty_id=EMPTY)
    assert caught.value.code == code


def test_messages_repeat_nothing_that_was_sent() -> None:
    secret = "patient-name"
    metadata = json.dumps(submission_metadata([annotation(1, secret + "!")])).encode()
    with pytest.raises(ArchiveError) as caught:
        read_submission(
            unpack(tgz([member("metadata.json", metadata)])), study_uid=STUDY, series_uid=SERIES, empty_id=EMPTY
        )
    assert secret not in str(caught.value)
