"""How does a rename survive a power cut? Asked by all that writes: the server, the workstation, MD.ai's copy.

Standard library only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Makes renames inside the directory `path` survive a power cut. Windows cannot and does not need to."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
