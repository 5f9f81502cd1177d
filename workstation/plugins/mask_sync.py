"""Masks to and from the mask server, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.contracts.archive import Archive
from workstation.hookspecs import hookimpl
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core


@hookimpl
def pull_masks(core: Core, key: SeriesKey, version_id: str | None) -> Archive:
    """GET /api/masks."""
    return core.server.masks(key, version_id)


@hookimpl
def save_masks(core: Core, key: SeriesKey, archive: bytes, previous_version_id: str | None) -> str:
    """POST /api/masks."""
    return core.server.save(key, archive, previous_version_id)
