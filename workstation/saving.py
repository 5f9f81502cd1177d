"""How do edits reach the server, whatever happens on the way? One Saver a series, with a thread while there is work.

    journal → replay → archive → (save.json, save.tgz on disk) → POST → `accepted` op → wait for the retrack
            → pull masks → `rebase` op → save.json gone

Everything that must survive a kill is on disk before the step that needs it. A POST whose outcome nobody knows is
looked up in the server's history by the digest of its content before it is sent again. A save refused because a
retrack runs waits; one that somebody else was faster than is merged (`workstation.conflicts`) and sent again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracking.contracts.archive import ArchiveError, pack
from tracking.contracts.labels import mask_filename
from tracking.contracts.masks import encode_mask
from workstation.conflicts import Conflicts, rebase_op
from workstation.errors import CoreError, JobCancelledError, ServerOfflineError
from workstation.files import write_bytes, write_json
from workstation.jobs import Job
from workstation.journal import Journal
from workstation.masks import MaskSet
from workstation.opening import Opening
from workstation.replay import EMPTY, Op, Replay, kept, touched_keys
from workstation.series import SaveState, SeriesModel, series_tag

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.saving")

_SENDING, _ACCEPTED = "sending", "accepted"
_ASK_EVERY = 3.0


@dataclass
class Record:
    """A save under way, as in save.json. position: ops below it are in the archive; content_sha256 is the archive's."""

    stage: str
    position: int
    previous_version_id: str | None
    content_sha256: str
    was_sent: bool = False
    version_id: str | None = None


