"""What is asked of MD.ai and what comes back: the words that both ways of fetching (SDK, own client) share.

Used by the other mdai_* modules here, and through them by the server and the workstation. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracking.contracts.dataset import Problem

MESSAGES = {
    "MDAI_DOMAIN_INVALID": "MD.ai's domain must look like public.md.ai.",
    "MDAI_PROJECT_MISSING": "No project of MD.ai is configured.",
    "MDAI_TOKEN_REFUSED": "MD.ai does not accept the access token.",
    "MDAI_UNREACHABLE": "MD.ai cannot be reached.",
    "MDAI_UNAVAILABLE": "MD.ai does not work at the moment.",
    "MDAI_PROJECT_REFUSED": "MD.ai does not give this project or data set to this access token.",
    "MDAI_EXPORT_FAILED": "MD.ai could not prepare the data set for download.",
    "MDAI_IMAGES_REFUSED": "MD.ai gives this access token no clips of this data set; annotations were updated.",
    "MDAI_DOWNLOAD_BROKEN": "What MD.ai sent was not whole.",
    "MDAI_EXPORT_UNSAFE": "What MD.ai sent holds file names that are not allowed.",
    "MDAI_STALLED": "MD.ai stopped sending.",
    "MDAI_STOPPED": "The download from MD.ai ended unexpectedly.",
    "MDAI_SDK_MISSING": "MD.ai's own package is not installed.",
    "MDAI_DISK_FULL": "The disk has no room for the data set.",
    "MDAI_DISK_FAILED": "The data set cannot be written to the disk.",
}
"""One sentence for people for every code of MdaiError. None holds a name, a token or an address."""

# the SDK's own two patterns, anchored: a token goes to no other host
_DOMAIN = re.compile(r"\w+\.md\.ai|\w+\.mdai\.dev(:[0-9]{1,5})?", re.ASCII)
_FILE_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}\.(?:zip|json)")
_PART = re.compile(r"(.+?)(?:_part([0-9]+)of([0-9]+))?\.zip")


class MdaiError(Exception):
    """MD.ai did not give what was asked for. `code` is a key of MESSAGES."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code])
        self.code = code
        self.message = MESSAGES[code]

    def problem(self) -> Problem:
        """The same as an entry for a list of problems."""
        return Problem(self.code, self.message)


class SyncCancelled(Exception):
    """Whoever asked for the data set does not want it any more; what was on disk before is still whole."""


@dataclass(frozen=True)
class Source:
    """Which data set of which project, and the access token (never shown)."""

    domain: str
    project_id: str
    dataset_id: str
    token: str = field(repr=False)

    def check(self) -> None:
        """Raises MdaiError MDAI_DOMAIN_INVALID, MDAI_PROJECT_MISSING or MDAI_TOKEN_REFUSED for what cannot be sent."""
        check_domain(self.domain)
        if not self.project_id:
            raise MdaiError("MDAI_PROJECT_MISSING")
        if not self.token or not self.token.isascii() or not self.token.isprintable():
            raise MdaiError("MDAI_TOKEN_REFUSED")  # no header could carry it


@dataclass(frozen=True)
class SyncProgress:
    """How far one phase is: "preparing" and "downloading" in percent, "unpacking" in clips. total 0: not known."""

    phase: str
    done: int
    total: int


@dataclass(frozen=True)
class Watch:
    """Who wants to hear of progress, and who may stop it all."""

    report: Callable[[SyncProgress], None] = lambda progress: None
    is_cancelled: Callable[[], bool] = lambda: False

    def step(self, progress: SyncProgress | None = None) -> None:
        """Reports. Raises SyncCancelled when nobody wants the rest."""
        if self.is_cancelled():
            raise SyncCancelled
        if progress is not None:
            self.report(progress)


@dataclass(frozen=True)
class Fetched:
    """What one fetch brought into its directory; nothing of it has been checked yet.

    annotations: a JSON file. images_export: the name of MD.ai's image export, None when there is none. images: its zip
    files, all of them; none when the export is the one that is here already. images_error: why there are no images.
    """

    annotations: Path
    images_export: str | None = None
    images: tuple[Path, ...] = ()
    images_error: MdaiError | None = None


Fetch = Callable[[Source, Path, str | None, Watch], Fetched]
"""(source, directory to fill, name of the image export that need not come again, watch) -> Fetched.

Raises MdaiError when not even the annotations came, and SyncCancelled.
"""


def check_domain(domain: str) -> None:
    """Raises MdaiError MDAI_DOMAIN_INVALID unless it is one of MD.ai's domains, by the SDK's own rule."""
    if _DOMAIN.fullmatch(domain) is None:
        raise MdaiError("MDAI_DOMAIN_INVALID")


def check_file_keys(value: Any, kind: str) -> list[str]:
    """The file names of an export as MD.ai lists them, safe to create in a directory.

    kind: "annotations" (one .json) or "images" (all parts of one .zip). Raises MdaiError MDAI_EXPORT_UNSAFE,
    MDAI_DOWNLOAD_BROKEN when parts are missing, MDAI_EXPORT_FAILED when there are none.
    """
    if value is None or value == []:
        raise MdaiError("MDAI_EXPORT_FAILED")
    if not isinstance(value, list) or not all(isinstance(key, str) and _FILE_KEY.fullmatch(key) for key in value):
        raise MdaiError("MDAI_EXPORT_UNSAFE")
    if kind == "annotations":
        if len(value) != 1 or not value[0].endswith(".json"):
            raise MdaiError("MDAI_EXPORT_UNSAFE")
        return value
    parts = [_PART.fullmatch(key) for key in value]
    if any(part is None for part in parts) or len({part[1] for part in parts if part}) != 1:
        raise MdaiError("MDAI_EXPORT_UNSAFE")
    numbers = sorted(int(part[2] or 1) for part in parts if part)
    totals = {int(part[3] or 1) for part in parts if part}
    if totals != {len(value)} or numbers != list(range(1, len(value) + 1)):
        raise MdaiError("MDAI_DOWNLOAD_BROKEN")
    return value


def export_name(file_key: str) -> str:
    """The name of an image export from the name of one of its parts: `x_part1of3.zip` and `x.zip` are of `x`."""
    match = _PART.fullmatch(file_key)
    return match[1] if match else file_key
