"""Which series are there, and where are their files? The one object that owns the state; made by `server.__main__`.

    server_state/series/<study>_<series>/   metadata.json  version_current.json  history/  original.tgz
                                            original.json  activity.json  completion.json
    output/<flow>/<study>_<series>/         masks/  masks.tgz  identity.yaml  versions/

Everything is read once at start and kept in memory; every change is written before it is visible. Locks: one a series
(`entry.lock`) for its files and fields, and `lock` for the list of series and the choice of the next one. Whoever
needs both takes `lock` first.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from pathlib import Path

from server import activity, original, production, versions
from server.errors import ApiError
from server.files import expect, make_directory, read_json_object, set_aside, write_json
from server.records import Key, SeriesEntry, TrackingStatus
from tracking.contracts.dataset import ExportedAnnotation, Index, Problem, Series
from tracking.contracts.labels import is_uid

log = logging.getLogger("goobusters.store")

METADATA = "metadata.json"


class Store:
    """All series by key. `state_path` and `mask_path` are the settings' directories."""

    def __init__(self, state_path: Path, mask_path: Path, flow_method: str) -> None:
        self.state_path = state_path
        self.series_path = state_path / "series"
        self.flow_path = mask_path / flow_method
        self.lock = threading.RLock()
        self.dataset_version = ""
        self._entries: dict[Key, SeriesEntry] = {}
        self._unreadable: set[Key] = set()

    def load(self) -> None:
        """Reads everything that earlier runs left. A series whose files fail to open is refused, so that nobody saves
        beside a history that nobody sees; the rest go on.

        Raises OSError when the directories themselves cannot be used.
        """
        for path in (self.series_path, self.flow_path):
            expect(path, directory=True)
            make_directory(path)
        for directory in sorted(self.series_path.iterdir()):
            key = _key(directory.name)
            if key is None:
                continue
            expect(directory, directory=True)
            try:
                self._load_entry(self._entry(key))
            except OSError as error:
                log.error("series_not_loaded", extra={"series": key, "reason": error.strerror})
                self._entries.pop(key)
                self._unreadable.add(key)

    def problems(self) -> list[Problem]:
        """What an admin must know about the state on disk."""
        count = len(self._unreadable)
        text = "Series whose files on the server's disk cannot be read are left out until a restart."
        return [Problem("SERIES_UNREADABLE", text, str(count))] if count else []

    def _load_entry(self, entry: SeriesEntry) -> None:
        production.load(entry)
        versions.load(entry)  # after the masks, which stand in for a broken version
        original.take(entry)
        activity.load(entry)
        if entry.production:
            entry.tracking = TrackingStatus.COMPLETED
        metadata = read_json_object(entry.directory / METADATA)
        if metadata is None:
            return
        numbers = metadata.get("exam_number"), metadata.get("series_number")
        if not all(type(number) is int for number in numbers):
            set_aside(entry.directory / METADATA)
            return
        entry.exam_number, entry.series_number = metadata["exam_number"], metadata["series_number"]
        entry.dataset_name = str(metadata.get("dataset_name", ""))
        entry.is_listed = metadata.get("is_listed") is True

    def index(self, index: Index) -> list[SeriesEntry]:
        """Joins the state on disk with the data set; returns the listed series in exam order. Raises OSError."""
        annotations: dict[Key, list[ExportedAnnotation]] = defaultdict(list)
        for annotation in index.export.annotations:
            annotations[annotation.study_uid, annotation.series_uid].append(annotation)
        with self.lock:
            found = {(s.study_uid, s.series_uid): s for s in index.series}
            found = {key: series for key, series in found.items() if key not in self._unreadable}
            for key, entry in self._entries.items():
                if key not in found and entry.is_listed:
                    self._unlist(entry)
            entries = [self._join(self._entry(key), s, tuple(annotations[key])) for key, s in found.items()]
            self.dataset_version = index.version
        return entries

    def _join(self, entry: SeriesEntry, series: Series, annotations: tuple[ExportedAnnotation, ...]) -> SeriesEntry:
        with entry.lock:
            entry.series, entry.annotations = series, annotations
            facts = (series.exam_number, series.series_number, series.dataset_name, True)
            if (entry.exam_number, entry.series_number, entry.dataset_name, entry.is_listed) != facts:
                entry.exam_number, entry.series_number, entry.dataset_name, entry.is_listed = facts
                make_directory(entry.directory)
                self._write_metadata(entry)
        return entry

    def _unlist(self, entry: SeriesEntry) -> None:
        with entry.lock:
            entry.series, entry.annotations, entry.is_listed = None, (), False
            self._write_metadata(entry)

    def _write_metadata(self, entry: SeriesEntry) -> None:
        value = {
            "study_uid": entry.key[0],
            "series_uid": entry.key[1],
            "exam_number": entry.exam_number,
            "series_number": entry.series_number,
            "dataset_name": entry.dataset_name,
            "is_listed": entry.is_listed,
        }
        write_json(entry.directory / METADATA, value, durable=False)

    def _entry(self, key: Key) -> SeriesEntry:
        if key not in self._entries:
            name = "_".join(key)
            self._entries[key] = SeriesEntry(key, self.series_path / name, self.flow_path / name)
        return self._entries[key]

    def listed(self) -> list[SeriesEntry]:
        """Every series of the data set, in exam order."""
        with self.lock:
            entries = [entry for entry in self._entries.values() if entry.is_listed]
        return sorted(entries, key=lambda e: (e.exam_number, e.series_number, e.key))

    def get(self, study_uid: str, series_uid: str) -> SeriesEntry:
        """One series of the data set.

        Raises ApiError UID_INVALID, SERIES_UNKNOWN, or STORAGE_FAILED when its files could not be read at the start.
        """
        if not (is_uid(study_uid) and is_uid(series_uid)):
            raise ApiError("UID_INVALID", "The address does not name a series.")
        if (study_uid, series_uid) in self._unreadable:
            raise ApiError("STORAGE_FAILED", "The server's disk refused to read the files of this series.")
        entry = self._entries.get((study_uid, series_uid))
        if entry is None or not entry.is_listed:
            raise ApiError("SERIES_UNKNOWN", "The data set has no such series.")
        return entry


def _key(name: str) -> Key | None:
    study, _, series = name.partition("_")
    return (study, series) if is_uid(study) and is_uid(series) else None
