"""What is a DICOM file, and what does reading a damaged one raise? Asked by tracking's clips and by the workstation's
extraction, which read the same files with and without NumPy.

Standard library only.
"""

from __future__ import annotations

from pathlib import Path

from tracking.contracts.dataset import DICOM_SUFFIXES

DECODE_ERRORS = (
    AttributeError,
    EOFError,
    KeyError,
    IndexError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What pydicom and its decoders raise on damaged files; named so that a mistake of ours is not taken for a bad clip.
Beside them stands pydicom's own InvalidDicomError, a kind of Exception alone."""


def is_dicom(path: Path) -> bool:
    """Whether the file is named like DICOM or starts like it (128 bytes, then DICM). Raises OSError."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
