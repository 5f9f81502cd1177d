"""Which settings does the server run with? Read once by `server.__main__`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load(directory: Path, environ: Mapping[str, str] | None = None) -> ServerSettings:
    """Reads environment, dot.env.server and dot.env of `directory`. Raises SettingError, also for an open AUTH=none."""
    values = table.load(table.SERVER, directory, environ)
    settings = ServerSettings(
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
    if settings.auth == "none" and not settings.is_loopback:
        raise table.SettingError("AUTH", "none is allowed only while SERVER_HOST is a loopback address")
    return settings
