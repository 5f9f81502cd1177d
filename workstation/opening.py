"""How does a series get onto this machine? Download → extract → masks, each by a plugin, with state and progress.

Made by the session for one piece of work on one series; `run` is the body of the thread that opens it.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.contracts.archive import Archive, dump_metadata
from workstation.cache import SeriesCache, source_stamp
from workstation.conflicts import Conflicts
from workstation.errors import CoreError, JobCancelledError
from workstation.jobs import Job
from workstation.journal import Journal
from workstation.masks import MaskSet, check_archive, store_archive, untracked
from workstation.series import Manifest, SaveState, SeriesModel, State, series_tag

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.opening")

_WAITING = {"TRACK_PENDING": State.PENDING, "TRACK_PROCESSING": State.TRACKING}
_ASK_EVERY = 3.0
_AWAY = ("SERVER_UNREACHABLE", "SERVER_UNSET")
NEEDS_SERVER = (*_AWAY, "UNAUTHORIZED", "AUTH_UNAVAILABLE")  # worth another try once the server takes us
_REFRESH = ("CLIP_MISSING", "FRAMES_DIFFER")
_OLD_VERSIONS_KEPT = 8


class Opening:
    """Work on one series' files."""

    def __init__(self, core: Core, model: SeriesModel) -> None:
        self._core = core
        self._model = model
        self._entry: SeriesCache = core.cache.series(model.key)

    def run(self, job: Job) -> None:
        """Opens the series; whatever goes wrong ends up in its state."""
        problem = self._attempt(job)
        with self._model.lock:  # at once: who sees that it ended may open the series again
            self._model.job = None
            if isinstance(problem, JobCancelledError):
                self._set(State.EXTRACTED if self._model.manifest else State.NOT_DOWNLOADED)
            elif problem is not None:
                self._fail(problem)
        self._core.session.publish(self._model)
        if problem is None:
            self._core.session.enforce_cache_limit()
        elif problem.code in NEEDS_SERVER and self._core.server_state == "ok":
            self._core.session.open(self._model.key)  # the server came back, or another was set, while this failed

    def _attempt(self, job: Job) -> CoreError | None:
        tag = series_tag(self._model.key)
        try:
            self._fetch_frames(job)
            self._fetch_masks(job)
            self._entry.touch()
        except CoreError as error:
            return error
        except OSError as error:
            log.error("series %s: %s", tag, type(error).__name__)
            return CoreError("CACHE_NOT_WRITABLE", "Files of this series cannot be written or read.", 500)
        except Exception:  # the thread's last line of defence: the person must see that it stopped
            log.exception("series %s", tag)
            return CoreError("INTERNAL_ERROR", "Something unexpected went wrong while opening this series.", 500)
        return None

    def _set(self, state: State, **changes: Any) -> None:
        with self._model.lock:
            self._model.state = state
            self._model.progress = None
            for name, value in changes.items():
                setattr(self._model, name, value)
        self._core.session.publish(self._model)

    def _fail(self, error: CoreError) -> None:
        log.warning("series %s: %s", series_tag(self._model.key), error.code)
        action = "refresh" if error.code in _REFRESH else "retry"
        has_frames = self._model.manifest is not None and error.code in _AWAY
        state = State.EXTRACTED if has_frames else State.ERROR
        self._set(state, error_code=error.code, message=error.message, action=action)

    def _fetch_frames(self, job: Job) -> None:
        is_open = self._model.state is State.READY  # opened again: nothing to be shown unless there is work to do
        if not is_open:
            self._set(State.DOWNLOADING)
        self._core.session.wait_listed(job)
        clip = self._core.plugins.first("download_clip", core=self._core, series=self._model.listed, job=job)
        if not is_open:
            self._set(State.DOWNLOADED)
        try:
            stamp = source_stamp(clip)
        except OSError as error:
            raise CoreError("CLIP_UNREADABLE", "This clip cannot be opened.") from error
        manifest = self._entry.manifest(stamp)
        if manifest is None or not self._entry.has_frames(manifest):
            self._set(State.EXTRACTING)
            manifest = self._extract(clip, stamp, job)
        if self._model.manifest != manifest or not is_open:
            self._set(State.EXTRACTED, manifest=manifest, shape=manifest)

    def _extract(self, clip: Path, stamp: str, job: Job) -> Manifest:
        try:
            target = self._entry.fresh_frames()
            found = self._core.plugins.first("extract_frames", clip=clip, target=target, job=job)
            return self._entry.finish_frames(found, stamp)
        finally:  # what a full disk or a person has stopped must not take the room that edits need
            self._entry.drop_unfinished_frames()

    def _fetch_masks(self, job: Job) -> None:
        self.load_cached()
        model = self._model
        if model.masks is not None and self._is_current():
            self._set(State.READY)
            return
        try:
            archive = self._pull(job)
        except CoreError as error:
            if error.code == "TRACK_FAILED":
                self._fetch_verified(error, job)
            elif error.code not in _AWAY or model.masks is None:
                raise
        else:
            self._adopt(archive)
        self._set(State.READY)

    def _fetch_verified(self, error: CoreError, job: Job) -> None:
        """The server could not track: what people verified can be edited all the same, and a save is tracked anew.

        Raises `error` when the server cannot say what that is, because it could not even open the clip.
        """
        journal, masks = self._model.journal, self._model.masks
        version_id, readable = error.details.get("current_version"), error.details.get("readable_version")
        if not isinstance(readable, str):
            raise error
        waits_for_masks = journal is not None and journal.accepted() is not None  # saving again tracks again
        if masks is None or (masks.version_id != version_id and not waits_for_masks):
            archive = self._core.plugins.first(
                "pull_masks", core=self._core, key=self._model.key, version_id=readable, job=job
            )
            self._adopt(untracked(archive, version_id, error.message))

    def _is_current(self) -> bool:
        """Whether the masks in the cache are the server's, as far as its list tells; or edits hang on them."""
        model, remote = self._model, self._model.remote or {}
        if model.is_dirty or self._entry.save_record.exists():
            return True
        is_same = model.masks is not None and remote.get("version_id") == model.masks.version_id
        return self._core.server_state == "ok" and is_same and remote.get("version_id") is not None

    def _pull(self, job: Job) -> Archive:
        """Waits for the first tracking if need be."""
        while True:
            seen = self._core.session.remote_count
            try:
                archive: Archive = self._core.plugins.first(
                    "pull_masks", core=self._core, key=self._model.key, version_id=None, job=job
                )
                return archive
            except CoreError as error:
                if error.code not in _WAITING:
                    raise
                self._show_waiting(error)
            self._core.session.wait_remote(seen, _ASK_EVERY, job)

    def _show_waiting(self, error: CoreError) -> None:
        total = error.details.get("frames_total", 0)
        with self._model.lock:
            self._model.state = _WAITING[error.code]
            self._model.progress = (error.details.get("frames_done", 0), total) if total else None
        self._core.session.publish(self._model)

    def store(self, archive: Archive) -> MaskSet:
        """Checks an archive against the clip and keeps it as one of this series' versions."""
        manifest = self._model.shape
        if manifest is None:
            raise CoreError("NOT_OPEN", "This series is not open.", 409)
        check_archive(archive, frame_count=manifest.frame_count, width=manifest.width, height=manifest.height)
        directory = self._entry.masks / _directory_name(archive)
        with self._model.store_lock:  # a save and who follows the server's news may bring the same version
            self._entry.prepare()
            store_archive(archive, directory)
        return self.mask_set(directory.name)

    def mask_set(self, name: str) -> MaskSet:
        """The masks in one directory of the cache. Raises CoreError MASKS_DAMAGED."""
        manifest, settings = self._model.shape, self._core.settings
        try:
            if manifest is None:
                raise KeyError("manifest")
            return MaskSet(
                self._entry.masks / name,
                width=manifest.width,
                height=manifest.height,
                label_id=settings.label_id,
                empty_id=settings.empty_id,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CoreError("MASKS_DAMAGED", "The masks of this series on this machine are damaged.", 500) from error

    def version(self, version_id: str) -> MaskSet:
        """Any version's masks, from the cache or from the server."""
        found = sorted(self._entry.masks.glob(f"{_version_name(version_id)}-*/"), key=lambda path: path.stat().st_mtime)
        whole = [path for path in found if not path.name.endswith((".new", ".old"))]
        if whole:
            return self.mask_set(whole[-1].name)
        archive = self._core.plugins.first(
            "pull_masks", core=self._core, key=self._model.key, version_id=version_id, job=Job()
        )
        return self.store(Archive({**archive.metadata, "version_id": version_id}, archive.masks))

    def _adopt(self, archive: Archive) -> None:
        """Takes masks as the new base. Only called while nothing is unsaved: the undo stack starts anew."""
        masks = self.store(archive)
        history = self._history_without_mine(masks)
        model = self._model
        journal = self.read_journal()
        with model.lock, journal.lock:
            is_saving = self._entry.save_record.exists() or self._is_asking()
            if not (journal.is_started and (journal.is_dirty or is_saving)):
                if history is not None:
                    self._bring_back(masks, history)
                elif not journal.is_started or journal.base != masks.directory.name:
                    journal.start(masks.directory.name)
                    model.is_saved = False
                model.journal, model.masks = journal, masks
        self.drop_old_versions()

    def _is_asking(self) -> bool:
        return self._model.save is not None and self._model.save["state"] == SaveState.SAVING

    def _history_without_mine(self, theirs: MaskSet) -> list[dict[str, Any]] | None:
        """The server's history when the version that is here is not in it: an older backup was brought back there."""
        mine = self._model.masks
        if mine is None or mine.version_id in (None, theirs.version_id):
            return None
        history: list[dict[str, Any]] = self._core.server.series(self._model.key).get("history") or []
        return None if any(version.get("version_id") == mine.version_id for version in history) else history

    def _bring_back(self, theirs: MaskSet, history: list[dict[str, Any]]) -> None:
        """Keeps what the server has lost as unsaved edits: this may be the only place where it is left."""
        Conflicts(self._core, self._model, theirs, history).keep_mine()
        if self._model.is_dirty:
            text = "The server does not know a version of a series that is here; what it lacks is unsaved now."
            self._core.events.notice("VERSION_LOST", text)

    def drop_old_versions(self) -> None:
        """Keeps the masks that the journal stands on and the last few others, which history and conflicts show."""
        if self._model.journal is None:
            return
        base = self._model.journal.base
        others = [path for path in self._entry.masks.iterdir() if path.is_dir() and path.name != base]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[_OLD_VERSIONS_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)

    def load_cached(self) -> None:
        """Masks and journal of the last time, if they are here and sound."""
        model = self._model
        if model.journal is not None and model.masks is not None:
            return
        journal = self.read_journal()
        if not journal.is_started:
            return
        try:
            masks = self.mask_set(journal.base)
        except CoreError:
            if journal.is_dirty:
                raise
            return
        with model.lock:
            model.journal, model.masks = journal, masks

    def read_journal(self) -> Journal:
        """The journal that is loaded already, else the one on disk. There is never more than one in use."""
        with self._model.lock:
            if self._model.journal is not None:
                return self._model.journal
            journal = Journal(self._entry.journal)
            if not self._entry.save_record.exists():
                journal.compact()
        if journal.was_damaged:
            self._core.session.add_notice("JOURNAL_DAMAGED", "Some of the last edits of a series could not be read.")
        return journal

    def restore(self) -> None:
        """Makes a series editable from the cache alone. Raises CoreError NOT_OPEN when it is not all here."""
        with self._model.lock:
            self._model.manifest = self._model.manifest or self._entry.manifest()
            self._model.shape = self._model.manifest or self._entry.last_manifest()
            if self._model.shape is not None:
                self.load_cached()
            if self._model.masks is None:
                raise CoreError("NOT_OPEN", "This series is not open.", 409)

    def follow(self) -> None:
        """Brings in a version that somebody else saved, while nothing is unsaved here."""
        try:
            before = self._model.masks.version_id if self._model.masks else None
            self._adopt(self._pull(Job()))
            after = self._model.masks.version_id if self._model.masks else None
            self._core.session.publish(self._model)
            if before != after and not self._model.is_dirty:
                self._core.events.notice("VERSION_FOLLOWED", "Somebody else saved this series; it was updated.")
        except CoreError as error:
            log.warning("series %s: cannot follow: %s", series_tag(self._model.key), error.code)

    def purge(self) -> int:
        """Removes what may be removed; returns 1 when unsaved edits were kept."""
        model = self._model
        with model.lock:
            self._core.plugins.all("purge_clip", core=self._core, series=model.listed)
            self._entry.drop_frames()
            model.journal = self.read_journal()
            keeps_edits = model.is_dirty or self._entry.save_record.exists()
            if not keeps_edits:
                self._entry.drop_all()
            model.manifest = model.masks = model.journal = None
            model.is_saved = False
            model.state = State.NOT_DOWNLOADED
        return int(keeps_edits)


def history_masks(core: Core, model: SeriesModel, version_id: str) -> MaskSet:
    """The masks of any version, for the history and for the side-by-side view."""
    core.session.edited(model.key)
    return Opening(core, model).version(version_id)


def _version_name(version_id: str) -> str:
    return "v-" + hashlib.sha256(version_id.encode()).hexdigest()[:24]


def _directory_name(archive: Archive) -> str:
    """Of just these masks: the server may track a version anew, and what a journal stands on is never replaced."""
    version_id = archive.metadata.get("version_id")
    name = _version_name(version_id) if isinstance(version_id, str) else "initial"
    return f"{name}-{hashlib.sha256(dump_metadata(archive.metadata)).hexdigest()[:16]}"
