"""How fast, how lean and how honest is tracking? Prints what SPEC 13 and the issue ask for, beside a plain baseline.

    python -m benchmarks.tracking [--runs 5] [--only speed,memory,confidence,next] [--json FILE]

speed:      first run, retrack with kept flow, retrack after one changed annotation, kept flow a frame, and `plain` (DIS
            medium at full size, forward flow used as backward map, mask resampled at every step, flow found anew each
            time) on the same 150 frames of 640×480, semi-synthetic. Medians of wall and CPU time on one core.
memory:     peak of a process that tracks 600 frames of 1918×1374.
confidence: Spearman correlation of confidence and true Dice over all tracked frames.
next:       Dice gained by annotating the offered frame, the middle of the longest gap, or a random frame.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.tracking_data import (
    Mask,
    Sequence,
    demo_clip,
    large_clip,
    made_sequences,
    real_sequences,
    write_annotations,
)
from tracking.flow_store import FlowStore
from tracking.next_frame import next_frame
from tracking.open_clip import open_clip
from tracking.semisynthetic import ellipse
from tracking.track import track

Row = dict[str, Any]
RANDOM_FRAMES = 3
TRACK_AND_WEIGH = """
import re, resource, sys
from pathlib import Path
from tracking.__main__ import main
code = main(sys.argv[1:])
status = Path("/proc/self/status")
if status.is_file():  # Linux: ru_maxrss would count the parent's memory too
    print(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def main(argv: list[str] | None = None) -> int:
    """Run the parts asked for and print their rows; with --json they are written as a list too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracking")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="speed,memory,confidence,next")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    cv2.setNumThreads(1)
    wanted, rows = options.only.split(","), []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "speed": lambda: speed(scratch, options.runs),
            "memory": lambda: memory(scratch),
            "confidence": lambda: confidence(scratch),
            "next": lambda: next_gain(scratch),
        }
        for name, part in parts.items():
            for row in part() if name in wanted else ():
                rows.append({"part": name, **row})
                print(f"{name:11}", "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


def speed(scratch: Path, runs: int) -> Iterator[Row]:
    """Milliseconds a frame, medians over the runs."""
    clip, made = demo_clip(scratch)
    region = ellipse(640, 480, 0.12)
    masks = {number: made.mask(number, region) for number in (0, 40, 80, 120)}
    given = write_annotations(scratch / "given", masks)
    changed = write_annotations(scratch / "changed", {**masks, 40: made.mask(42, region)})
    times: dict[str, list[tuple[float, float]]] = {}
    for run in range(runs):
        store, out = FlowStore(scratch / f"flow{run}"), scratch / "out"
        steps: dict[str, Callable[[], object]] = {
            "first run": lambda out=out, store=store: track(clip, given, out, flow_cache=store),
            "retrack": lambda out=out, store=store: track(clip, given, out, flow_cache=store),
            "one annotation changed": lambda out=out, store=store: track(
                clip, changed, out, flow_cache=store, previous=out
            ),
            "plain": lambda: plain(clip, masks),
        }
        for name, step in steps.items():
            wall, processor = time.perf_counter(), time.process_time()
            step()
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            times.setdefault(name, []).append(spent)
    for name, spent in times.items():
        wall, processor = (1000 * statistics.median(column) / 150 for column in zip(*spent, strict=True))
        yield {"what": name, "ms a frame": round(wall, 2), "CPU ms a frame": round(processor, 2)}
    kept = sum(file.stat().st_size for file in (scratch / "flow0").iterdir())
    yield {"what": "kept flow and walks", "MB a frame": round(kept / 150 / 1e6, 3)}


def plain(clip: Path, masks: dict[int, Mask]) -> dict[int, Mask]:
    """What a first version usually does; the yardstick for time."""
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in open_clip(clip).frames()]
    solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[0 : frames[0].shape[0], 0 : frames[0].shape[1]].astype(np.float32)

    def walk(start: int, stops: range) -> dict[int, Mask]:
        mask, previous, found = masks[start], start, {}
        for number in stops:
            flow = solver.calc(frames[previous], frames[number], None)
            mask = cv2.remap(mask, columns - flow[..., 0], rows - flow[..., 1], cv2.INTER_LINEAR)
            found[number], previous = mask, number
        return found

    keys, done = sorted(masks), dict(masks)
    done |= walk(keys[0], range(keys[0] - 1, -1, -1)) | walk(keys[-1], range(keys[-1] + 1, len(frames)))
    for left, right in itertools.pairwise(keys):
        there, back = walk(left, range(left + 1, right)), walk(right, range(right - 1, left, -1))
        for number in range(left + 1, right):
            share = (number - left) / (right - left)
            done[number] = ((there[number] * (1 - share) + back[number] * share) > 127).astype(np.uint8) * 255
    return done


def memory(scratch: Path) -> Iterator[Row]:
    """Peak resident memory of a process of its own, first and second run."""
    clip = large_clip(scratch)
    region = np.rint(ellipse(1918, 1374, 0.12)).astype(np.int32)
    mask = cv2.fillPoly(np.zeros((1374, 1918), np.uint8), [region], 255)
    for name, frames in (("from both ends", (0, 599)), ("from the last frame", (599,))):
        given = write_annotations(scratch / name, dict.fromkeys(frames, mask))
        arguments = [str(clip), "--annotations", str(given), "--out", str(scratch / "large-out")]
        cache = ["--flow-cache", str(scratch / "large-flow"), "--json"]
        done = subprocess.run(
            [sys.executable, "-c", TRACK_AND_WEIGH, *arguments, *cache], capture_output=True, text=True, check=True
        )
        timings, peak = done.stdout.splitlines()
        milliseconds = json.loads(timings)["ms_per_frame"]
        yield {"what": f"600 frames 1918×1374 {name}", "peak MB": int(peak) // 1024, "ms a frame": milliseconds}


def confidence(scratch: Path) -> Iterator[Row]:
    """Spearman correlation between confidence and true Dice, by data set and over all."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for sequence in _sequences(scratch):
        last = len(sequence.masks) - 1
        for keys in ({0}, {0, last}, {*range(0, last, 4), last}):
            entries, dices = scored(sequence, keys, scratch)
            for entry in entries:
                if not entry["is_annotation"]:
                    pairs.setdefault(sequence.dataset, []).append((entry["confidence"], dices[entry["frame_number"]]))
    for dataset, found in pairs.items():
        yield {"what": dataset, "Spearman": round(spearman(found), 3), "frames": len(found)}
    real = [pair for dataset, found in pairs.items() if dataset != "semi-synthetic" for pair in found]
    if real:
        yield {"what": "all real", "Spearman": round(spearman(real), 3), "frames": len(real)}


def next_gain(scratch: Path) -> Iterator[Row]:
    """Mean Dice (annotated frames count 1) gained by one more annotation, for three ways to choose its frame."""
    gains: dict[str, dict[str, list[float]]] = {}
    random = np.random.default_rng(0)
    for sequence in _sequences(scratch):
        count = len(sequence.masks)
        for keys in ({0}, {0, count - 1}):
            entries, before = scored(sequence, keys, scratch)
            offered = next_frame(entries)
            if offered is None:
                continue
            free = [number for number in range(count) if number not in keys]
            ways = {
                "offered": [offered],
                "middle": [middle_of_longest_gap(keys, count)],
                "random": random.choice(free, RANDOM_FRAMES).tolist(),
            }
            for way, choices in ways.items():
                after = [np.mean(scored(sequence, keys | {choice}, scratch)[1]) for choice in choices]
                gain = float(np.mean(after) - np.mean(before))
                gains.setdefault(sequence.dataset, {}).setdefault(way, []).append(gain)
    for dataset, found in gains.items():
        yield {"what": dataset, **{way: round(float(np.mean(values)), 4) for way, values in found.items()}}


def _sequences(scratch: Path) -> Iterator[Sequence]:
    yield from real_sequences()
    yield from made_sequences(scratch)


def scored(sequence: Sequence, keys: set[int], scratch: Path) -> tuple[list[Row], list[float]]:
    """Track from the true masks at `keys`: the entries of the result and Dice of every frame."""
    entries, masks = tracked(sequence, keys, scratch)
    return entries, [dice(mask > 0, truth > 0) for mask, truth in zip(masks, sequence.masks, strict=True)]


def tracked(sequence: Sequence, keys: set[int], scratch: Path) -> tuple[list[Row], list[Mask]]:
    """Track from the true masks at `keys`: the entries of the result, and every frame's mask."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        given = write_annotations(Path(folder) / "given", {key: sequence.masks[key] for key in keys})
        out = Path(folder) / "out"
        track(sequence.clip, given, out, flow_cache=FlowStore(scratch / "flow"))
        entries = json.loads((out / "metadata.json").read_text())["frames"]
        masks = [np.zeros_like(truth) for truth in sequence.masks]
        for number, entry in enumerate(entries):
            if entry["has_mask"]:
                masks[number] = np.asarray(cv2.imread(str(out / entry["filename"]), cv2.IMREAD_GRAYSCALE), np.uint8)
    return entries, masks


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two boolean masks, 1 when both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / size if size else 1.0


def middle_of_longest_gap(keys: set[int], count: int) -> int:
    """The frame in the middle of the longest stretch without annotation; after the last one, the clip's last frame."""
    ordered = sorted(keys)
    gaps = [(right - left, (left + right) // 2) for left, right in itertools.pairwise(ordered)]
    gaps += [(2 * ordered[0], 0), (2 * (count - 1 - ordered[-1]), count - 1)]
    return max(gaps)[1]


def spearman(pairs: list[tuple[float, float]]) -> float:
    """Rank correlation; equal values share their mean rank."""
    ranks = [_ranks(np.array(column)) for column in zip(*pairs, strict=True)]
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts + ends - 1) / 2)[which])


if __name__ == "__main__":
    sys.exit(main())
