"""What does each part of tracking bring, and what does it cost? Prints the table of docs/tracking.md.

    python -m benchmarks.ablation [--data DIR] [--only NAME[,NAME]]

Each row is the whole tracker with one part switched off: mean Dice on the frames that were not handed over, for the
data sets of ../shared/bench and its three ways to hand over masks, as score.py counts them; and CPU milliseconds a
frame of a first run (reading, flow and writing included) over all of that.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from benchmarks.tracking import scored
from benchmarks.tracking_data import SHARED, real_sequences
from tracking import appearance, colours, edges, firm, motion, propagate, sampling, walk
from tracking.clip import Picture

PROTOCOLS: dict[str, Callable[[int], set[int]]] = {
    "first": lambda last: {0},
    "ends": lambda last: {0, last},
    "every4": lambda last: {*range(0, last + 1, 4), last},
}
VARIANTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "all parts": nullcontext,
    "without alignment with the annotated picture": lambda: patch.object(
        walk.Walk, "_refine", lambda self, guess, picture: guess
    ),
    "refining believed from the first frame on": lambda: patch.object(walk, "DRIFT_HEAD_START", 0.0),
    "without leftovers": lambda: patch.object(motion, "follow_leftovers", lambda previous, following, flows: flows),
    "without landmarks": lambda: patch.object(walk, "find_movement", lambda source, target: None),
    "without the search": lambda: patch.object(walk, "search_movement", lambda source, target: None),
    "without finding things again": lambda: patch.object(
        propagate, "_things", lambda stretch, seen, palette: [None] * len(seen)
    ),
    "without trust by likeness": lambda: patch.object(
        sampling, "believed", lambda likeness, window: np.ones_like(likeness[window])
    ),
    "without the look": lambda: patch.object(appearance, "WEIGHT", 0.0),
    "colours no finer than the grid": lambda: patch.object(motion.Motion, "fine_picture", _as_coarse),
    "colours of narrow neighbourhoods only": lambda: patch.object(colours, "NEIGHBOURHOODS", (3.0, 3.0)),
    "without firm outlines": lambda: patch.object(firm, "ALIKE", (2.0, 3.0)),
    "without local colours": lambda: patch.object(colours, "COLOURFUL", (1e6, 2e6)),
    "without spreading by looks": lambda: patch.object(
        sampling, "spread", lambda distance, trust, look, explained: np.zeros_like(distance)
    ),
    "without edges": lambda: patch.object(edges, "EXPLAINED", (2.0, 3.0)),
    "looks may add islands": lambda: patch.object(sampling, "without_islands", lambda distance, correction: correction),
    "without steady borders": lambda: patch.object(propagate, "steadied", lambda distance, grid_size: distance),
    "distances without an end": lambda: patch.object(sampling, "FAR", 1e6),
}


def main(argv: list[str] | None = None) -> int:
    """Measure the variants asked for and print one table row each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation")
    parser.add_argument("--data", type=Path, default=SHARED, help="DATASET/SEQUENCE/{frames,masks}/NNNNN.png")
    parser.add_argument("--only", default=",".join(VARIANTS), help="variants, by name")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    names = sorted({sequence.dataset for sequence in real_sequences(options.data)})
    if not names:
        print(f"There are no sequences in {options.data}.", file=sys.stderr)
        return 1
    columns = [f"{name} {protocol}" for name in names for protocol in PROTOCOLS]
    print("| | " + " | ".join([*columns, "CPU ms a frame"]) + " |")
    print("|" + "---|" * (len(columns) + 2), flush=True)
    for variant in options.only.split(","):
        with VARIANTS[variant](), tempfile.TemporaryDirectory() as scratch:
            dices, milliseconds = measure(options.data, Path(scratch))
        values = [f"{np.mean(dices[column]):.4f}" for column in columns]
        print("| " + " | ".join([variant, *values, f"{milliseconds:.1f}"]) + " |", flush=True)
    return 0


def measure(data: Path, scratch: Path) -> tuple[dict[str, list[float]], float]:
    """Mean Dice of each sequence by "dataset protocol", and CPU milliseconds a frame of a first run."""
    dices: dict[str, list[float]] = {}
    spent, frames = 0.0, 0
    for number, sequence in enumerate(real_sequences(data)):
        last = len(sequence.masks) - 1
        for protocol, chosen in PROTOCOLS.items():
            keys = chosen(last)
            rest = [frame for frame in range(last + 1) if frame not in keys]
            if not rest:
                continue
            own = scratch / f"{number}{protocol}"  # nothing kept from another protocol: each is a first run
            own.mkdir()
            started = time.process_time()
            _, found = scored(sequence, keys, own)
            spent += time.process_time() - started
            frames += last + 1
            dices.setdefault(f"{sequence.dataset} {protocol}", []).append(float(np.mean([found[i] for i in rest])))
    return dices, 1000 * spent / frames


def _as_coarse(self: motion.Motion, frame_number: int) -> Picture:
    """The grid's picture, shown twice as large."""
    size = (2 * self.grid_size[1], 2 * self.grid_size[0])
    return np.asarray(cv2.resize(self.grid_picture(frame_number), size, interpolation=cv2.INTER_LINEAR), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
