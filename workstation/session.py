"""Which series are there, in which state, and what is being done with them? The model behind viewer and Qt shell.

Joins what the source plugin lists with what the server says, owns one SeriesModel a series, and starts the work:
`opening` brings a series onto this machine, `saving` sends edits. Every change is published as a `series` event.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from workstation.errors import CoreError, JobCancelledError
from workstation.jobs import Job
from workstation.opening import NEEDS_SERVER, Opening
from workstation.saving import Saver
from workstation.series import ListedSeries, Listing, SeriesKey, SeriesModel, State, series_tag

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.session")


class Session:
    """All series. Every public method may be called from any thread and returns quickly."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.RLock()
        self._models: dict[SeriesKey, SeriesModel] = {}
        self._savers: dict[SeriesKey, Saver] = {}
        self._listing = Listing(())
        self._problem: CoreError | None = None
        self._remote_news = threading.Condition()
        self.remote_count = 0
        self._listing_job = Job()
        self._has_listed = threading.Event()
        self._added: list[dict[str, str]] = []
        self._following: set[SeriesKey] = set()
        self.current: SeriesKey | None = None  # the one that was opened last
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Shows what was known last time, then lists the data set, and takes up saves that were under way."""
        for remote in self._core.cache.load_listing():
            self._set_remote(remote)
        self._run(self._list_and_resume, "list-dataset")

    def close(self) -> None:
        """Cancels all work and waits for it. Saves that are under way go on at the next start."""
        self._listing_job.cancel()
        with self._lock:
            for model in self._models.values():
                if model.job:
                    model.job.cancel()
            savers = list(self._savers.values())
        for saver in savers:
            saver.stop()
        with self._remote_news:
            self._remote_news.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=10)

    def _run(self, target: Any, name: str, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    # What is there

    def _list_and_resume(self) -> None:
        try:
            self._list("list_series")
        finally:
            self._has_listed.set()
        for key in self._core.cache.known():
            try:
                if self._core.cache.series(key).save_record.exists():
                    self._resume(key)
                else:
                    self._recall_unsaved(key)
            except OSError as error:  # the others go on
                log.error("series %s: its journal cannot be read: %s", series_tag(key), error.strerror)

    def _recall_unsaved(self, key: SeriesKey) -> None:
        """Marks a series whose journal holds unsaved edits of an earlier run, so that people find their work again."""
        with self._lock:
            model = self._models.get(key)
        if model is None or not self._core.cache.series(key).journal.exists():
            return
        with model.lock:
            journal = Opening(self._core, model).read_journal()
            model.journal = journal if journal.is_dirty else model.journal
        if model.is_dirty:
            self.publish(model)

    def _list(self, hook: str) -> None:
        try:
            listing = self._core.plugins.first(hook, core=self._core, job=self._listing_job)
            self._problem = None
        except JobCancelledError:
            return
        except CoreError as error:
            self._problem, listing = error, self._listing
            log.error("the data set cannot be listed: %s", error.code)
        except Exception:  # a source plugin may raise anything; the core goes on with what it had
            log.exception("listing the data set")
            self._problem = CoreError("DATASET_UNREADABLE", "The data set cannot be listed.", 500)
            listing = self._listing
        with self._lock:
            self._listing = listing
            for listed in listing.series:
                model = self._models.get(listed.key)
                if model is None:
                    self._models[listed.key] = SeriesModel(listed)
                else:
                    model.listed = listed
            models = [self._models[listed.key] for listed in listing.series]
        for model in models:
            self.publish(model)
        self._core.publish_session()

    def _resume(self, key: SeriesKey) -> None:
        try:
            model = self.model(key)
            Opening(self._core, model).restore()
            self.saver(model).resume()
        except CoreError as error:
            log.error("series %s: a save cannot be taken up: %s", series_tag(key), error.code)

    def wait_listed(self, job: Job) -> None:
        """Waits for the first list of the data set: a series that only the server has named has no clip before.

        Raises JobCancelledError.
        """
        while not self._has_listed.wait(0.1):
            job.check()

    def refresh(self) -> None:
        """Brings the data set up to date in the background."""
        self._run(self._list, "refresh-dataset", "refresh_dataset")

    def is_stale(self) -> bool:
        """Whether the server has another version of the data set than this machine."""
        theirs = self._core.server_status.get("dataset_version")
        return bool(theirs and self._listing.version and theirs != self._listing.version)

    def notices(self) -> list[dict[str, str]]:
        """What is wrong with the data set as a whole and with journals, for the page."""
        found = [{"code": code, "message": message, "what": what} for code, message, what in self._listing.problems]
        if self._problem:
            found.insert(0, {"code": self._problem.code, "message": self._problem.message})
        return found + self._added

    def add_notice(self, code: str, message: str) -> None:
        """Tells people something now, and whoever opens the page later in this run."""
        self._added.append({"code": code, "message": message})
        self._core.events.notice(code, message)

    # What the server says

    def set_remote(self, series: list[dict[str, Any]]) -> None:
        """Takes the server's whole list."""
        for remote in series:
            self.update_remote(remote)
        listed = {(remote.get("study_uid"), remote.get("series_uid")) for remote in series}
        with self._lock:
            removed = [model for model in self._models.values() if model.remote and model.key not in listed]
        for model in removed:
            self._set_gone(model)
        try:
            self._core.cache.store_listing(series)
        except OSError as error:  # only needed for a start without a server
            log.error("the server's list cannot be kept: %s", error.strerror)

    def remove_remote(self, ids: dict[str, Any]) -> None:
        """The server no longer has this series. What is here of it stays."""
        with self._lock:
            model = self._models.get((str(ids.get("study_uid")), str(ids.get("series_uid"))))
        if model is not None:
            self._set_gone(model)

    def _set_gone(self, model: SeriesModel) -> None:
        if not model.is_gone:
            model.is_gone = True
            self.publish(model)

    def status_changed(self, status: dict[str, Any]) -> None:
        """Takes the server's status object."""
        self._core.set_server_state("ok", status)

    def update_remote(self, remote: dict[str, Any]) -> None:
        """Takes one Series object, tells watchers when it changed, and follows a new version of an open series."""
        model, changed = self._set_remote(remote)
        with self._remote_news:
            self.remote_count += 1
            self._remote_news.notify_all()
        if changed and model:
            self.publish(model)
            self.follow(model)

    def _set_remote(self, remote: dict[str, Any]) -> tuple[SeriesModel | None, bool]:
        study, series = remote.get("study_uid"), remote.get("series_uid")
        if not isinstance(study, str) or not isinstance(series, str):
            return None, False
        with self._lock:
            model = self._models.get((study, series))
            if model is None:
                exam, number = (n if type(n := remote.get(f)) is int else 1 for f in ("exam_number", "series_number"))
                name = str(remote.get("dataset_name") or "")
                model = self._models[(study, series)] = SeriesModel(ListedSeries(study, series, exam, number, name))
            changed = model.remote != remote or model.is_gone
            model.remote, model.is_gone = remote, False
            return model, changed

    def wait_remote(self, seen: int, timeout: float, job: Job) -> None:
        """Waits until the server has news after `seen` (a value of remote_count), or for `timeout` seconds.

        Raises JobCancelledError.
        """
        with self._remote_news:
            self._remote_news.wait_for(lambda: self.remote_count != seen or job.is_cancelled, timeout)
        job.check()

    def follow(self, model: SeriesModel) -> None:
        """Brings in what somebody else saved, while nothing is unsaved here. Otherwise the next save merges it."""
        remote = model.remote or {}
        masks = model.masks
        is_open = model.state is State.READY and model.journal is not None
        if masks is None or not is_open or remote.get("retrack") is not None or model.save is not None:
            return
        has_come = masks.missing_because is not None and remote.get("tracking_status") == "completed"
        if (has_come or remote.get("version_id") != masks.version_id) and not model.is_dirty:
            with self._lock:
                is_under_way = model.key in self._following
                self._following.add(model.key)
            if not is_under_way:
                self._run(self._bring_version, "follow-version", model)

    def _bring_version(self, model: SeriesModel) -> None:
        try:
            Opening(self._core, model).follow()
        finally:
            with self._lock:
                self._following.discard(model.key)

    def server_is_back(self) -> None:
        """Goes on with what waited for the server."""
        with self._lock:
            models, savers = list(self._models.values()), list(self._savers.values())
        for saver in savers:
            saver.server_is_back()
        for model in models:
            if model.error_code in NEEDS_SERVER:
                self.open(model.key)

    # One series

    def model(self, key: SeriesKey) -> SeriesModel:
        """One series. Raises CoreError SERIES_UNKNOWN."""
        with self._lock:
            model = self._models.get(key)
        if model is None:
            raise CoreError("SERIES_UNKNOWN", "There is no such series here.", 404)
        return model

    def edited(self, key: SeriesKey) -> SeriesModel:
        """One series with its masks and journal loaded from the cache if need be. Raises CoreError NOT_OPEN."""
        model = self.model(key)
        if model.journal is None or model.masks is None:
            Opening(self._core, model).restore()
        return model

    def list_local(self) -> list[dict[str, Any]]:
        """Local series objects in exam order; those that only the server knows among them."""
        with self._lock:
            models = list(self._models.values())
        models.sort(key=lambda m: (m.listed.exam_number, m.listed.series_number, m.key))
        return [model.to_json() for model in models]

    def open(self, key: SeriesKey) -> SeriesModel:
        """Starts to bring a series onto this machine, unless that is under way already."""
        model = self.model(key)
        self.current = key
        with model.lock:
            if model.job is None:
                job = model.job = Job(lambda done, total: self._progress(model, done, total))
                model.error_code = model.message = model.action = None
                if model.state is not State.READY:  # said at once, so that the answer shows no state of an earlier try
                    model.state = State.DOWNLOADING
                self._run(Opening(self._core, model).run, "open-series", job)
        return model

    def _progress(self, model: SeriesModel, done: int, total: int) -> None:
        model.progress = (done, total)
        self.publish(model)

    def cancel(self, key: SeriesKey) -> SeriesModel:
        """Stops opening a series."""
        model = self.model(key)
        with model.lock:
            if model.job:
                model.job.cancel()
        return model

    def next(self, skip: SeriesKey | None) -> dict[str, Any]:
        """What to annotate next, as POST /api/series/next answers."""
        skip = skip or self.current
        answer: dict[str, Any] = self._core.plugins.first("next_series", core=self._core, skip=skip)
        if answer.get("no_available_series"):
            return answer
        if "state" not in answer:  # the server's own, not one of ours from an offline choice
            self._set_remote(answer)
        return self.model((str(answer.get("study_uid")), str(answer.get("series_uid")))).to_json()

    def saver(self, model: SeriesModel) -> Saver:
        """Who sends the edits of a series."""
        with self._lock:
            return self._savers.setdefault(model.key, Saver(self._core, model))

    def restore(self, key: SeriesKey, version_id: str) -> None:
        """Makes an earlier version current again; its masks come as after a save."""
        self.saver(self.edited(key)).restore(version_id)

    def purge(self, key: SeriesKey | None) -> dict[str, Any]:
        """Removes pictures and masks of one series or of all. What is not saved yet is kept: journal and its masks.

        Returns {"purged": n, "kept_edits": n}.
        """
        known = list(self._core.cache.known())
        if key is not None and key not in known:
            self.model(key)
        keys = known if key is None else [key]
        kept = 0
        with self._lock:  # what is no longer in the data set may still lie here
            models = [self._models.get(one) or SeriesModel(ListedSeries(*one, exam_number=0)) for one in keys]
        if any(model.job is not None for model in models):
            raise CoreError("SERIES_BUSY", "A series is being loaded right now. Stop that first.", 409)
        for model in models:
            kept += Opening(self._core, model).purge()
            if model.key in self._models:
                self.publish(model)
        return {"purged": len(keys), "kept_edits": kept}

    def enforce_cache_limit(self) -> None:
        """In the background: removes pictures of series unopened for longest, see _enforce_cache_limit."""
        self._run(self._enforce_cache_limit, "cache-limit")

    def _enforce_cache_limit(self) -> None:
        """Spares the series that is open and those something is done with."""
        with self._lock:
            models = dict(self._models)
        spared = [key for key, model in models.items() if key == self.current or model.job or model.save]
        try:
            removed = self._core.cache.enforce_limit(self._core.settings.cache_limit_mb * 1_000_000, spared)
        except OSError as error:  # something was removed meanwhile; the next series that is opened comes here again
            log.warning("the size of the cache cannot be told: %s", error.strerror)
            return
        for key in removed:
            if key in models:
                with models[key].lock:
                    models[key].manifest = None
                    models[key].state = State.NOT_DOWNLOADED
                self.publish(models[key])

    def publish(self, model: SeriesModel) -> None:
        """Tells watchers how a series stands."""
        with model.lock:  # so that what is told last is what is so last
            self._core.events.publish("series", model.to_json())
