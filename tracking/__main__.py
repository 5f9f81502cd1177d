"""How does a researcher track one clip from a terminal? `goobusters track CLIP --annotations DIR --out DIR` (SPEC 8).

    goobusters track clip.mp4 --annotations annotated/ --out tracked/ [--flow-method dis] [--flow-cache DIR] [--json]

Exit codes: 0 done, 1 the input does not fit (one sentence on stderr), 2 wrong usage, 130 interrupted.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2

from tracking.contracts.labels import EMPTY_ID, LABEL_ID, is_label_id
from tracking.errors import TrackingError
from tracking.flow import DisFlow
from tracking.flow_store import FlowStore
from tracking.track import TrackResult, track


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: the process's own) and return its exit code."""
    options = _parser().parse_args(argv)
    cv2.setNumThreads(1)  # results and timings must not depend on the number of cores
    shows_progress = sys.stderr.isatty()
    try:
        result = track(
            options.clip,
            options.annotations,
            options.out,
            flow_method=options.flow_method,
            flow_cache=FlowStore(options.flow_cache) if options.flow_cache else None,
            previous=options.previous,
            label_id=options.label,
            empty_id=options.empty,
            progress=_show_progress if shows_progress else None,
        )
    except TrackingError as error:
        _say(error, shows_progress)
        return 1
    except KeyboardInterrupt:
        _say("Interrupted; nothing was written.", shows_progress)
        return 130
    if shows_progress:
        sys.stderr.write("\r\033[K")
    if options.json:
        sys.stdout.write(json.dumps(_timings(result)) + "\n")
    else:
        sys.stdout.write(
            f"{result.mask_count} masks on {result.frame_count} frames in {result.seconds['total']:.1f} s\n"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="goobusters track", description="Carry annotated masks through a clip.")
    parser.add_argument("clip", type=Path, help="video, DICOM file or folder of PNG/JPEG pictures")
    parser.add_argument("--annotations", type=Path, required=True, help="an unpacked mask archive with the annotations")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="where the tracked archive is put, replacing an earlier one; masks that are done meanwhile: OUT.partial",
    )
    parser.add_argument("--flow-method", default=DisFlow.name, help="dis (default), farneback or a plugin's method")
    parser.add_argument("--flow-cache", type=Path, help="keep flow here, so that the next run is quick")
    parser.add_argument(
        "--previous", type=Path, help="an earlier result of this clip; only what changed is tracked again"
    )
    parser.add_argument(
        "--label",
        type=_label_id,
        default=LABEL_ID,
        help="label id whose mask files carry no suffix (default %(default)s)",
    )
    parser.add_argument(
        "--empty", type=_label_id, default=EMPTY_ID, help="label id that means verified empty (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print counts and timings as the last line of output")
    return parser


def _label_id(text: str) -> str:
    if not is_label_id(text):
        raise argparse.ArgumentTypeError("expects a label id: letters, digits, _ and -")
    return text


def _timings(result: TrackResult) -> dict[str, object]:
    milliseconds = 1000 * result.seconds["total"] / max(1, result.frame_count)
    return {**asdict(result), "ms_per_frame": round(milliseconds, 3)}


def _show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total} frames")
    sys.stderr.flush()


def _say(message: object, shows_progress: bool) -> None:
    sys.stderr.write(("\r\033[K" if shows_progress else "") + f"goobusters track: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
