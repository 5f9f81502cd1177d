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
    """The server's choice. Offline: the next one after `skip`, the open series, that can be opened and is not done.

    Answers with error_code SERVER_UNREACHABLE when there is none: others may be left on the server.
    """
    try:
        return core.server.next_series()
    except CoreError as error:
        if error.code not in ("SERVER_UNREACHABLE", "SERVER_UNSET"):
            raise
    everything = core.session.list_local()
    keys = [(series["study_uid"], series["series_uid"]) for series in everything]
    start = keys.index(skip) + 1 if skip in keys else 0
    for series, key in zip(everything[start:] + everything[:start], keys[start:] + keys[:start], strict=True):
        if series["completed"] is None and key != skip and is_ready(core, key):
            return series
    return {"no_available_series": True, "error_code": "SERVER_UNREACHABLE"}


def is_ready(core: Core, key: SeriesKey) -> bool:
    """Whether a series can be opened without a server: frames and masks are here."""
    entry = core.cache.series(key)
    return entry.manifest() is not None and entry.journal.exists()
