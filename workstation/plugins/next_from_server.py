"""What to annotate next: the server decides (SPEC 7.4); without it, the first unfinished series on this disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstation.errors import CoreError
from workstation.hookspecs import hookimpl
from workstation.series import SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core


@hookimpl
def next_series(core: Core, skip: SeriesKey | None) -> dict[str, Any] | None:
    """The server's choice. `skip`, the series that is open, is left out offline."""
    try:
        return core.server.next_series()
    except CoreError as error:
        if error.code not in ("SERVER_UNREACHABLE", "SERVER_UNSET"):
            raise
    for series in core.session.list_local():
        key = series["study_uid"], series["series_uid"]
        if series["completed"] is None and key != skip and is_ready(core, key):
            return series
    return {"no_available_series": True, "error_code": "ALL_DONE"}


def is_ready(core: Core, key: SeriesKey) -> bool:
    """Whether a series can be opened without a server: frames and masks are here."""
    entry = core.cache.series(key)
    return entry.manifest() is not None and entry.journal.exists()
