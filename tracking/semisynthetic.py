"""What would the right answer be? Makes clips with known motion from a real picture: for tests, benchmarks and the
demo.

A real frame is moved by a smooth, periodic, seeded motion, and speckle is laid on it that moves along and decorrelates
as real speckle does. So the flow between any two frames and the mask on each frame are known exactly. Whatever comes
from here is called semi-synthetic wherever it is quoted. No real clip has its motion known; this is the honest
substitute.

    python -m tracking.semisynthetic CLIP OUT.mp4 --frames 150 --size 640x480 --seed 1 --region REGION.json --outlines
    OUT.json

REGION.json: polygon [[x, y], …] in pixels of CLIP's first frame. OUT.json: [{"frame_number", "vertices"}, …] for every
frame. OUT may also be a folder name without suffix: numbered PNG files are written.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tracking.clip import Picture
from tracking.errors import ClipError, OutputError, TrackingError
from tracking.flow import Flow, Mask
from tracking.open_clip import open_clip

Points = npt.NDArray[np.float64]
"""(n, 2) float64: x and y in pixels, pixel centres at whole numbers."""

SPEEDS = (1.0, 1.0, 2.0, 0.37)
"""Beats per period of each mode of the motion: the heart, twice as fast, and a slow drift."""
INVERSION_STEPS = 30


@dataclass(frozen=True)
class MadeMotion:
    """How strong the made motion is. Lengths are shares of the picture's width, times are frames."""

    amplitude: float = 0.02
    """How far points move at most, about. 0.02 is 13 pixels at 640."""

    period: float = 30.0
    """Frames of one beat."""

    speckle: float = 0.15
    """Share of brightness that the speckle changes."""

    decorrelation: float = 8.0
    """Frames after which speckle has lost two thirds of its likeness to itself."""


