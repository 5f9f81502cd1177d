"""Who looked at a series last, and is it done? Used by the series routes and by `next_series`.

Two small files a series: `activity.json` (the last two people) and `completion.json`. Losing the last seconds of them
in a power cut harms nobody, so they are replaced atomically but not flushed.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from server.clock import from_text, to_text
from server.files import read_json_object, set_aside, write_json
from server.records import Mark, SeriesEntry

ACTIVITY, COMPLETION = "activity.json", "completion.json"
PEOPLE_KEPT = 2


def touch(entry: SeriesEntry, editor: str, now: datetime) -> None:
    """Notes a view or a keep-alive: `editor` becomes the first of the last two people. The caller holds the lock."""
    others = [mark for mark in entry.activity if mark.editor != editor]
    activity = [Mark(editor, to_text(now)), *others][:PEOPLE_KEPT]
    write_json(entry.directory / ACTIVITY, {"activity": [asdict(mark) for mark in activity]}, durable=False)
    entry.activity = activity


def complete(entry: SeriesEntry, editor: str, now: datetime) -> None:
    """Marks the series as done. The caller holds the lock."""
    mark = Mark(editor, to_text(now))
    write_json(entry.directory / COMPLETION, {"completed": asdict(mark)})
    entry.completed = mark


def reopen(entry: SeriesEntry) -> None:
    """Takes the mark away. The caller holds the lock."""
    write_json(entry.directory / COMPLETION, {"completed": None})
    entry.completed = None


def load(entry: SeriesEntry) -> None:
    """Reads both files at start; what cannot be understood is set aside and counts as nothing."""
    entry.activity, entry.completed = [], None
    value = read_json_object(entry.directory / ACTIVITY)
    if value is not None:
        listed = value.get("activity")
        marks = [_mark(item) for item in listed] if isinstance(listed, list) else [None]
        if None in marks:
            set_aside(entry.directory / ACTIVITY)
        entry.activity = [mark for mark in marks if mark][:PEOPLE_KEPT]
    value = read_json_object(entry.directory / COMPLETION)
    if value is not None and value.get("completed") is not None:
        entry.completed = _mark(value["completed"])
        if entry.completed is None:
            set_aside(entry.directory / COMPLETION)


def _mark(value: Any) -> Mark | None:
    try:
        from_text(value["at"])
        return Mark(str(value["editor"]), value["at"])
    except (KeyError, TypeError, ValueError):
        return None
