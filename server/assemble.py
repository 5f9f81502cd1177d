"""How do the parts of a server fit together? Built once by `server.__main__`, and by tests that need no port."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from server.app import make_app
from server.auth import make_authenticator
from server.clock import Clock, SystemClock
from server.dataset import FolderSource, Source
from server.events import Events
from server.gate import Gate
from server.jobs import Jobs, JobSettings
from server.local_workers import LocalWorkers
from server.metrics import Metrics, StatusCollector
from server.records import SeriesEntry, render
from server.services import Services
from server.settings import ServerSettings
from server.startup import Startup
from server.status import Status
from server.store import Store
from server.track_job import run as track
from server.workers import JobFunction, Workers
from tracking.contracts.settings import SettingError

log = logging.getLogger("goobusters.http")


@dataclass
class Running:
    """A server without its port: `application` is what an HTTP server calls."""

    services: Services
    application: Gate
    startup: Startup
    workers: Workers

    def start(self) -> None:
        """Begins to read, sync, index and track."""
        self.startup.start()

    def stop(self) -> None:
        """Ends threads, streams and workers. What was being tracked is tracked again at the next start."""
        self.startup.stop()
        self.services.events.close()
        self.services.jobs.close()

    def note_http_error(self, reason: str) -> None:
        log.warning("http_error", extra={"reason": reason})


def assemble(
    settings: ServerSettings,
    directory: Path,
    *,
    clock: Clock | None = None,
    source: Source | None = None,
    function: JobFunction = track,
) -> Running:
    """Makes all parts. `directory` is where relative data set folders begin; the others are for tests.

    Raises SettingError when something that a setting asks for is not installed.
    """
    clock = clock or SystemClock()
    events, metrics, status = Events(clock), Metrics(), Status()
    store = Store(settings.state_path, settings.mask_path, settings.flow_method)
    workers = _make_workers(settings.workers, settings.retrack_workers, clock, function)

    def announce(entry: SeriesEntry) -> None:
        if entry.is_listed:  # what still runs for a series that was removed brings it back to nobody
            events.publish("series", render(entry))

    job_settings = JobSettings(settings.flow_method, settings.data_path / "flow", settings.label_id, settings.empty_id)
    jobs = Jobs(job_settings, workers, clock, announce, metrics)
    services = Services(settings, clock, store, jobs, events, metrics, status, announce, threading.Event())
    metrics.watch(StatusCollector(services.render_status))
    gate = Gate(
        make_app(services), make_authenticator(settings, clock), metrics, clock, loopback_only=settings.auth == "none"
    )
    return Running(services, gate, Startup(services, source or _make_source(settings, directory)), workers)


def _make_workers(setting: str, slots: int, clock: Clock, function: JobFunction) -> Workers:
    """The pool that setting WORKERS names: `local`, or `dask://HOST:PORT` (extra `dask`). Raises SettingError."""
    if setting == "local":
        return LocalWorkers(slots, clock, function)
    try:
        from server.dask_workers import DaskWorkers  # here: only who asks for a cluster pays for importing Dask
    except ImportError:
        raise SettingError("WORKERS", "Dask is not installed; install the extra: pip install '.[dask]'") from None
    workers: Workers = DaskWorkers(setting.removeprefix("dask://"), slots, clock, function)
    return workers


def _make_source(settings: ServerSettings, directory: Path) -> Source:
    """The source that setting DATASET names; relative folders are relative to `directory`."""
    kind, _, path = settings.dataset.partition(":")
    if kind == "folder":
        return FolderSource((directory / Path(path).expanduser()).resolve())
    from server.mdai_source import MdaiSource  # here: its imports would delay the start of the others

    source: Source = MdaiSource(settings)
    return source
