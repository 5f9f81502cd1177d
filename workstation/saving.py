"""How do edits reach the server, whatever happens on the way? One Saver a series, with a thread while there is work.

    journal → replay → archive → (save.json, save.tgz on disk) → POST → `accepted` op → wait for the retrack
            → pull masks → `rebase` op → save.json gone

Everything that must survive a kill is on disk before the step that needs it. A POST whose outcome nobody knows is
looked up in the server's history by the digest of its content before it is sent again. A save refused because a
retrack runs waits; one that somebody else was faster than is merged (`workstation.conflicts`) and sent again.
"""

from __future__ import annotations

import logging
import threading
import uuid
from typing import TYPE_CHECKING, Any

from tracking.contracts.archive import ArchiveError
from workstation.conflicts import Conflicts, rebase_op
from workstation.errors import CoreError, JobCancelledError
from workstation.jobs import Job
from workstation.journal import Journal
from workstation.masks import MaskSet
from workstation.opening import NEEDS_SERVER, Opening
from workstation.packing import pack_annotations, parent_version
from workstation.replay import Replay, kept, touched_keys
from workstation.save_files import ACCEPTED, SENDING, Record, SaveFiles
from workstation.series import SaveState, SeriesModel, series_tag

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.saving")

_ASK_EVERY = 3.0


