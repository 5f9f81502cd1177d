"""Is a file taken for DICOM by its name or its first bytes, and nothing else?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking.contracts.dicom import is_dicom


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.dcm", b"", True),
        ("A.DICOM", b"noise", True),
        ("no-suffix", bytes(128) + b"DICM", True),
        ("a.mp4", bytes(128) + b"DICN", False),
        ("short", b"DICM", False),
    ],
)
def test_by_name_or_first_bytes(tmp_path: Path, name: str, content: bytes, expected: bool) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_dicom(tmp_path / name) is expected


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        is_dicom(tmp_path / "gone")
