"""What is known of one label on one frame? Made by sampling.py or by a clip tracker, settled by labels_apart.py,
written by fill.py."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from tracking.flow import Mask

Field = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrackedFrame:
    """One label on one frame: `distance` float32 (bottom-top, right-left), clip pixels, positive inside the mask.

    `box` is (top, left, bottom, right) in clip pixels, outside of which there is no mask; empty (all 0) for no mask at
    all.
    """

    frame_number: int
    box: tuple[int, int, int, int]
    distance: Field = field(repr=False)
    confidence: float

    @classmethod
    def blank(cls, frame_number: int, confidence: float) -> "TrackedFrame":
        """A frame without a mask."""
        return cls(frame_number, (0, 0, 0, 0), np.zeros((0, 0), np.float32), confidence)


def from_mask(frame_number: int, mask: Mask, confidence: float) -> TrackedFrame:
    """A ready mask, uint8 (height, width), as a TrackedFrame: its distances are only +1 and -1."""
    left, top, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    distance = np.where(mask[top : top + height, left : left + width] > 0, 1, -1).astype(np.float32)
    return TrackedFrame(frame_number, (top, left, top + height, left + width), distance, confidence)


def mask_of(tracked: TrackedFrame, height: int, width: int) -> Mask:
    """The whole frame's mask: uint8 (height, width) of 0 and 255."""
    mask = np.zeros((height, width), np.uint8)
    top, left, bottom, right = tracked.box
    mask[top:bottom, left:right] = (tracked.distance > 0) * np.uint8(255)
    return mask
