"""How far is a tracking run? Turns steps of work into (frames done, frames in all) for track.py's caller."""

from collections.abc import Callable

FLOW_SHARE = 0.8
"""Share of the work that is finding flow, when it has to be found; moving masks is the rest."""


class Progress:
    """Reports a number of frames that never goes down and ends at `frame_count`, at least once a frame."""

    def __init__(self, frame_count: int, report: Callable[[int, int], None] | None) -> None:
        self._frame_count = frame_count
        self._report = report
        self._flow_frames: int | None = None
        self._frames = 0

    def flow_found(self, frames: int) -> None:
        """So many frames have their flow; never called when it was kept."""
        self._flow_frames = frames
        self._tell()

    def frame_done(self, frames: int) -> None:
        """So many frames have their masks written."""
        self._frames = frames
        self._tell()

    def finish(self) -> None:
        """Everything is published."""
        if self._report:
            self._report(self._frame_count, self._frame_count)

    def _tell(self) -> None:
        done = float(self._frames)
        if self._flow_frames is not None:
            done = FLOW_SHARE * max(self._flow_frames, self._frames) + (1 - FLOW_SHARE) * self._frames
        if self._report:
            self._report(min(int(done), self._frame_count), self._frame_count)