class SemiSynthetic:
    """A made clip of `frame_count` frames. Frame t shows at p what the real picture has at p + offset(t, p)."""

    def __init__(self, picture: Picture, frame_count: int, seed: int, motion: MadeMotion = MadeMotion()) -> None:
        """`picture`: uint8 (height, width, 3) BGR, the real frame. Equal arguments give equal clips, pixel by pixel."""
        self.picture, self.frame_count, self.motion = picture, frame_count, motion
        self.height, self.width = picture.shape[:2]
        self._seed = seed
        random = np.random.default_rng(seed)
        self._waves = random.uniform(0.4, 1.1, (len(SPEEDS), 2)) * random.choice([-1, 1], (len(SPEEDS), 2))
        self._phases = random.uniform(0, 2 * np.pi, (len(SPEEDS), 2))
        self._directions = random.normal(0, 1, (len(SPEEDS), 2)) / np.sqrt(len(SPEEDS))
        self._scale = 1.0
        rows, columns = np.mgrid[0 : self.height : 12j, 0 : self.width : 12j]
        points = np.stack([columns.ravel(), rows.ravel()], 1)
        moments = range(1, int(2 * motion.period))
        furthest = max(float(np.linalg.norm(self.offset(moment, points), axis=1).max()) for moment in moments)
        self._scale = motion.amplitude * self.width / furthest

    def offset(self, frame_number: int, points: Points) -> Points:
        """For points (n, 2) of a frame: how far off they were in the real picture, in pixels. Zero everywhere in frame
        0."""
        total = np.zeros_like(points, np.float64)
        for wave, phase, strength in self._waves_at(frame_number):
            total += np.sin(2 * np.pi / self.width * (points @ wave) + phase)[:, None] * strength
        return total

    def locate(self, frame_number: int, origins: Points) -> Points:
        """Where points (n, 2) of the real picture lie in a frame: the inverse of p → p + offset, exact to 1e-6
        pixel."""
        points = origins.astype(np.float64)
        for _ in range(INVERSION_STEPS):
            points = origins - self.offset(frame_number, points)
        return points

    def flow(self, source: int, target: int) -> Flow:
        """Exact flow from one frame to another: float32 (height, width, 2), x then y, pixels."""
        points = self._pixels()
        there = self.locate(target, points + self.offset(source, points))
        return (there - points).reshape(self.height, self.width, 2).astype(np.float32)

    def mask(self, frame_number: int, polygon: Points) -> Mask:
        """Exact mask, uint8 0/255, of a polygon (n, 2) drawn on the real picture."""
        moved = self.locate(frame_number, _dense(polygon))
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(mask, [np.rint(moved * 16).astype(np.int32)], 255, shift=4)
        return mask

    def outline(self, frame_number: int, polygon: Points) -> Points:
        """The polygon's corners (n, 2) where they lie in a frame."""
        return self.locate(frame_number, polygon)

    def frames(self) -> Iterator[Picture]:
        """Yield every frame: uint8 (height, width, 3) BGR."""
        random = np.random.default_rng(self._seed + 1)
        keep = float(np.exp(-1 / self.motion.decorrelation))
        speckle = _speckle(random, self.height, self.width)
        for number in range(self.frame_count):
            if number:
                speckle = keep * speckle + np.sqrt(1 - keep**2) * _speckle(random, self.height, self.width)
            bright = self.picture * (1 + self.motion.speckle * speckle[..., None])
            origin = self._origins(number)
            still = bright.astype(np.float32)
            shown = cv2.remap(still, origin[..., 0], origin[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
            yield np.clip(np.rint(shown), 0, 255).astype(np.uint8)

    def _origins(self, frame_number: int) -> npt.NDArray[np.float32]:
        """p + offset for every pixel: float32 (height, width, 2). Waves of x + y are products of waves of x and y."""
        across, down = np.arange(self.width, dtype=np.float32), np.arange(self.height, dtype=np.float32)
        origins = np.stack(np.meshgrid(across, down), 2)
        for wave, phase, strength in self._waves_at(frame_number):
            x, y = (2 * np.pi / self.width * wave[0]) * across + phase, (2 * np.pi / self.width * wave[1]) * down
            space = np.outer(np.cos(y), np.sin(x)) + np.outer(np.sin(y), np.cos(x))
            origins += space[..., None].astype(np.float32) * strength.astype(np.float32)
        return origins

    def _waves_at(self, frame_number: int) -> Iterator[tuple[Points, float, Points]]:
        """Each mode's wave vector (cycles per picture width), phase, and displacement (2,) at its crest in pixels."""
        for wave, phase, direction, speed in zip(self._waves, self._phases, self._directions, SPEEDS, strict=True):
            angle = 2 * np.pi * speed * frame_number / self.motion.period
            yield wave, float(phase[0]), direction * (np.sin(angle + phase[1]) - np.sin(phase[1])) * self._scale

    def _pixels(self) -> Points:
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        return np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float64)


def ellipse(width: int, height: int, share: float = 0.2, points: int = 90) -> Points:
    """A polygon (points, 2) round the middle of a picture, `share` of its sides in radius."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([width * (0.5 + share * np.cos(angle)), height * (0.5 + share * np.sin(angle))], 1)


def base_picture(clip: str | Path, width: int, height: int) -> Picture:
    """A clip's first frame at another size: uint8 (height, width, 3) BGR. Raises ClipError."""
    first = next(iter(open_clip(clip).frames()), None)
    if first is None:
        raise ClipError("CLIP_EMPTY", "The clip holds no frame.")
    return np.asarray(cv2.resize(first, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_video(frames: Iterator[Picture], path: Path, frames_per_second: float = 30.0) -> None:
    """Write frames as MPEG-4 video. Raises OutputError when the file cannot be written."""
    writer: cv2.VideoWriter | None = None
    try:
        for frame in frames:
            if writer is None:
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(path), code, frames_per_second, frame.shape[1::-1])
                if not writer.isOpened():
                    raise OutputError("OUTPUT_UNWRITABLE", "The video cannot be written.")
            writer.write(frame)
    finally:
        if writer is not None:
            writer.release()


def write_pictures(frames: Iterator[Picture], folder: Path) -> None:
    """Write frames as numbered PNG files into a new folder. Raises OutputError when it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        if not cv2.imwrite(str(folder / f"{number:06d}.png"), frame):
            raise OutputError("OUTPUT_UNWRITABLE", "A picture cannot be written.")


def _dense(polygon: Points, spacing: float = 1.0) -> Points:
    """The polygon with points added along its sides, so that straight sides may bend."""
    pieces = []
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        steps = max(1, int(np.ceil(np.hypot(*(end - start)) / spacing)))
        pieces.append(start + (end - start) * (np.arange(steps) / steps)[:, None])
    return np.concatenate(pieces)


def _speckle(random: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float32]:
    """Noise with the grain of speckle: float32 (height, width), mean 0, standard deviation 1."""
    noise = cv2.GaussianBlur(random.standard_normal((height, width), np.float32), (0, 0), 1.2)
    return np.asarray(noise / noise.std(), np.float32)


def _read_region(file: Path) -> Points:
    try:
        region = np.array(json.loads(file.read_text()), np.float64)
    except (TypeError, ValueError):
        region = np.zeros(0)
    if region.ndim != 2 or region.shape[1] != 2 or len(region) < 3 or not np.isfinite(region).all():
        raise ValueError("The region is no polygon [[x, y], …].")
    return region


def _frame_count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise argparse.ArgumentTypeError("expects a number of frames")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})", text)
    if found is None:
        raise argparse.ArgumentTypeError("expects WIDTHxHEIGHT, 10 to 9999 pixels each")
    return int(found[1]), int(found[2])


def main(argv: Sequence[str] | None = None) -> int:
    """Make a clip from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tracking.semisynthetic", description="Make a semi-synthetic clip.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=_frame_count, default=150)
    parser.add_argument("--size", type=_size, default=(640, 480), help="WIDTHxHEIGHT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--region", type=Path, help="JSON polygon in pixels of the clip's first frame")
    parser.add_argument("--outlines", type=Path, help="where the moved polygon of every frame is written, as JSON")
    options = parser.parse_args(argv)
    width, height = options.size
    try:
        clip = open_clip(options.clip)
        made = SemiSynthetic(base_picture(options.clip, width, height), options.frames, options.seed)
        if options.out.suffix:
            write_video(made.frames(), options.out)
        else:
            write_pictures(made.frames(), options.out)
        if options.outlines:
            region = ellipse(clip.width, clip.height)
            if options.region:
                region = _read_region(options.region)
            scale = np.array([width / clip.width, height / clip.height])
            # Pixel centres are whole numbers, so scaling goes about the picture's corner at -½.
            region = (region + 0.5) * scale - 0.5
            outlines = [
                {"frame_number": number, "vertices": made.outline(number, region).round(3).tolist()}
                for number in range(options.frames)
            ]
            options.outlines.write_text(json.dumps(outlines))
    except (TrackingError, OSError, ValueError) as error:
        sys.stderr.write(f"semisynthetic: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
