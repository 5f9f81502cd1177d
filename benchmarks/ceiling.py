"""How well could anyone do on these sequences? Prints what is left when the truth itself lends a hand.

    python -m benchmarks.ceiling [--data DIR]

Mean Dice on the frames that were not handed over, by data set and protocol:
kept shape:   the nearest annotation, moved and scaled to where the truth lies best: knows all but the change of shape.
tracked:      what the tracker gives.
lent a hand:  that, moved and scaled to where the truth lies best.
neighbours:   the tracker with every other frame annotated, each frame in turn left out; the same frames as in the
              protocol. What is lost there lies between one drawing and the next, as much as in the tracker.

A second table says how alike drawings are. Each frame's drawing alone is carried to all other frames; what several of
them agree on is the mean of their signed distances. Mean Dice over frames, by data set:
drawn:        a frame's own drawing with what all the other frames' agree on there. No tracking is in it.
carried:      one carried drawing with what the rest agree on, the frame's own not among them.
one to one:   one carried drawing with the frame's own, which is what "first" counts.
Where "drawn" is no better than "carried", carrying loses nothing that could be seen: people draw as differently.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.ablation import PROTOCOLS
from benchmarks.tracking import dice, tracked
from benchmarks.tracking_data import SHARED, Mask, Sequence, real_sequences

STEPS = (8.0, 4.0, 2.0, 1.0, 0.5)
"""Pixels by which the search moves a mask, there and back, or its border by growing it, from coarse to fine."""
AGREED = 40.0
"""Pixels at which distances end where drawings are taken together: one that is far off outvotes nobody."""
Columns = dict[str, list[float]]


def main(argv: list[str] | None = None) -> int:
    """Print one table row for each data set and protocol."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceiling")
    parser.add_argument("--data", type=Path, default=SHARED, help="DATASET/SEQUENCE/{frames,masks}/NNNNN.png")
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    rows: dict[str, Columns] = {}
    drawings: dict[str, Columns] = {}
    for sequence in real_sequences(options.data):
        with tempfile.TemporaryDirectory() as scratch:
            measure(sequence, Path(scratch), rows)
            compare_drawings(sequence, Path(scratch), drawings)
    if not rows:
        print(f"There are no sequences in {options.data}.", file=sys.stderr)
        return 1
    print_table(rows)
    print()
    print_table(drawings)
    return 0


def print_table(rows: dict[str, Columns]) -> None:
    """Print the mean of each column of each row."""
    for number, (name, columns) in enumerate(sorted(rows.items())):
        if number == 0:
            print("| | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
        print(f"| {name} | " + " | ".join(f"{np.mean(values):.4f}" for values in columns.values()) + " |")


def measure(sequence: Sequence, scratch: Path, rows: dict[str, Columns]) -> None:
    """Add one sequence's mean of each column to the rows, which go by "dataset protocol"."""
    truth = sequence.masks
    last = len(truth) - 1
    everything = set(range(last + 1))
    from_neighbours = {
        frame: _dice(tracked(sequence, everything - {frame}, scratch)[1][frame], truth[frame]) for frame in everything
    }
    for protocol, chosen in PROTOCOLS.items():
        keys = chosen(last)
        rest = sorted(everything - keys)
        if not rest:
            continue
        masks = tracked(sequence, keys, scratch)[1]
        nearest = {frame: truth[min(keys, key=lambda key: abs(key - frame))] for frame in rest}
        columns = {
            "kept shape": [fitted(nearest[frame], truth[frame]) for frame in rest],
            "tracked": [_dice(masks[frame], truth[frame]) for frame in rest],
            "lent a hand": [fitted(masks[frame], truth[frame]) for frame in rest],
            "neighbours": [from_neighbours[frame] for frame in rest],
        }
        row = rows.setdefault(f"{sequence.dataset} {protocol}", {})
        for name, values in columns.items():
            row.setdefault(name, []).append(float(np.mean(values)))


def compare_drawings(sequence: Sequence, scratch: Path, rows: dict[str, Columns]) -> None:
    """Add one sequence's mean of each column to the rows, which go by data set."""
    frames = range(len(sequence.masks))
    carried = {start: [_distance(mask) for mask in tracked(sequence, {start}, scratch)[1]] for start in frames}
    found: Columns = {"drawn": [], "carried": [], "one to one": []}
    for frame in frames:
        own = sequence.masks[frame] > 0
        others = np.stack([carried[start][frame] for start in frames if start != frame])
        together = others.sum(axis=0)
        found["drawn"].append(dice(together > 0, own))
        found["carried"] += [dice(one > 0, together - one > 0) for one in others]
        found["one to one"] += [dice(one > 0, own) for one in others]
    row = rows.setdefault(sequence.dataset, {})
    for name, values in found.items():
        row.setdefault(name, []).append(float(np.mean(values)))


def _distance(mask: Mask) -> npt.NDArray[np.float32]:
    """Signed distance to the border in pixels, positive inside, ending at AGREED."""
    inside = (mask > 0).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.asarray(np.clip(distance - 0.5 * np.sign(distance), -AGREED, AGREED), np.float32)


def fitted(mask: Mask, truth: Mask) -> float:
    """Dice of a mask with the truth after the best shift and change of size that a search by ever smaller steps
    finds."""
    if not mask.any() or not truth.any():
        return _dice(mask, truth)
    here, there = _middle(mask), _middle(truth)
    reach = float(mask.any(axis=0).sum() + mask.any(axis=1).sum()) / 4
    best = np.array([there[0] - here[0], there[1] - here[1], 0.0])
    most = _moved_dice(mask, truth, here, best, reach)
    for step in STEPS:
        better = True
        while better:
            better = False
            for change in np.concatenate([np.eye(3), -np.eye(3)]) * step:
                found = _moved_dice(mask, truth, here, best + change, reach)
                if found > most:
                    best, most, better = best + change, found, True
    return most


def _moved_dice(
    mask: Mask, truth: Mask, middle: npt.NDArray[np.float64], change: npt.NDArray[np.float64], reach: float
) -> float:
    """`change`: shift in x and y, and by how much the border goes out, in pixels, of a mask that reaches so far."""
    scale = max(0.1, 1 + change[2] / reach)
    to = np.column_stack([scale * np.eye(2), middle + change[:2] - scale * middle])
    moved = cv2.warpAffine(mask, to, mask.shape[::-1], flags=cv2.INTER_LINEAR)
    return dice(moved > 127, truth > 0)


def _dice(mask: Mask, truth: Mask) -> float:
    return dice(mask > 0, truth > 0)


def _middle(mask: Mask) -> npt.NDArray[np.float64]:
    """(x, y) of a mask's centre."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


if __name__ == "__main__":
    sys.exit(main())
