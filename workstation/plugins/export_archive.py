"""File → Export: the annotations of a series as they are drawn now, as a mask archive (.tgz)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workstation.files import write_bytes
from workstation.hookspecs import Exporter, hookimpl
from workstation.jobs import Job
from workstation.packing import pack_annotations
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core


@hookimpl
def exporters() -> list[Exporter]:
    """One archive, as a save would send it."""
    return [Exporter("archive", "Annotations as mask archive", ".tgz", export)]


def export(core: Core, key: SeriesKey, target: Path, job: Job) -> None:
    """Writes the archive. Raises CoreError NOT_OPEN."""
    write_bytes(target, pack_annotations(core, core.session.edited(key)))
    job.progress(1, 1)
