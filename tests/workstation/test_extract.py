"""Frames from clips: the same count, order and pixels as the tracker sees, and one clear sentence for a bad clip."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.examples import get_path

from tests.helpers.clips import write_clip
from tracking.open_clip import open_clip
from workstation.cache import frame_filename
from workstation.errors import CoreError, JobCancelledError
from workstation.jobs import Job
from workstation.plugins import extract_dicom, extract_images, extract_video
from workstation.series import Manifest

ROOT = Path(__file__).resolve().parents[2]
EXTRACTORS = (extract_images, extract_dicom, extract_video)


def extract(clip: Path, target: Path, job: Job | None = None) -> Manifest:
    target.mkdir(exist_ok=True)
    for plugin in EXTRACTORS:
        found = plugin.extract_frames(clip, target, job or Job())
        if found is not None:
            return found
    raise AssertionError("no extractor takes this clip")


def assert_same_as_the_tracker(clip: Path, target: Path, tolerance: int) -> Manifest:
    manifest = extract(clip, target)
    seen = open_clip(clip)
    assert (manifest.frame_count, manifest.width, manifest.height) == (seen.frame_count, seen.width, seen.height)
    for number, picture in enumerate(seen.frames()):
        ours = cv2.imread(str(target / frame_filename(number)), cv2.IMREAD_COLOR)
        difference = np.abs(ours.astype(int) - picture.astype(int))
        assert difference.max() <= tolerance, f"frame {number} differs by {difference.max()}"
    return manifest


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_video_frames_are_the_trackers(tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", frames=9) if suffix == ".avi" else write_mp4(tmp_path / "clip.mp4", 9)
    manifest = assert_same_as_the_tracker(clip, tmp_path / "frames", 3)  # gray
    assert manifest.times_ms is not None
    assert manifest.times_ms[0] == 0
    assert all(a < b for a, b in zip(manifest.times_ms, manifest.times_ms[1:], strict=False))


def write_mp4(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (96, 64))
    for number in range(frames):
        picture = np.zeros((64, 96, 3), np.uint8)
        picture[:, number * 5 : number * 5 + 9] = (200, 90, 30)  # in colour, so that RGB and BGR cannot be mixed up
        writer.write(picture)
    writer.release()
    return path


def test_gray_video_becomes_gray_pictures(tmp_path: Path) -> None:
    extract(write_clip(tmp_path / "clip.avi"), tmp_path / "frames")
    with Image.open(tmp_path / "frames" / frame_filename(0)) as image:
        assert image.mode == "L"


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("examples_ybr_color.dcm", 2),
        ("examples_rgb_color.dcm", 0),
        ("examples_palette.dcm", 1),
        ("SC_rgb_rle_2frame.dcm", 0),
        ("SC_rgb_jpeg_dcmtk.dcm", 3),
        ("SC_ybr_full_422_uncompressed.dcm", 3),
        ("examples_jpeg2k.dcm", 3),
        ("CT_small.dcm", 1),
        ("MR_small.dcm", 1),
        ("MR_small_bigendian.dcm", 1),
        ("MR_small_RLE.dcm", 1),
        ("693_J2KI.dcm", 1),
    ],
)
def test_dicom_frames_are_the_trackers(tmp_path: Path, name: str, tolerance: int) -> None:
    path = get_testdata_file(name)
    if path is None:
        pytest.skip(f"this pydicom brings no {name}")
    assert_same_as_the_tracker(Path(str(path)), tmp_path / "frames", tolerance)


def test_dicom_says_its_times_and_depth(tmp_path: Path) -> None:
    manifest = extract(Path(get_path("ybr_color")), tmp_path / "frames")
    assert (manifest.frame_count, manifest.width, manifest.height, manifest.bit_depth) == (30, 320, 240, 8)
    assert manifest.times_ms is not None
    assert manifest.times_ms[1] == pytest.approx(33.333)
    assert extract(Path(str(get_testdata_file("CT_small.dcm"))), tmp_path / "other").bit_depth == 16


def test_dicom_needs_no_numpy(tmp_path: Path) -> None:
    """On an iPad there is none: the same frames must come out in a process where importing it fails."""
    clip = get_path("ybr_color")
    extract(Path(clip), tmp_path / "with")
    (tmp_path / "without").mkdir()
    code = (
        "import sys; sys.modules['numpy'] = None; sys.modules['cv2'] = None\n"
        "from pathlib import Path\n"
        "from workstation.jobs import Job\n"
        "from workstation.plugins.extract_dicom import extract_frames\n"
        f"print(extract_frames(Path({str(clip)!r}), Path({str(tmp_path / 'without')!r}), Job()).frame_count)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "30", run.stderr
    for number in (0, 29):
        one, other = ((tmp_path / folder / frame_filename(number)).read_bytes() for folder in ("with", "without"))
        assert one == other


def test_without_opencv_a_video_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)  # what an import of it then says is that there is none
    assert extract_video.extract_frames(tmp_path / "clip.mp4", tmp_path, Job()) is None


def test_pictures_in_name_order(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.jpg", "c.PNG")):
        Image.new("RGB", (20, 10), (80 * number, 0, 50)).save(folder / name)
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture", "utf-8")
    assert_same_as_the_tracker(folder, tmp_path / "frames", 3)


def test_progress_and_cancel(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    extract(write_clip(tmp_path / "clip.avi"), tmp_path / "one", Job(lambda done, total: seen.append((done, total))))
    assert seen[-1] == (8, 8)
    job = Job()
    job.cancel()
    with pytest.raises(JobCancelledError):
        extract(write_clip(tmp_path / "clip.avi"), tmp_path / "two", job)


def header_first(data: bytes) -> bytes:
    """The MP4 with its table of frames before them, as in files meant for streaming: cut, it still opens."""
    media, table = data.index(b"mdat") - 4, data.index(b"moov") - 4
    header = bytearray(data[table:])
    offsets = header.index(b"stco") + 4
    for entry in range(int.from_bytes(header[offsets + 4 : offsets + 8], "big")):
        place = offsets + 8 + 4 * entry
        moved = int.from_bytes(header[place : place + 4], "big") + len(header)
        header[place : place + 4] = moved.to_bytes(4, "big")
    return data[:media] + bytes(header) + data[media:table]


def damaged(kind: str, path: Path) -> Path:
    if kind == "noise":
        path.write_bytes(bytes(range(256)) * 40)
    elif kind == "cut video":
        data = write_mp4(path.with_suffix(".whole.mp4"), 60).read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif kind == "cut video, header first":
        path.write_bytes(header_first(write_mp4(path.with_suffix(".whole.mp4"), 60).read_bytes())[:-3000])
    elif kind == "cut DICOM":
        data = Path(get_path("ybr_color")).read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
    elif kind == "DICOM without pictures":
        dataset = pydicom.dcmread(get_path("ybr_color"))
        del dataset.PixelData
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        path.write_bytes(buffer.getvalue())
    elif kind == "folder of noise":
        path.mkdir()
        (path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    elif kind == "empty folder":
        path.mkdir()
    elif kind == "sizes differ":
        path.mkdir()
        for number in range(2):
            Image.new("L", (20 + number, 10)).save(path / f"{number}.png")
    return path


@pytest.mark.parametrize(
    ("kind", "suffix", "codes"),
    [
        ("noise", ".mp4", {"CLIP_UNREADABLE"}),
        ("noise", ".dcm", {"CLIP_UNREADABLE"}),
        ("noise", ".png", {"CLIP_UNREADABLE"}),
        ("cut video", ".mp4", {"CLIP_UNREADABLE", "CLIP_TRUNCATED"}),
        ("cut video, header first", ".mp4", {"CLIP_TRUNCATED"}),
        ("cut DICOM", ".dcm", {"CLIP_UNREADABLE", "CLIP_TRUNCATED"}),
        ("DICOM without pictures", ".dcm", {"CLIP_UNREADABLE"}),
        ("folder of noise", "", {"CLIP_UNREADABLE"}),
        ("empty folder", "", {"CLIP_EMPTY"}),
        ("sizes differ", "", {"CLIP_SIZES_DIFFER"}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # pydicom warns about the damage that is meant
def test_a_bad_clip_gets_one_sentence(tmp_path: Path, kind: str, suffix: str, codes: set[str]) -> None:
    clip = damaged(kind, tmp_path / f"clip{suffix}")
    with pytest.raises(CoreError) as refused:
        extract(clip, tmp_path / "frames")
    assert refused.value.code in codes
    assert str(tmp_path) not in refused.value.message
    assert refused.value.message.endswith((".", "there."))
