"""File → Import: annotations from a mask archive (.tgz), exported here or made elsewhere, as one edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.contracts.archive import Annotation, Archive, ArchiveError, read_submission, unpack
from tracking.contracts.masks import decode_mask
from workstation.errors import CoreError
from workstation.hookspecs import Importer, hookimpl
from workstation.jobs import Job
from workstation.masks import MaskSet
from workstation.replay import ANNOTATION, EMPTY, NONE, Cell, Key, Replay, change, new_edit
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core


@hookimpl
def importers() -> list[Importer]:
    """Both forms of an archive: a client's, and the server's with its tracked masks, which are passed over."""
    return [Importer("archive", "Annotations from a mask archive", ".tgz", read)]


def read(core: Core, key: SeriesKey, source: Path, job: Job) -> list[dict[str, Any]]:
    """An edit that brings in every annotation of the archive; frames that it does not name stay as they are.

    [] when all of it is here already. Raises CoreError NOT_OPEN, or EXCHANGE_FAILED for a file that does not fit.
    """
    model = core.session.edited(key)
    if model.masks is None or model.journal is None or model.shape is None:
        raise CoreError("NOT_OPEN", "This series is not open.", 409)
    masks, empty_id = model.masks, core.settings.empty_id
    labels = [label["label_id"] for label in core.label_types() if label["label_id"] != empty_id]
    try:
        with source.open("rb") as file:
            archive = unpack(file)
        found = read_submission(
            archive, study_uid=key[0], series_uid=key[1], empty_id=empty_id, frame_count=model.shape.frame_count
        )
        wanted = _wanted(found.annotations, archive, masks, labels, empty_id)
    except ArchiveError as error:
        raise CoreError("EXCHANGE_FAILED", error.message) from error
    except OSError as error:
        raise CoreError("EXCHANGE_FAILED", "The file cannot be read.") from error
    replay = Replay(masks, model.journal.ops())
    changes = []
    for done, (one, after) in enumerate(sorted(wanted.items()), 1):
        before = replay.cell(one)
        if before != after:
            changes.append(change(one, before, after, masks.width, masks.height))
        job.progress(done, len(wanted))
    return [new_edit("import", changes)] if changes else []


def _wanted(
    annotations: tuple[Annotation, ...], archive: Archive, masks: MaskSet, labels: list[str], empty_id: str
) -> dict[Key, Cell]:
    """How each (frame, label) of the archive's frames is to look: an empty frame has no mask, a drawn one no mark."""
    clear = Cell(NONE, bytes(masks.width * masks.height))
    wanted: dict[Key, Cell] = {}
    for annotation in annotations:
        number = annotation.frame_number
        if annotation.filename is None:
            wanted.update({(number, label): clear for label in labels})
            wanted[(number, empty_id)] = Cell(EMPTY, clear.pixels)
        elif annotation.label_id not in labels:
            raise ArchiveError("LABEL_UNKNOWN", "The archive has a label type that is not known here.")
        else:
            pixels = decode_mask(archive.masks[annotation.filename], masks.width, masks.height)
            wanted[(number, annotation.label_id)] = Cell(ANNOTATION, pixels)
            wanted[(number, empty_id)] = clear
    return wanted
