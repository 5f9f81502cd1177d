"""Every extension point of the workstation, in the order of the flow. docs/plugins.md explains each with an example.

A plugin is a module or an object with functions of these names, marked with `hookimpl`. It may take any subset of the
arguments. Hooks marked "first answer wins" ask the plugins from the last registered to the first until one gives
something else than None, so a site's plugin comes before the built-in one. The other hooks ask everybody.
`core` is a `workstation.core.Core`; a `job` reports progress and says when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from tracking.contracts.archive import Archive
from tracking.contracts.labels import LabelType
from workstation.jobs import Job
from workstation.merge import Annotations, Conflict, Merge
from workstation.series import ListedSeries, Listing, Manifest, SeriesKey

if TYPE_CHECKING:
    from workstation.core import Core

PROJECT = "goobusters"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
first_answer = hookspec(firstresult=True)


@dataclass(frozen=True)
class Exporter:
    """A way to write annotations out. run(core, series key, target file, job) writes one file."""

    name: str
    title: str
    suffix: str
    run: Callable[..., None]


@dataclass(frozen=True)
class Importer:
    """A way to read annotations in. run(core, series key, source file, job) returns journal edits."""

    name: str
    title: str
    suffix: str
    run: Callable[..., list[dict[str, Any]]]


@dataclass(frozen=True)
class ViewerModule:
    """Static files for the page, served below /plugins/NAME/. entry: the ES module that the page imports."""

    name: str
    directory: Path
    entry: str


@dataclass(frozen=True)
class Dock:
    """A native panel of the desktop window. build(core) returns a QWidget; called in the GUI thread."""

    name: str
    title: str
    build: Callable[..., Any]


# 1. What is there


@first_answer
def list_series(core: Core, job: Job) -> Listing | None:
    """The series of the data set that the settings name, or None when that kind of data set is not yours."""


@first_answer
def refresh_dataset(core: Core, job: Job) -> Listing | None:
    """Brings the data set on this machine up to date and lists it. None: not your kind of data set."""


@hookspec
def label_types(core: Core) -> Sequence[LabelType] | None:
    """Label types that you bring. Those of all plugins are offered, each label id once."""


@first_answer
def next_series(core: Core, skip: SeriesKey | None) -> dict[str, Any] | None:
    """What to annotate next: a Series object, or {"no_available_series": true, "error_code": …}."""


# 2. From the source to frames on this machine


@first_answer
def download_clip(core: Core, series: ListedSeries, job: Job) -> Path | None:
    """The clip (file or directory of images) on this machine, fetched if need be. None: not your kind of data set."""


@first_answer
def extract_frames(clip: Path, target: Path, job: Job) -> Manifest | None:
    """Writes every frame of `clip` as frame_000001.png… (8 bits, gray or RGB) into `target`.

    Order and count must be those of the server. None: not your kind of clip. Raise CoreError CLIP_UNREADABLE for a
    clip that is yours and cannot be read.
    """


@hookspec
def purge_clip(core: Core, series: ListedSeries) -> None:
    """Removes what you downloaded for this series. Frames and masks are the core's own business."""


# 3. Masks, from and to the server


@first_answer
def pull_masks(core: Core, key: SeriesKey, version_id: str | None, job: Job) -> Archive | None:
    """The archive with the current masks, or with those of one version. Raises CoreError TRACK_PENDING and others."""


@first_answer
def save_masks(core: Core, key: SeriesKey, archive: bytes, previous_version_id: str | None) -> str | None:
    """Sends a packed archive; returns the new version id.

    Raises CoreError VERSION_MISMATCH, RETRACK_IN_PROGRESS; ServerOfflineError when nobody knows whether it arrived.
    """


@first_answer
def wait_retrack(core: Core, key: SeriesKey, version_id: str, job: Job) -> bool | None:
    """Waits until the masks of a version are tracked; True when they are.

    Raises CoreError RETRACK_FAILED. Reports frames through the job. Returns True too for a version that others follow.
    """


# 4. Two people, one series


@first_answer
def merge_conflicts(ancestor: Annotations, mine: Annotations, theirs: Annotations, empty_id: str) -> Merge | None:
    """The conflict policy: whose value of each (frame, label) to take, and what a person must decide."""


@first_answer
def decide_conflicts(core: Core, key: SeriesKey, conflicts: Sequence[Conflict]) -> Mapping[tuple[int, str], str] | None:
    """The conflict UI: {(frame, label): "mine" | "theirs" | "both"} at once, or None to let the viewer ask."""


# 5. In and out


@hookspec
def exporters(core: Core) -> Sequence[Exporter] | None:
    """Ways to write annotations out, for the File menu."""


@hookspec
def importers(core: Core) -> Sequence[Importer] | None:
    """Ways to read annotations in, for the File menu."""


# 6. On the screen


@hookspec
def viewer_modules(core: Core) -> Sequence[ViewerModule] | None:
    """JavaScript and CSS for the page: tools, panels, label editors."""


@hookspec
def native_docks(core: Core) -> Sequence[Dock] | None:
    """Panels for the desktop window."""


@hookspec
def notify(core: Core, kind: str, data: dict[str, Any]) -> None:
    """Something happened: kind and data as in the event stream (series, session, conflict, journal, notice).

    Called in a thread of its own, never in the one that made the news.
    """
