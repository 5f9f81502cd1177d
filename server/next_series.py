"""Which series should this person annotate next? One pure rule (SPEC 7.4), called under the store's lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from server.clock import from_text
from server.records import SeriesEntry, TrackingStatus

AT_WORK = timedelta(seconds=90)
"""Clients say every 30 s that they are still there: three missed ones, and the person has left."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def choose(
    entries: Iterable[SeriesEntry], editor: str | None, now: datetime, threshold: timedelta
) -> SeriesEntry | str:
    """The series to work on, or ALL_DONE, or ALL_ACTIVE.

    Completed and failed series are skipped. First choice: those that nobody else viewed within `threshold`, the one
    unseen for longest first. Otherwise the one whose last view is oldest, but none that somebody else is at work on
    this minute, so that two people never get the same one. An unnamed editor counts as somebody else to everyone.
    """
    left = [e for e in entries if e.completed is None and e.tracking is not TrackingStatus.FAILED]
    if not left:
        return "ALL_DONE"
    ordered = sorted(left, key=lambda e: (_last_view(e), e.exam_number, e.series_number))
    for entry in ordered:
        if not _others_within(entry, editor, now, threshold):
            return entry
    for entry in ordered:
        if not _others_within(entry, editor, now, AT_WORK):
            return entry
    return "ALL_ACTIVE"


def _last_view(entry: SeriesEntry) -> datetime:
    return max((from_text(mark.at) for mark in entry.activity), default=_NEVER)


def _others_within(entry: SeriesEntry, editor: str | None, now: datetime, span: timedelta) -> bool:
    """A view in the future (the clock was set back) is as far away as it says, so that it cannot block for ever."""
    return any(
        abs(now - from_text(mark.at)) < span for mark in entry.activity if editor is None or mark.editor != editor
    )
