"""Brings MD.ai's data set up to date on this disk, or says why not and goes on with what is there.

The server and the workstation call sync() with the way of fetching that they have: the SDK (mdai_sdk) or, on the iPad,
our own client (mdai_client). Standard library only.
"""

from __future__ import annotations

import errno
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tracking.contracts.dataset import Problem
from tracking.contracts.mdai_copy import LocalCopy
from tracking.contracts.mdai_types import Fetch, Fetched, MdaiError, Source, Watch

log = logging.getLogger("goobusters.mdai")

ATTEMPTS = 3
_WORTH_ANOTHER = ("MDAI_DOWNLOAD_BROKEN", "MDAI_STOPPED")
_LITTLE_SPACE = 32 << 20


@dataclass(frozen=True)
class SyncResult:
    """What is on disk now, for `read_index(root, annotations)`.

    root always exists, maybe without clips. is_fresh: clips and annotations are what MD.ai has; otherwise problems say
    what is not, and why.
    """

    root: Path
    annotations: Path | None
    problems: list[Problem] = field(default_factory=list)
    is_fresh: bool = False


def sync(source: Source, root: Path, fetch: Fetch, watch: Watch | None = None) -> SyncResult:
    """Fetches what changed at MD.ai into `root` and returns what is there.

    Token, network, refused images, broken downloads and a full disk are problems in the result, not exceptions.
    Raises SyncCancelled, and OSError when `root` cannot even be created.
    """
    watch = watch or Watch()
    copy = LocalCopy(root)
    copy.recover()
    errors: list[MdaiError] = []
    for attempt in range(1, ATTEMPTS + 1):
        try:
            errors = _attempt(source, copy, fetch, watch)
        except OSError as error:
            log.warning("mdai_disk", extra={"reason": error.strerror})
            errors = [MdaiError("MDAI_DISK_FULL" if error.errno == errno.ENOSPC else "MDAI_DISK_FAILED")]
        finally:
            copy.discard_download()
        if not any(error.code in _WORTH_ANOTHER for error in errors):
            break
        log.info("mdai_attempt", extra={"attempt": attempt, "code": errors[0].code})
    return _result(copy, errors)


def _attempt(source: Source, copy: LocalCopy, fetch: Fetch, watch: Watch) -> list[MdaiError]:
    """One fetch and its publication. Annotations are published even when the images fail. Raises OSError."""
    watch.step()
    have = None if copy.missing() else copy.manifest().export
    directory = copy.fresh_download()
    try:
        source.check()
        fetched = fetch(source, directory, have, watch)
        copy.publish_annotations(fetched.annotations)
        _publish_images(copy, fetched, have, watch)
    except MdaiError as error:
        if error.code == "MDAI_DOWNLOAD_BROKEN" and shutil.disk_usage(copy.root).free < _LITTLE_SPACE:
            error = MdaiError("MDAI_DISK_FULL")  # the SDK does not tell one from the other
        return [error]
    return [fetched.images_error] if fetched.images_error else []


def _publish_images(copy: LocalCopy, fetched: Fetched, have: str | None, watch: Watch) -> None:
    if fetched.images_export is None:
        return
    if fetched.images:
        copy.publish_images(fetched.images_export, fetched.images, watch)
    elif fetched.images_export == have:
        copy.confirm()
    else:
        raise MdaiError("MDAI_DOWNLOAD_BROKEN")


def _result(copy: LocalCopy, errors: list[MdaiError]) -> SyncResult:
    problems = [error.problem() for error in errors]
    missing = copy.missing()
    if missing:
        problems.append(Problem("CLIPS_MISSING", "Clips of the data set are missing on this disk.", str(missing)))
    if errors:
        synced_at = copy.manifest().synced_at
        message = f"Going on with the clips of {synced_at}." if synced_at else "There are no clips on this disk yet."
        problems.append(Problem("STARTED_FROM_DISK" if synced_at else "DATASET_EMPTY", message))
    annotations = copy.annotations if copy.annotations.is_file() else None
    return SyncResult(copy.images, annotations, problems, is_fresh=not errors and not missing)