class Saver:
    """Saves one series."""

    def __init__(self, core: Core, model: SeriesModel) -> None:
        self._core = core
        self._model = model
        self._entry = core.cache.series(model.key)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_wanted = False
        self._job = Job(self._progress)
        self.conflicts: Conflicts | None = None

    def request(self) -> None:
        """Saves what is drawn now; while a save is under way, another follows it. Raises CoreError NOT_OPEN."""
        self._core.session.edited(self._model.key)
        if self.conflicts is not None:
            raise CoreError("CONFLICT_OPEN", "Decide first whose edits to keep.", 409)
        save = self._model.save
        if save is None or save["state"] == SaveState.FAILED:  # said at once, so that the answer shows it already
            if self._model.is_dirty:
                self._show(SaveState.SAVING)
            elif save is not None:
                self._show(SaveState.RETRACKING)
        self._start(is_wanted=True)

    def resume(self) -> None:
        """Goes on with a save of an earlier run."""
        self._start(is_wanted=False)

    def server_is_back(self) -> None:
        """Goes on at once with what waited for the server."""
        save = self._model.save
        if save and save["state"] in (SaveState.OFFLINE, SaveState.FAILED) and self._entry.save_record.exists():
            self.resume()

    def adopt_restored(self, version_id: str) -> None:
        """Follows a version that the server has just made of an earlier one: waits for its masks like after a save."""
        journal, _ = self._edited()
        self._store(Record(_ACCEPTED, len(journal.ops()), None, "", True, version_id))
        self.resume()

    def resolve(self, choices: list[Any]) -> None:
        """Joins both sides as the person chose, and saves. Raises CoreError CONFLICT_NONE or CHOICES_INCOMPLETE."""
        if self.conflicts is None:
            raise CoreError("CONFLICT_NONE", "There is nothing to decide for this series.", 404)
        self.conflicts.join(choices)
        self.conflicts = None
        self._start(is_wanted=True)

    def _start(self, *, is_wanted: bool) -> None:
        with self._lock:
            self._is_wanted = self._is_wanted or is_wanted
            if self._thread is None and not self._job.is_cancelled:
                self._thread = threading.Thread(target=self._run, name="save-series", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stops waiting; what is on disk goes on at the next start."""
        self._job.cancel()
        thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            try:
                self._work()
            except JobCancelledError:
                pass
            except CoreError as error:
                self._fail(error)
            except (OSError, ArchiveError):
                self._fail(CoreError("CACHE_NOT_WRITABLE", "This save cannot be written to the disk.", 500))
            except Exception:  # the thread's last line of defence: the person must see that nothing was sent
                log.exception("series %s: save", series_tag(self._model.key))
                self._fail(CoreError("INTERNAL_ERROR", "Something unexpected went wrong while saving.", 500))
            with self._lock:
                if not self._is_wanted or self._job.is_cancelled or self.conflicts is not None:
                    self._thread = None
                    return

    def _work(self) -> None:
        """Until nothing is wanted any more, or a person has to decide."""
        journal, _ = self._edited()
        while self.conflicts is None:
            record = self._load()
            if record is None:
                with self._lock:
                    is_wanted, self._is_wanted = self._is_wanted, False
                if not is_wanted:
                    break
                if journal.is_dirty:
                    record = self._prepare()
                elif journal.accepted() is not None:  # its retrack failed: try that again
                    version = self._core.server.retrack(self._model.key)
                    record = Record(_ACCEPTED, journal.saved_position, None, "", True, version)
                    self._store(record)
                else:
                    break
            if record.stage == _SENDING and not self._send(record):
                continue
            self._await_masks(record)
        else:
            return
        self._model.save = None
        self._core.session.publish(self._model)
        self._core.session.follow(self._model)

    def _edited(self) -> tuple[Journal, MaskSet]:
        model = self._core.session.edited(self._model.key)
        if model.journal is None or model.masks is None:
            raise CoreError("NOT_OPEN", "This series is not open.", 409)
        return model.journal, model.masks

    # What is told

    def _fail(self, error: CoreError) -> None:
        log.warning("series %s: save: %s", series_tag(self._model.key), error.code)
        with self._lock:
            self._is_wanted = False
        self._show(SaveState.FAILED, error.code, error.message)

    def _show(self, state: SaveState, code: str | None = None, message: str | None = None) -> None:
        self._model.save = {"state": str(state), "done": 0, "total": 0, "error_code": code, "message": message}
        self._core.session.publish(self._model)

    def _progress(self, done: int, total: int) -> None:
        if self._model.save:
            self._model.save = {**self._model.save, "done": done, "total": total}
            self._core.session.publish(self._model)

    # What is on disk

    def _load(self) -> Record | None:
        try:
            return Record(**json.loads(self._entry.save_record.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):  # written in one step, so this is not ours; the journal still has the edits
            log.error("series %s: save.json cannot be read", series_tag(self._model.key))
            return None

    def _store(self, record: Record) -> None:
        write_json(self._entry.save_record, asdict(record))

    def _drop(self) -> None:
        self._entry.save_record.unlink(missing_ok=True)
        self._entry.save_archive.unlink(missing_ok=True)

    # The steps

    def _prepare(self) -> Record:
        """The archive of everything drawn up to now, on disk."""
        self._show(SaveState.SAVING)
        journal, masks = self._edited()
        with journal.lock:
            ops, parent = journal.ops(), parent_version(journal, masks)
        data = pack_annotations(self._core, self._model, ops)
        record = Record(_SENDING, len(ops), parent, hashlib.sha256(data).hexdigest())
        write_bytes(self._entry.save_archive, data)
        self._store(record)
        return record

    def _send(self, record: Record) -> bool:
        """Gets the record accepted and noted; False when it had to be merged first (the record is gone then)."""
        key = self._model.key
        while True:
            self._job.check()
            try:
                version = self._find_sent(record) if record.was_sent else None
                if version is None:
                    self._show(SaveState.SAVING)
                    record.was_sent = True
                    self._store(record)
                    version = self._core.plugins.first(
                        "save_masks",
                        core=self._core,
                        key=key,
                        archive=self._entry.save_archive.read_bytes(),
                        previous_version_id=record.previous_version_id,
                    )
                self._accept(record, version)
                return True
            except ServerOfflineError as error:
                self._wait_for_server(error)
            except CoreError as error:
                if error.code == "RETRACK_IN_PROGRESS":
                    self._show(SaveState.WAITING, error.code, error.message)
                    self._wait_retrack(record.previous_version_id or "")
                elif error.code == "VERSION_MISMATCH":
                    if self._find_sent(record) is None:
                        self._merge(str(error.details.get("current_version") or ""))
                        return False
                else:
                    if error.status < 500:
                        self._drop()  # refused for good: the next save is made anew from the journal
                    raise

    def _find_sent(self, record: Record) -> str | None:
        """The version that a POST of unknown outcome has made, or None when it never arrived."""
        for version in self._core.server.series(self._model.key).get("history") or []:
            if version.get("content_sha256") == record.content_sha256:
                return str(version["version_id"])
        return None

    def _accept(self, record: Record, version_id: str) -> None:
        journal, _ = self._edited()
        accepted = journal.accepted()
        if accepted is None or accepted["version_id"] != version_id:
            op = {"id": str(uuid.uuid4()), "op": "accepted", "version_id": version_id, "position": record.position}
            journal.append_own(op)
        record.stage, record.version_id = _ACCEPTED, version_id
        self._store(record)
        self._model.is_saved = True

    def _wait_for_server(self, error: ServerOfflineError) -> None:
        self._show(SaveState.OFFLINE, error.code, error.message)
        self._core.session.wait_remote(self._core.session.remote_count, _ASK_EVERY, self._job)

    def _wait_retrack(self, version_id: str) -> None:
        """Until no retrack runs; one that failed is over too."""
        try:
            self._core.plugins.first(
                "wait_retrack", core=self._core, key=self._model.key, version_id=version_id, job=self._job
            )
        except CoreError as error:
            if error.code != "RETRACK_FAILED":
                raise

    def _await_masks(self, record: Record) -> None:
        """Waits for the accepted version's masks and makes them the base."""
        version_id = record.version_id or ""
        while True:
            self._show(SaveState.RETRACKING)
            try:
                self._core.plugins.first(
                    "wait_retrack", core=self._core, key=self._model.key, version_id=version_id, job=self._job
                )
                masks = self._pull(version_id)
                break
            except ServerOfflineError as error:
                self._wait_for_server(error)
            except CoreError as error:
                if error.code == "RETRACK_FAILED":
                    self._drop()  # the save itself is safe on the server; saving again tracks again
                raise
        self._rebase(record, masks)
        self._drop()
        Opening(self._core, self._model).drop_old_versions()

    def _pull(self, version_id: str) -> MaskSet:
        """The masks of one version: the current ones if they are of it, otherwise from the history."""
        opening = Opening(self._core, self._model)
        archive = self._core.plugins.first(
            "pull_masks", core=self._core, key=self._model.key, version_id=None, job=self._job
        )
        if archive.metadata.get("version_id") == version_id:
            return opening.store(archive)
        return opening.version(version_id)

    def _rebase(self, record: Record, masks: MaskSet) -> None:
        """Puts the journal on top of the new masks: what was drawn since the save stays just as it looks."""
        journal, old = self._edited()
        with self._model.lock, journal.lock:
            ops = journal.ops()
            if record.content_sha256 == "" and record.position == len(ops) and journal.accepted() is None:
                journal.start(masks.directory.name)  # a restored version: there is nothing to undo towards
            else:
                replay = Replay(old, ops)
                keep = [kept(key, replay) for key in sorted(touched_keys(ops, record.position))]
                journal.append_own(rebase_op(masks, record.position, keep, is_unsaved=False))
            self._model.masks = masks
            self._model.is_saved = True

    def _merge(self, current_version: str) -> None:
        """Somebody else saved first: joins their edits with ours, or asks whose to keep."""
        self._show(SaveState.WAITING, "VERSION_MISMATCH", "Somebody else saved this series; their edits are joined.")
        self._wait_retrack(current_version)
        theirs = self._pull(current_version)
        self._drop()
        conflicts = Conflicts(self._core, self._model, theirs)
        with self._lock:
            self._is_wanted = True
        choices = conflicts.decided()
        if choices is None:
            self.conflicts = conflicts
            self._show(SaveState.CONFLICT, "VERSION_MISMATCH")
            self._core.events.publish("conflict", {**_ids(self._model), **conflicts.to_json()})
        else:
            conflicts.join(choices)


def _ids(model: SeriesModel) -> dict[str, str]:
    return {"study_uid": model.listed.study_uid, "series_uid": model.listed.series_uid}


def parent_version(journal: Journal, masks: MaskSet) -> str | None:
    """The version that the next save follows: the last one accepted, also while its masks are still to come."""
    accepted = journal.accepted()
    return accepted["version_id"] if accepted else masks.version_id


def pack_annotations(core: Core, model: SeriesModel, ops: list[Op] | None = None) -> bytes:
    """The archive of everything drawn up to now (or by `ops`), as a save sends it. Raises CoreError NOT_OPEN."""
    journal, masks = model.journal, model.masks
    if journal is None or masks is None:
        raise CoreError("NOT_OPEN", "This series is not open.", 409)
    metadata = {
        **_ids(model),
        "previous_version_id": parent_version(journal, masks),
        "editor": core.server.editor,
        "edited_at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    replay = Replay(masks, journal.ops() if ops is None else ops)
    return pack_save(masks, replay, label_id=core.settings.label_id, metadata=metadata)


def pack_save(masks: MaskSet, replay: Replay, *, label_id: str, metadata: dict[str, Any]) -> bytes:
    """The archive that a save sends: every annotation after the replay, untouched ones byte for byte as they came."""
    touched = replay.touched()
    annotations, files = [], {}
    for key in sorted(replay.annotation_keys()):
        kind = replay.kind(key) if key in touched else masks.kind(key)
        filename = None if kind == EMPTY else mask_filename(key[0], None if key[1] == label_id else key[1])
        annotations.append({"frame_number": key[0], "label_id": key[1], "filename": filename})
        if filename is not None:
            base = None if key in touched else masks.filename(key)
            files[filename] = (
                masks.read(base) if base else encode_mask(replay.cell(key).pixels, masks.width, masks.height)
            )
    return pack({**metadata, "annotations": annotations}, files)
