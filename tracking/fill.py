"""How does each frame get its masks and its metadata? The inside of track.py: sources of tracked masks, and the
frames' filler."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tracking.clip import Clip
from tracking.confidence import cleared
from tracking.contracts.labels import mask_filename
from tracking.errors import Cancelled, MethodError
from tracking.flow import ClipTracker, Mask
from tracking.kept_result import KeptResult
from tracking.labels_apart import settle
from tracking.mask_files import OutputDirectory
from tracking.motion import Motion
from tracking.plan import Plan, Stretch
from tracking.propagate import propagate_stretch
from tracking.tracked_frame import TrackedFrame, from_mask

Entry = dict[str, Any]


class Sources:
    """Tracked frames by label, asked for in ascending order: carried by flow (a Motion) or by a clip tracker."""

    def __init__(
        self,
        clip: Clip,
        method: Motion | ClipTracker,
        plan: Plan,
        changed: list[int],
        cancelled: Callable[[], bool],
    ) -> None:
        self._clip, self._plan, self._cancelled = clip, plan, cancelled
        self._changed = changed
        self.size = (clip.height, clip.width)
        if isinstance(method, Motion):
            self._frames = {label: self._carried(label, method) for label in plan.labels}
        else:
            self._frames = {label: self._by_tracker(label, method) for label in plan.labels}

    def tracked(self, label_id: str, frame_number: int) -> TrackedFrame:
        """This label's mask on a changed frame; frames must be asked for in ascending order. Raises Cancelled."""
        for frame in self._frames[label_id]:
            if self._cancelled():
                raise Cancelled
            if frame.frame_number == frame_number:
                return frame
        if self._cancelled():
            raise Cancelled
        raise MethodError("METHOD_RESULT", f"The method gave no mask for frame {frame_number}.")

    def _carried(self, label_id: str, motion: Motion) -> Iterator[TrackedFrame]:
        for stretch in self._wanted(label_id):
            yield from propagate_stretch(stretch, motion)

    def _by_tracker(self, label_id: str, tracker: ClipTracker) -> Iterator[TrackedFrame]:
        annotations, size = self._plan.annotations, self.size
        annotated: dict[int, Mask] = {
            number: mask.pixels for (number, label), mask in annotations.masks.items() if label == label_id
        }
        annotated |= {number: np.zeros(size, np.uint8) for number in annotations.empty_frames}
        wanted = [range(stretch.first, stretch.last + 1) for stretch in self._wanted(label_id)]
        for number, mask, confidence in tracker.track_label(self._clip, annotated, wanted, self._cancelled):
            if mask.shape != size:
                raise MethodError(
                    "METHOD_RESULT", f"The method's mask for frame {number} has another size than the clip."
                )
            yield from_mask(number, mask, min(1.0, max(0.0, float(confidence))))

    def _wanted(self, label_id: str) -> list[Stretch]:
        """The label's stretches that are not clear and hold a changed frame."""
        changed = set(self._changed)
        stretches = [stretch for stretch in self._plan.stretches[label_id] if not stretch.is_clear]
        return [s for s in stretches if not changed.isdisjoint(range(s.first, s.last + 1))]


class FrameFiller:
    """Writes each frame's masks and says what its entries in metadata.json are."""

    def __init__(
        self,
        plan: Plan,
        kept: KeptResult | None,
        output: OutputDirectory,
        sources: Sources,
        label_id: str,
        empty_id: str,
    ) -> None:
        self._plan, self._kept, self._output, self._sources = plan, kept, output, sources
        self._label_id, self._empty_id = label_id, empty_id

    def fill(self, frame_number: int) -> list[Entry]:
        """Entries of one frame, its masks written. Frames must come in ascending order."""
        if self._kept and self._kept.holds(frame_number, self._plan):
            return self._take_over(frame_number, self._kept)
        if frame_number in self._plan.annotations.empty_frames:
            return [entry(frame_number, label_id=self._empty_id)]
        entries, annotated, tracked = [], {}, {}
        for label in self._plan.labels:
            stretch = self._plan.stretch_at(frame_number, label)
            if stretch is None:
                mask = self._plan.annotations.masks[frame_number, label]
                annotated[label] = mask.pixels
                filename = self._filename(frame_number, label)
                self._output.add_file(filename, mask.encoded)
                entries.append(entry(frame_number, label_id=label, filename=filename))
            elif stretch.is_clear:
                entries.append(entry(frame_number, tracks=label, confidence=cleared(stretch)))
            else:
                tracked[label] = self._sources.tracked(label, frame_number)
        return entries + self._write_tracked(frame_number, tracked, annotated)

    def _write_tracked(
        self, frame_number: int, tracked: dict[str, TrackedFrame], annotated: dict[str, Mask]
    ) -> list[Entry]:
        entries = []
        height, width = self._sources.size
        for label, mask in settle(tracked, annotated, self._plan.overlapping, height, width).items():
            filename = self._filename(frame_number, label) if mask.any() else None
            if filename:
                self._output.add_mask(filename, mask)
            entries.append(entry(frame_number, tracks=label, filename=filename, confidence=tracked[label].confidence))
        return entries

    def _take_over(self, frame_number: int, kept: KeptResult) -> list[Entry]:
        entries = kept.entries(frame_number)
        for held in entries:
            if held["filename"] is not None:
                self._output.take_over(held["filename"], kept.directory / held["filename"])
        return entries

    def _filename(self, frame_number: int, label: str) -> str:
        return mask_filename(frame_number, None if label == self._label_id else label)


def entry(
    frame_number: int,
    *,
    label_id: str | None = None,
    tracks: str | None = None,
    filename: str | None = None,
    confidence: float | None = None,
) -> Entry:
    """One entry of frames[]: an annotation when it has a label_id, a tracked mask (or the lack of one) when it has
    tracks."""
    made: Entry = {
        "frame_number": frame_number,
        "has_mask": filename is not None,
        "is_annotation": label_id is not None,
        "label_id": label_id,
        "filename": filename,
    }
    if label_id is None:
        made |= {"tracks": tracks, "confidence": round(confidence or 0.0, 4)}
    return made
