"""The workstation without a window: everything put together, in the order in which it starts.

Settings → plugins → cache → server client → session → watch of the server. `goobusters backend`, the Qt shell and the
iPad shell each make one Core, start it, put the local HTTP app before it and close it at the end. Plugins get it as
`core`.
"""

from __future__ import annotations

import importlib.metadata
import logging
from typing import Any

from workstation.cache import Cache
from workstation.errors import CoreError
from workstation.events import EventBus
from workstation.hookspecs import Dock, Exporter, Importer
from workstation.notifier import Notifier
from workstation.plugin_manager import PluginInfo, Plugins
from workstation.server_client import ServerClient
from workstation.server_watch import ServerWatch
from workstation.session import Session
from workstation.settings import Settings, SettingsStore

log = logging.getLogger("goobusters.core")


class Core:
    """What shells and plugins hold on to. Raises CoreError CACHE_NOT_WRITABLE or CACHE_IN_USE from start()."""

    def __init__(self, store: SettingsStore, *, safe_mode: bool = False) -> None:
        self.store = store
        self.safe_mode = safe_mode
        self.events = EventBus()
        self.plugins = Plugins(self._plugin_failed)
        self.cache = Cache(store.current.video_cache_path)
        self.server_status: dict[str, Any] = {}
        self.server = self._make_server()
        self.server_state = self._unheard()
        self.session = Session(self)
        self._watch = ServerWatch(self)
        self._notifier = Notifier(self)

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.store.current

    def start(self) -> None:
        """Loads plugins, opens the cache, and begins to list the data set and to watch the server."""
        self.plugins.load(self.store.plugins_folder, safe_mode=self.safe_mode)
        self.cache.open()
        self._notifier.start()
        self.session.start()
        self.store.on_late_token(self._reconnect)
        self._reconnect()

    def close(self) -> None:
        """Stops all work. Edits are on disk already: the journal writes before it answers."""
        self._watch.stop()
        self.session.close()
        self._notifier.stop()
        self.events.close()
        self.cache.close()

    def set_server_state(self, state: str, status: dict[str, Any] | None = None) -> None:
        """ok, offline or unauthorized, as the last request found it; and the server's status object."""
        changed = state != self.server_state or (status is not None and status != self.server_status)
        was_away = self.server_state != "ok"
        self.server_state = state
        if status is not None:
            self.server_status = status
        if changed:
            self.publish_session()
        if state == "ok" and was_away:
            self._watch.wake()
            self.session.server_is_back()

    def update_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Changes settings and takes them up at once; returns them as GET /api/settings does."""
        names = self.store.update(changes)
        if names & {"server_url", "token", "editor"}:
            self._reconnect()
        if "cache_limit_mb" in names:
            self.session.enforce_cache_limit()
        return self.store.public()

    def _reconnect(self) -> None:
        """Talks to the server that the settings name now, as the person they name."""
        self.server = self._make_server()
        self.server_state = self._unheard()
        self._watch.restart()
        self.publish_session()

    def _make_server(self) -> ServerClient:
        now = self.settings
        client = ServerClient(now.server_url, now.mdai_token, now.user_email, lambda state: self._heard(client, state))
        return client

    def _unheard(self) -> str:
        """The state before any request was answered: a server that is set is not yet known to be away."""
        return "connecting" if self.server.is_set else "unset"

    def _heard(self, client: ServerClient, state: str) -> None:
        """Takes how a request went, unless its client was replaced meanwhile: the old address says nothing now."""
        if client is self.server:
            self.set_server_state(state)

    def _plugin_failed(self, info: PluginInfo) -> None:
        self.events.notice("PLUGIN_FAILED", f"The plugin {info.name} failed and is switched off.", plugin=info.name)
        self.publish_session()

    def label_types(self) -> list[dict[str, Any]]:
        """Every label type as JSON, each id once; the first plugin that brings an id keeps it."""
        found: dict[str, dict[str, Any]] = {}
        for label in self.plugins.all("label_types", core=self):
            found.setdefault(label.label_id, dict(label.__dict__))
        return list(found.values())

    def session_json(self) -> dict[str, Any]:
        """GET /api/session."""
        return {
            "editor": self.settings.user_email,
            "version": version(),
            "safe_mode": self.safe_mode,
            "server": {"state": self.server_state, "status": self.server_status},
            "label_types": self.label_types(),
            "label_id": self.settings.label_id,
            "empty_id": self.settings.empty_id,
            "plugins": [info.to_json() for info in self.plugins.infos.values()],
            "viewer_modules": [
                f"/plugins/{module.name}/{module.entry}" for module in self.plugins.all("viewer_modules", core=self)
            ],
            "dataset_stale": self.session.is_stale(),
            "notices": self.store.notices() + self.session.notices(),
        }

    def exporters(self) -> list[Exporter]:
        """What File → Export offers."""
        return self.plugins.all("exporters", core=self)

    def importers(self) -> list[Importer]:
        """What File → Import offers."""
        return self.plugins.all("importers", core=self)

    def docks(self) -> list[Dock]:
        """Native panels that plugins bring."""
        return self.plugins.all("native_docks", core=self)

    def publish_session(self) -> None:
        """Tells watchers that GET /api/session has changed."""
        try:
            self.events.publish("session", self.session_json())
        except CoreError as error:
            log.error("the session cannot be shown: %s", error.code)


def version() -> str:
    """The installed version, or 0 when run from a checkout."""
    try:
        return importlib.metadata.version("goobusters")
    except importlib.metadata.PackageNotFoundError:
        return "0"
