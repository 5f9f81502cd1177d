"""How does a clip get its tracked masks? `track` is the one entry for the command line and for the server's workers.

In order: open the clip, read the annotations, plan who fills which frame (plan.py), keep what an earlier result
already holds (kept_result.py), then go through the frames once, first to last, all labels side by side, writing each
as it is done (fill.py).
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tracking.annotations import Annotations, read_annotations
from tracking.clip import Clip
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.fill import Entry, FrameFiller, Sources
from tracking.flow import ClipTracker, DisFlow, FlowMethod, find_method
from tracking.flow_store import FlowStore
from tracking.kept_result import KeptResult, fingerprint
from tracking.mask_files import OutputDirectory
from tracking.motion import Motion
from tracking.open_clip import open_clip
from tracking.params import Params
from tracking.plan import Plan
from tracking.progress import Progress


@dataclass(frozen=True)
class TrackResult:
    """What a run did. `seconds` by step: open (clip and annotations), track, total; `flow_kept`: no flow had to be
    found."""

    frame_count: int
    mask_count: int
    frames_redone: int
    flow_kept: bool
    seconds: dict[str, float] = field(default_factory=dict)


def track(
    clip: str | Path | Clip,
    annotations: str | Path,
    out: str | Path,
    *,
    flow_method: str = DisFlow.name,
    flow_cache: FlowStore | None = None,
    previous: str | Path | None = None,
    params: Params = Params(),  # noqa: B008 (frozen)
    label_id: str = LABEL_ID,
    empty_id: str = EMPTY_ID,
    version_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_frame: Callable[[int, list[Entry]], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TrackResult:
    """Track a clip's annotations and write an unpacked server archive (SPEC 6) into `out`, replacing what is there.

    clip: video, DICOM file or folder of pictures, or an opened Clip. annotations: directory with metadata.json and
    masks. flow_cache: where flow is kept between runs (None: not at all). previous: an earlier `out` of this clip;
    what did not change since is taken over byte for byte. It may be the directory that `out` names.
    label_id: the label whose files carry no suffix. empty_id: the label that means verified empty.
    progress(frames done, frames in all) is called once or more a frame; on_frame(frame_number, entries) when a frame's
    masks lie in `mask_files.partial_directory(out)`; cancelled() is asked at least each 0.2 s on common clips.
    Raises ClipError, AnnotationsError, MethodError, OutputError (see errors.py), and Cancelled, with nothing published.
    """
    started = time.perf_counter()
    is_cancelled = cancelled or (lambda: False)
    method = find_method(flow_method)
    opened_clip = clip if isinstance(clip, Clip) else open_clip(clip)
    opened_clip.cancelled = is_cancelled
    with ExitStack() as stack:
        mover: Motion | ClipTracker
        if isinstance(method, FlowMethod):
            mover = stack.enter_context(Motion(opened_clip, method, params, flow_cache, is_cancelled))
        else:
            mover = method
        verified = read_annotations(Path(annotations), opened_clip, empty_id)
        plan = Plan(verified, label_id, opened_clip.frame_count, isinstance(mover, Motion))
        tracker = fingerprint(opened_clip.digest, method.name, method.version, params)
        kept = None
        if previous is not None:
            kept = KeptResult.load(Path(previous), tracker, plan, opened_clip, empty_id, label_id)
        changed = [number for number in range(plan.frame_count) if kept is None or not kept.holds(number, plan)]
        ready = time.perf_counter()

        report = Progress(plan.frame_count, progress)
        if isinstance(mover, Motion):
            mover.on_frame_found = report.flow_found
        output = stack.enter_context(OutputDirectory(Path(out)))
        sources = Sources(opened_clip, mover, plan, changed, is_cancelled)
        filler = FrameFiller(plan, kept, output, sources, label_id, empty_id)
        frames: list[Entry] = []
        for number in range(plan.frame_count):
            opened_clip.stop_if_cancelled()
            entries = filler.fill(number)
            frames += entries
            report.frame_done(number + 1)
            if on_frame:
                on_frame(number, entries)
        if isinstance(mover, Motion):
            mover.finish()
        output.publish(_metadata(verified, version_id, method.name, tracker, plan.frame_count, frames))
        report.finish()
        done = time.perf_counter()
        seconds = {"open": ready - started, "track": done - ready, "total": done - started}
        flow_kept = isinstance(mover, Motion) and mover.was_kept
        return TrackResult(plan.frame_count, _mask_count(frames), len(changed), flow_kept, seconds)


def _metadata(
    verified: Annotations, version_id: str | None, method: str, tracker: str, frame_count: int, frames: list[Entry]
) -> dict[str, object]:
    """metadata.json of a server archive; `tracker` says to the next run what the masks were made with."""
    return {
        "study_uid": verified.study_uid,
        "series_uid": verified.series_uid,
        "version_id": version_id,
        "flow_method": method,
        "generated_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "frame_count": frame_count,
        "mask_count": _mask_count(frames),
        "tracker": tracker,
        "frames": frames,
    }


def _mask_count(frames: list[Entry]) -> int:
    return sum(entry["has_mask"] for entry in frames)
