"""Which settings does the server run with? Read once by `server.__main__`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking.contracts import settings as table


@dataclass(frozen=True)
class ServerSettings(table.SharedSettings):
    """Every setting that the server reads, typed. Paths are absolute."""

    host: str
    port: int
    auth: str
    tokens_path: Path
    recent_view_minutes: int
    sync_hours: int
    retrack_workers: int
    workers: str
    state_path: Path
    mask_path: Path
    data_path: Path

    @property
    def is_loopback(self) -> bool:
        """Whether the server is bound to an address that only this machine reaches."""
        return _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find_errors(directory: Path, environ: Mapping[str, str] | None = None) -> list[table.SettingError]:
    """Everything that keeps `load` from giving settings, also an open AUTH=none."""
    return _read(directory, environ)[1]


def load(directory: Path, environ: Mapping[str, str] | None = None) -> ServerSettings:
    """Reads environment, dot.env.server and dot.env of `directory`. Raises the first SettingError of find_errors."""
    values, errors = _read(directory, environ)
    if errors:
        raise errors[0]
    return ServerSettings(
        **table.shared_fields(values),
        host=values["SERVER_HOST"],
        port=values["SERVER_PORT"],
        auth=values["AUTH"],
        tokens_path=values["TOKENS_PATH"],
        recent_view_minutes=values["RECENT_VIEW_THRESHOLD_MINUTES"],
        sync_hours=values["SYNC_HOURS"],
        retrack_workers=values["RETRACK_WORKERS"],
        workers=values["WORKERS"],
        state_path=values["STATE_PATH"],
        mask_path=values["MASK_STORAGE_PATH"],
        data_path=values["DATA_PATH"],
    )


def _read(directory: Path, environ: Mapping[str, str] | None) -> tuple[dict[str, Any], list[table.SettingError]]:
    values, errors = table.read(table.SERVER, directory, environ)
    if values.get("AUTH") == "none" and "SERVER_HOST" in values and not _is_loopback(values["SERVER_HOST"]):
        errors.append(table.SettingError("AUTH", "none is allowed only while SERVER_HOST is a loopback address"))
    return values, errors
