"""What is on disk of a save under way? save.json and save.tgz of one series, for `workstation.saving` alone."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass

from workstation.cache import SeriesCache
from workstation.files import write_bytes, write_json

log = logging.getLogger("goobusters.saving")

SENDING, ACCEPTED = "sending", "accepted"


@dataclass
class Record:
    """save.json. position: ops of the journal below it are in the archive; content_sha256 is the archive's.

    stage: SENDING until the server has accepted it as `version_id`, then ACCEPTED until its masks have come. A version
    that the server made itself (restored, tracked again) has no archive here: content_sha256 is "".
    """

    stage: str
    position: int
    previous_version_id: str | None
    content_sha256: str
    was_sent: bool = False
    version_id: str | None = None


class SaveFiles:
    """The two files. Their writing raises OSError."""

    def __init__(self, entry: SeriesCache) -> None:
        self._entry = entry

    def exists(self) -> bool:
        """Whether a save is under way."""
        return self._entry.save_record.exists()

    def begin(self, archive: bytes, *, position: int, previous_version_id: str | None) -> Record:
        """Keeps a new archive, before anything is sent."""
        record = Record(SENDING, position, previous_version_id, hashlib.sha256(archive).hexdigest())
        write_bytes(self._entry.save_archive, archive)
        self.store(record)
        return record

    def load(self) -> Record | None:
        """The save under way, or None. One that makes no sense is dropped: the journal has what it stood for."""
        try:
            record = Record(**json.loads(self._entry.save_record.read_text("utf-8")))
            self._check(record)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            log.error("a save under way cannot be read; its edits are in the journal")
            self.drop()
            return None
        return record

    def _check(self, record: Record) -> None:
        """Raises ValueError."""
        texts = (record.previous_version_id, record.version_id)
        if type(record.position) is not int or not all(isinstance(text, str | None) for text in texts):
            raise ValueError("not a record")
        if record.stage == SENDING:
            archive = self._entry.save_archive
            if not archive.exists() or hashlib.sha256(archive.read_bytes()).hexdigest() != record.content_sha256:
                raise ValueError("the archive is not the one")
        elif record.stage != ACCEPTED or not record.version_id:
            raise ValueError("not a stage")

    def store(self, record: Record) -> None:
        """Notes how far it is."""
        write_json(self._entry.save_record, asdict(record))

    def archive(self) -> bytes:
        """What is sent. Raises OSError."""
        return self._entry.save_archive.read_bytes()

    def drop(self) -> None:
        """It is over."""
        self._entry.save_record.unlink(missing_ok=True)
        self._entry.save_archive.unlink(missing_ok=True)
