"""How does MD.ai's data set get onto the server's disk? `server.dataset` makes this source when DATASET is `mdai`.

Everything is fetched by MD.ai's own SDK in a child process, checked, and unpacked below DATA_PATH/mdai; see
tracking.contracts.mdai_sync for what happens when the token is stale, the network is away or images are refused.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from server.dataset import Loaded
from server.settings import ServerSettings
from tracking.contracts import mdai_sdk
from tracking.contracts.dataset import DatasetError, read_index
from tracking.contracts.mdai_sync import sync
from tracking.contracts.mdai_types import Source, SyncCancelled, SyncProgress, Watch

log = logging.getLogger("goobusters.mdai")


class MdaiSource:
    """One data set of one project at MD.ai, and its copy on this disk."""

    def __init__(self, settings: ServerSettings) -> None:
        self._source = Source(settings.mdai_domain, settings.project_id, settings.dataset_id, settings.mdai_token)
        self.root = _root(settings)

    def load(self, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Loaded:
        """Brings the copy up to date and reads it. Blocks.

        progress(done, total) counts percent while MD.ai prepares and sends, clips while they are unpacked. A stale
        token, an absent network, refused images and the like are entries of `Index.problems` and lines of the log, and
        what is on disk is used. Raises DatasetError SYNC_CANCELLED, STORAGE_FAILED.
        """

        def report(step: SyncProgress) -> None:
            progress(step.done, step.total)

        try:
            result = sync(self._source, self.root, mdai_sdk.fetch, Watch(report, cancelled))
        except SyncCancelled:
            raise DatasetError("SYNC_CANCELLED", "The download of the data set was cancelled.") from None
        except OSError as error:
            raise DatasetError("STORAGE_FAILED", f"DATA_PATH cannot be used: {error.strerror}.") from None
        for problem in result.problems:
            log.warning("dataset_problem", extra={"code": problem.code, "reason": problem.message})
        index = read_index(result.root, result.annotations)
        index.problems[:0] = result.problems
        log.info("dataset_synced", extra={"count": len(index.series)})
        return Loaded(index, result.is_fresh)


def _root(settings: ServerSettings) -> Path:
    """A directory of its own for each domain, project and data set; a hash, since those are free text."""
    name = "\n".join([settings.mdai_domain, settings.project_id, settings.dataset_id])
    return settings.data_path / "mdai" / hashlib.sha256(name.encode()).hexdigest()[:16]
