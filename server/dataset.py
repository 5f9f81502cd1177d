"""Where do the clips come from? One interface for every source, and the folder, which is the simplest of them.

`dataset_sync` asks `load` at start and now and again, in a thread of its own; `mdai_source` is the other source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tracking.contracts.dataset import DatasetError, Index, read_index


@dataclass(frozen=True)
class Loaded:
    """What is on this disk now. `is_fresh`: it is what the source has; otherwise problems of the index say why not."""

    index: Index
    is_fresh: bool = True


class Source(Protocol):
    """A data set that can be brought to this machine."""

    def load(self, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Loaded:
        """Brings the local copy up to date and says what is in it.

        progress(bytes or files done, in all) as often as it likes; `cancelled()` is true when the server stops.
        Whatever goes wrong but leaves something usable on disk is told in `Index.problems` (such as DATASET_STALE or
        IMAGES_REFUSED); raises DatasetError when there is nothing to work with.
        """
        ...


class FolderSource:
    """A directory of clips on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> Loaded:
        try:
            return Loaded(read_index(self._root))
        except OSError as error:
            raise DatasetError(
                "DATASET_MISSING", f"The folder with the clips cannot be read: {error.strerror}."
            ) from None
