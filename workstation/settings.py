"""What is the workstation set to? The settings table of `tracking.contracts.settings`, and over it what people change.

Order: environment, then what a person chose in the settings page (settings.json in the user's own directory), then
dot.env.client, dot.env, defaults. The token is kept in the system's keyring where there is one, otherwise until the
program ends; it is never written to a file and never handed out again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracking.contracts import settings as table
from workstation.errors import CoreError
from workstation.files import make_directory, write_json

log = logging.getLogger("goobusters.settings")

_THEMES = ("system", "light", "dark")
_HANDS = ("right", "left")
_KEYRING = "goobusters"


@dataclass(frozen=True)
class Settings:
    """Everything the client side reads, typed. Paths are absolute; cache_limit_mb is in MB of 10^6 bytes."""

    dataset: str
    mdai_token: str
    mdai_domain: str
    project_id: str
    dataset_id: str
    label_id: str
    empty_id: str
    flow_method: str
    client_port: int
    server_url: str
    user_email: str
    video_cache_path: Path
    theme: str = "system"
    handedness: str = "right"
    shortcuts: Mapping[str, Any] | None = None
    cache_limit_mb: int = 20_000


def user_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where the system wants a program's settings of this person."""
    environ = os.environ if environ is None else environ
    if sys.platform == "win32":
        return Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "goobusters"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "goobusters"
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "goobusters"


class SettingsStore:
    """The current settings, and how they are changed. `directory` holds the dot.env files, `user` settings.json.

    Raises SettingError (tracking.contracts.settings) from the constructor for anything that does not fit.
    """

    def __init__(self, directory: Path, user: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ if environ is None else environ)
        self._lock = threading.Lock()
        self._file = (user or user_directory(self._environ)) / "settings.json"
        values = table.load(table.CLIENT, directory, self._environ)
        path = directory / values.pop("VIDEO_CACHE_PATH")
        fields = {key.lower(): value for key, value in values.items() if key.lower() in Settings.__annotations__}
        self.current = Settings(**fields, video_cache_path=path.absolute())
        self._chosen = self._read()
        for name, value in self._chosen.items():
            self._apply(name, value)
        self.token_storage = "environment" if self.current.mdai_token else "none"
        if not self.current.mdai_token:
            self._load_token()

    @property
    def plugins_folder(self) -> Path:
        """Where people put plugins of their own."""
        return self._file.parent / "plugins"

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            log.error("the file with a person's settings cannot be read; defaults are used")
            return {}
        chosen = {}
        for name, entry in value.items() if isinstance(value, dict) else ():
            try:
                chosen[name] = _checked(name, entry)
            except CoreError as error:
                log.error("%s", error.message)
        return chosen

    def _is_fixed(self, name: str) -> bool:
        return _KEYS.get(name, "") in self._environ

    def _apply(self, name: str, value: Any) -> None:
        if not self._is_fixed(name):
            self.current = replace(self.current, **{_FIELDS[name]: value})

    def public(self) -> dict[str, Any]:
        """As in GET /api/settings: everything but the token. fixed: what the environment decides."""
        now = self.current
        return {
            "editor": now.user_email,
            "server_url": now.server_url,
            "has_token": bool(now.mdai_token),
            "token_storage": self.token_storage,
            "theme": now.theme,
            "handedness": now.handedness,
            "shortcuts": dict(now.shortcuts or {}),
            "cache_limit_mb": now.cache_limit_mb,
            "fixed": sorted(name for name in _KEYS if self._is_fixed(name)),
        }

    def update(self, changes: Mapping[str, Any]) -> set[str]:
        """Checks, keeps and writes changes; returns the names that have a new value.

        Raises CoreError SETTING_INVALID, with nothing changed. Two at once take turns.
        """
        with self._lock:
            return self._update(changes)

    def _update(self, changes: Mapping[str, Any]) -> set[str]:
        checked = {name: _checked(name, value) for name, value in changes.items()}
        if any(self._is_fixed(name) for name in checked):
            raise CoreError("SETTING_FIXED", "This setting is decided by the environment of the program.", 409)
        before = self.current
        token = checked.pop("token", None)
        if checked:
            chosen = {**self._chosen, **checked}
            make_directory(self._file.parent)
            write_json(self._file, chosen)
            self._chosen = chosen
        for name, value in checked.items():
            self._apply(name, value)
        if token is not None:
            self.current = replace(self.current, mdai_token=token)
            self._store_token(token)
        names = {*_FIELDS, "token"}
        return {n for n in names if getattr(before, _FIELDS.get(n, "mdai_token")) != self._value(n)}

    def _value(self, name: str) -> Any:
        return getattr(self.current, _FIELDS.get(name, "mdai_token"))

    def _load_token(self) -> None:
        keyring = _keyring()
        if keyring is not None:
            token = keyring.get_password(_KEYRING, "token")
            if token:
                self.current = replace(self.current, mdai_token=token)
                self.token_storage = "keyring"

    def _store_token(self, token: str) -> None:
        keyring = _keyring()
        if keyring is None:
            self.token_storage = "session" if token else "none"
            return
        if token:
            keyring.set_password(_KEYRING, "token", token)
        elif keyring.get_password(_KEYRING, "token"):
            keyring.delete_password(_KEYRING, "token")
        self.token_storage = "keyring" if token else "none"


_FIELDS = {
    "editor": "user_email",
    "server_url": "server_url",
    "theme": "theme",
    "handedness": "handedness",
    "shortcuts": "shortcuts",
    "cache_limit_mb": "cache_limit_mb",
}
_KEYS = {"editor": "USER_EMAIL", "server_url": "SERVER_URL", "token": "MDAI_TOKEN"}


def _checked(name: str, value: Any) -> Any:
    try:
        if name in _KEYS and isinstance(value, str):
            return table.parse_setting(_KEYS[name], value)
    except table.SettingError as error:
        raise CoreError("SETTING_INVALID", f"{name}: {error.message}", setting=name) from None
    fits = {
        "theme": value in _THEMES,
        "handedness": value in _HANDS,
        "shortcuts": isinstance(value, dict) and len(json.dumps(value)) < 20_000,
        "cache_limit_mb": type(value) is int and 100 <= value <= 10_000_000,
    }
    if not fits.get(name, False):
        raise CoreError(
            "SETTING_INVALID", f"{name[:40]}: there is no such setting, or the value does not fit.", setting=name
        )
    return value


def _keyring() -> Any:
    """The keyring package, when it is installed and has a real store behind it; else None."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        keyring.get_password(_KEYRING, "token")
    except (KeyringError, RuntimeError, OSError):
        return None
    return keyring