class Saver:
    """Saves one series."""

    def __init__(self, core: Core, model: SeriesModel) -> None:
        self._core = core
        self._model = model
        self._kept = SaveFiles(core.cache.series(model.key))
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_wanted = False
        self._is_called = False  # while the thread is at its end, so that it looks once more
        self._job = Job(self._progress)
        self.conflicts: Conflicts | None = None

    def request(self) -> None:
        """Saves what is drawn now; while a save is under way, another follows it. Raises CoreError NOT_OPEN."""
        journal, _ = self._edited()
        if self.conflicts is not None:
            raise CoreError("CONFLICT_OPEN", "Decide first whose edits to keep.", 409)
        save = self._model.save
        if save is None or save["state"] == SaveState.FAILED:  # said at once, so that the answer shows it already
            if journal.is_dirty:
                self._show(SaveState.SAVING)
            elif journal.accepted() is not None:
                self._show(SaveState.RETRACKING)
        self._start(is_wanted=True)

    def resume(self) -> None:
        """Goes on with a save of an earlier run."""
        self._start(is_wanted=False)

    def server_is_back(self) -> None:
        """Goes on at once with what waited for the server."""
        save = self._model.save
        if save and save["state"] in (SaveState.OFFLINE, SaveState.FAILED) and self._kept.exists():
            self.resume()

    def restore(self, version_id: str) -> None:
        """Makes a new version of an earlier one on the server, in place of the one that is shown, and waits for its
        masks like after a save. Raises CoreError UNSAVED_EDITS, or what the server says."""
        with self._model.lock:
            journal, masks = self._edited()
            if journal.is_dirty or self._model.save is not None:
                text = "Save or undo your edits before an earlier version is restored."
                raise CoreError("UNSAVED_EDITS", text, 409)
            position = len(journal.ops())  # before the server is asked: what is drawn meanwhile stays unsaved
            self._show(SaveState.SAVING)  # nor does anybody follow the server's news of this series meanwhile
        try:
            answer = self._core.server.restore(self._model.key, version_id, masks.version_id)
            self._kept.store(Record(ACCEPTED, position, None, "", True, str(answer["version_id"])))
        except BaseException:
            self._model.save = None
            self._core.session.publish(self._model)
            raise
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
            self._is_called = True
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
            self._is_called = False
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
                is_wanted = self._is_wanted or self._is_called
                if not is_wanted or self._job.is_cancelled or self.conflicts is not None:
                    self._thread = None
                    return

    def _work(self) -> None:
        """Step after step until nothing is wanted any more, or a person has to decide; waits for a server that is away.

        What is done and what comes next stands in save.json, so any step may be begun again.
        """
        while self.conflicts is None:
            try:
                record = self._kept.load() or self._next_record()
                if record is None:
                    break
                if record.stage == SENDING:
                    self._send(record)
                else:
                    self._await_masks(record)
            except CoreError as error:
                if not _passes(error):
                    raise
                self._wait(error)
        else:
            return
        self._model.save = None
        self._core.session.publish(self._model)
        self._core.session.follow(self._model)

    def _next_record(self) -> Record | None:
        """What a person wants now: to save what is unsaved, or to try a retrack that failed again. None: nothing."""
        with self._lock:
            is_wanted, self._is_wanted = self._is_wanted, False  # first: whoever saves from here on wants another one
        if not is_wanted:
            return None
        journal, _ = self._edited()
        if journal.is_dirty:
            return self._prepare()
        accepted = journal.accepted()
        if accepted is None:
            return None
        try:
            self._core.server.retrack(self._model.key)
        except CoreError as error:
            if error.code not in ("NOTHING_TO_RETRACK", "RETRACK_IN_PROGRESS"):  # it is being done, or was by now
                self._is_wanted = True
                raise
        record = Record(ACCEPTED, journal.saved_position, None, "", True, accepted["version_id"])
        self._kept.store(record)
        return record

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
        if self._is_offline():  # not any more
            self._show(SaveState.RETRACKING)
        if self._model.save:
            self._model.save = {**self._model.save, "done": done, "total": total}
            self._core.session.publish(self._model)

    def _is_offline(self) -> bool:
        return self._model.save is not None and self._model.save["state"] == SaveState.OFFLINE

    # The steps

    def _prepare(self) -> Record:
        """The archive of everything drawn up to now, on disk."""
        self._show(SaveState.SAVING)
        journal, masks = self._edited()
        with journal.lock:
            ops, parent = journal.ops(), parent_version(journal, masks)
        data = pack_annotations(self._core, self._model, ops)
        return self._kept.begin(data, position=len(ops), previous_version_id=parent)

    def _send(self, record: Record) -> None:
        """Gets the record accepted and noted, merged, or waits until it may be sent again."""
        version = self._find_sent(record) if record.was_sent else None
        if version is None:
            self._show(SaveState.SAVING)
            record.was_sent = True
            self._kept.store(record)
            try:
                version = self._core.plugins.first(
                    "save_masks",
                    core=self._core,
                    key=self._model.key,
                    archive=self._kept.archive(),
                    previous_version_id=record.previous_version_id,
                )
            except CoreError as error:
                self._heed(record, error)
                return
        self._accept(record, str(version))

    def _heed(self, record: Record, error: CoreError) -> None:
        """The server said no: waits or merges, so that the next step can go on. Raises what that does not put right."""
        if error.code == "RETRACK_IN_PROGRESS":
            self._show(SaveState.WAITING, error.code, error.message)
            self._wait_retrack(record.previous_version_id or "")
        elif error.code == "VERSION_MISMATCH":
            if self._find_sent(record) is None:
                self._merge(error.details.get("current_version"))
        else:
            if error.status < 500 and not _passes(error):
                self._kept.drop()  # refused for good: the next save is made anew from the journal
            raise error

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
        record.stage, record.version_id = ACCEPTED, version_id
        self._kept.store(record)
        self._model.is_saved = True

    def _wait(self, error: CoreError) -> None:
        """Until it is worth asking again; a token that was refused is not tried again before there is another one."""
        self._show(SaveState.OFFLINE, error.code, error.message)
        session = self._core.session
        session.wait_remote(session.remote_count, _ASK_EVERY, self._job)
        while self._core.server_state in ("unauthorized", "unset"):
            session.wait_remote(session.remote_count, _ASK_EVERY, self._job)

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
        if not self._is_offline():  # else it is shown once the server answers, not at every try
            self._show(SaveState.RETRACKING)
        try:
            self._core.plugins.first(
                "wait_retrack", core=self._core, key=self._model.key, version_id=version_id, job=self._job
            )
            masks = self._pull(version_id)
        except CoreError as error:
            if error.code == "RETRACK_FAILED":
                self._kept.drop()  # the save itself is safe on the server; saving again tracks again
            if error.code != "VERSION_UNKNOWN":
                raise
            self._merge(self._core.server.series(self._model.key).get("version_id"))  # it is of an older backup
            return
        self._rebase(record, masks)
        self._kept.drop()
        Opening(self._core, self._model).drop_old_versions()

    def _pull(self, version_id: str | None) -> MaskSet:
        """The masks of one version (None: never edited): the current ones if they are of it, else from the history."""
        opening = Opening(self._core, self._model)
        try:
            archive = self._core.plugins.first(
                "pull_masks", core=self._core, key=self._model.key, version_id=None, job=self._job
            )
        except CoreError as error:
            if error.code != "TRACK_FAILED" or version_id is None:
                raise
            return opening.version(version_id)  # annotations are there all the same
        if version_id is None or archive.metadata.get("version_id") == version_id:
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

    def _merge(self, current_version: str | None) -> None:
        """Somebody else saved first: joins their edits with ours, or asks whose to keep."""
        self._show(SaveState.WAITING, "VERSION_MISMATCH", "Somebody else saved this series; their edits are joined.")
        self._wait_retrack(current_version or "")
        history = self._core.server.series(self._model.key).get("history") or []
        conflicts = Conflicts(self._core, self._model, self._pull(current_version), history)
        self._kept.drop()
        with self._lock:
            self._is_wanted = True
        choices = conflicts.decided()
        if choices is None:
            self.conflicts = conflicts
            self._show(SaveState.CONFLICT, "VERSION_MISMATCH")
            self._core.events.publish("conflict", {**_ids(self._model), **conflicts.to_json()})
        else:
            conflicts.join(choices)


def _passes(error: CoreError) -> bool:
    """Whether the same request may well be taken later: the server is away or busy, or wants another token."""
    is_preparing = error.details.get("tracking_status") in ("pending", "processing")  # a save before the first tracking
    return error.code in (*NEEDS_SERVER, "RATE_LIMITED") or is_preparing


def _ids(model: SeriesModel) -> dict[str, str]:
    return {"study_uid": model.listed.study_uid, "series_uid": model.listed.series_uid}
