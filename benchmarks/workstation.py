"""How fast is the workstation core? Prints what SPEC 13 asks of it and what the viewer waits for, as JSON.

    python -m benchmarks.workstation [--frames 150]

extraction_fps:     frames a second of a video of 640×480 (real echo moved by a known motion) → PNG; best of three.
extraction_cpu_ms:  processor time a frame, decoding included: does not depend on what else the machine does.
open_cached_ms:     a started core, a series on disk: from POST open to the state ready. Median.
first_frame_ms:     one frame over HTTP on a kept connection. Median.
journal_ms:         an edit over HTTP until it is fsynced and answered. Median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Workstation, change, edit
from tracking.contracts.dataset import read_index
from tracking.semisynthetic import SemiSynthetic, base_picture, write_video
from workstation.jobs import Job
from workstation.plugins import extract_video


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workstation")
    parser.add_argument("--frames", type=int, default=150)
    frames = parser.parse_args().frames
    report: dict[str, Any] = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "clips").mkdir()
        clip = make_clip(root / "clips" / "semi-synthetic.mp4", frames)
        report |= measure_extraction(clip, root, frames)
        report |= measure_opening(root)
    print(json.dumps(report, indent=1))
    return 0


def make_clip(path: Path, frames: int) -> Path:
    from pydicom.examples import get_path

    motion = SemiSynthetic(base_picture(str(get_path("ybr_color")), 640, 480), frames, seed=1)
    write_video(motion.frames(), path)
    return path


def measure_extraction(clip: Path, root: Path, frames: int) -> dict[str, float]:
    walls, cpus = [], []
    for attempt in range(3):
        target = root / f"frames{attempt}"
        target.mkdir()
        wall, cpu = time.perf_counter(), time.process_time()
        extract_video.extract_frames(clip, target, Job())
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"extraction_fps": round(frames / min(walls)), "extraction_cpu_ms": round(min(cpus) * 1000 / frames, 1)}


def measure_opening(root: Path) -> dict[str, float]:
    (series,) = read_index(root / "clips").series
    key = series.study_uid, series.series_uid
    (root / "server").mkdir()
    with ServerProcess(root / "server", DATASET=f"folder:{root / 'clips'}") as server:
        server.wait_ready(300)
        opened = []
        for _ in range(6):
            with Workstation(root / "station", root / "clips", server=server.address) as station:
                station.listed(1)
                opened.append(milliseconds(lambda station=station: station.open(key)))
        with Workstation(root / "station", root / "clips", server=server.address) as station:
            station.open(key)
            path = f"/api/frames/{key[0]}/{key[1]}/"
            frame = [milliseconds(lambda n=n: station.request("GET", f"{path}{n}")) for n in range(50)]
            ops = [edit(change(n % 30, (10, 10, 40, 30))) for n in range(50)]
            journal = [milliseconds(lambda op=op: station.append(key, op)) for op in ops]
    return {
        "open_cached_ms": round(statistics.median(opened[1:]), 1),
        "first_frame_ms": round(statistics.median(frame), 1),
        "journal_ms": round(statistics.median(journal), 1),
    }


def milliseconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    sys.exit(main())
