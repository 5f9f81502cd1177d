"""What is the workstation set to? The settings table of `tracking.contracts.settings`, and over it what people change.

Order: environment, then what a person chose in the settings page (settings.json in the user's own directory; the token
in the system's keyring, see `token_store`), then dot.env.client, dot.env, defaults. The token is never written to a
file and never handed out again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tracking.contracts import settings as table
from workstation.errors import CoreError
from workstation.files import make_directory, write_json
from workstation.token_store import KeyringState, TokenStore

log = logging.getLogger("goobusters.settings")


@dataclass(frozen=True)
class Settings(table.SharedSettings):
    """Everything the client side reads, typed. Paths are absolute; cache_limit_mb is in MB of 10^6 bytes.

    From theme on: what a person likes, which only the viewer reads. brush_size is a diameter in pixels of the clip,
    mask_opacity 0..1, play_speed times the clip's own.
    """

    client_port: int
    server_url: str
    user_email: str
    video_cache_path: Path
    cache_limit_mb: int = 20_000
    theme: str = "system"
    handedness: str = "right"
    shortcuts: Mapping[str, Any] = field(default_factory=dict)
    brush_size: float = 24
    mask_opacity: float = 0.3
    is_outline_only: bool = False
    play_speed: float = 1
    is_looping: bool = True


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
        self.current = Settings(
            **table.shared_fields(values),
            client_port=values["CLIENT_PORT"],
            server_url=values["SERVER_URL"],
            user_email=values["USER_EMAIL"],
            video_cache_path=values["VIDEO_CACHE_PATH"],
        )
        self._chosen = self._read()
        for name, value in self._chosen.items():
            self._apply(name, value)
        self.token_storage = "environment" if self.current.mdai_token else "none"
        self._tokens = TokenStore()
        self._on_late_token: Callable[[], None] = lambda: None
        self._is_token_chosen = False
        if not self._is_fixed("token"):
            self._take_token(self._tokens.load(self._take_late_token))

    @property
    def plugins_folder(self) -> Path:
        """Where people put plugins of their own."""
        return self._file.parent / "plugins"

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self._file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            log.error("the file with a person's settings cannot be read; defaults are used")
            return {}
        chosen = {}
        for name, entry in value.items() if isinstance(value, dict) else ():
            try:
                if name in _FIELDS:  # not the token, which a file must not decide
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
            **{name: getattr(now, name) for name in _CHOICES},
            "fixed": sorted(name for name in _KEYS if self._is_fixed(name)),
        }

    def update(self, changes: Mapping[str, Any]) -> set[str]:
        """Checks, keeps and writes changes; returns the names that have a new value.

        Raises CoreError SETTING_INVALID, SETTING_FIXED, SETTINGS_NOT_WRITABLE or KEYRING_FAILED, with nothing changed.
        Two at once take turns.
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
            self._write({**self._chosen, **checked})
        for name, value in checked.items():
            self._apply(name, value)
        if token is not None:
            self._change_token(token)
        return {name for name in (*_FIELDS, "token") if self._value(before, name) != self._value(self.current, name)}

    def _write(self, chosen: dict[str, Any]) -> None:
        try:
            make_directory(self._file.parent)
            write_json(self._file, chosen)
        except OSError as error:
            raise CoreError("SETTINGS_NOT_WRITABLE", "The settings cannot be written to the disk.", 507) from error
        self._chosen = chosen

    @staticmethod
    def _value(settings: Settings, name: str) -> Any:
        return getattr(settings, _FIELDS.get(name, "mdai_token"))

    # The token

    def on_late_token(self, callback: Callable[[], None]) -> None:
        """Calls back when the keyring gives the token only after the start, because a person had to unlock it."""
        self._on_late_token = callback

    def notices(self) -> list[dict[str, str]]:
        """What people must hear about: a keyring that is there and did not give the token."""
        if self.current.mdai_token or self._tokens.state is not KeyringState.FAILED:
            return []
        return [{"code": "KEYRING_FAILED", "message": "The keyring of this computer does not answer."}]

    def _take_token(self, token: str) -> None:
        if token:
            self.current = replace(self.current, mdai_token=token)
            self.token_storage = "keyring"

    def _take_late_token(self, token: str) -> None:
        with self._lock:
            if self._is_token_chosen:
                return
            self._take_token(token)
        self._on_late_token()

    def _change_token(self, token: str) -> None:
        if token:
            self.token_storage = "keyring" if self._tokens.keep(token) else "session"
        elif self._tokens.forget():
            self.token_storage = "none"
        else:
            raise CoreError("KEYRING_FAILED", "The keyring of this computer does not let go of the token.", 500)
        self._is_token_chosen = True
        self.current = replace(self.current, mdai_token=token)


def _is_number(smallest: float, largest: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and smallest <= value <= largest


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_shortcuts(value: Any) -> bool:
    """{action: [combination of keys]}, as web_viewer/shortcuts.js reads it."""
    return (
        isinstance(value, dict)
        and all(isinstance(keys, list) and all(isinstance(key, str) for key in keys) for keys in value.values())
        and len(json.dumps(value)) < 20_000
    )


_CHOICES: dict[str, Callable[[Any], bool]] = {
    "cache_limit_mb": lambda value: type(value) is int and 100 <= value <= 10_000_000,
    "theme": lambda value: value in ("system", "light", "dark"),
    "handedness": lambda value: value in ("right", "left"),
    "shortcuts": _are_shortcuts,
    "brush_size": _is_number(1, 600),
    "mask_opacity": _is_number(0, 1),
    "is_outline_only": _is_flag,
    "play_speed": _is_number(0.1, 10),
    "is_looping": _is_flag,
}
"""What a person chooses in the viewer, and which values fit. The names are those of `Settings` and of the JSON."""
_KEYS = {"editor": "USER_EMAIL", "server_url": "SERVER_URL", "token": "MDAI_TOKEN"}
"""What can be set in the environment too."""
_FIELDS = {"editor": "user_email", "server_url": "server_url", **{name: name for name in _CHOICES}}
"""Names in settings.json and in the JSON of the viewer -> fields of `Settings`."""


def _checked(name: str, value: Any) -> Any:
    try:
        if name in _KEYS and isinstance(value, str):
            return table.parse_setting(_KEYS[name], value)
    except table.SettingError as error:
        raise CoreError("SETTING_INVALID", f"{name}: {error.message}", setting=name) from None
    if name not in _CHOICES or not _CHOICES[name](value):
        raise CoreError(
            "SETTING_INVALID", f"{name[:40]}: there is no such setting, or the value does not fit.", setting=name
        )
    return value
