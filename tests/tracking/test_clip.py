"""Is every kind of clip read as a viewer would show it, frame for frame, and every broken one refused?"""

from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage, generate_uid

from tests.tracking.helpers import moving_clip, texture, write_frames
from tracking.errors import Cancelled, ClipError
from tracking.open_clip import open_clip
from tracking.semisynthetic import write_video

SHARED_CLIPS = Path(__file__).resolve().parents[3] / "shared" / "bench" / "clips"


def write_dicom(path: Path, stored: np.ndarray | list[bytes], photometric: str, **tags: object) -> Path:
    """A DICOM file of `stored`: (frames, rows, columns[, 3]) pixels, or JPEG frames."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    meta.TransferSyntaxUID = JPEGBaseline8Bit if isinstance(stored, list) else ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    if isinstance(stored, list):
        first = cv2.imdecode(np.frombuffer(stored[0], np.uint8), cv2.IMREAD_UNCHANGED)
        data.Rows, data.Columns, data.BitsAllocated = *first.shape[:2], 8
        data.SamplesPerPixel = first.ndim if first.ndim == 3 else 1
        data.PixelData = encapsulate(stored)
    else:
        data.Rows, data.Columns = stored.shape[1:3]
        data.SamplesPerPixel, data.BitsAllocated = (3 if stored.ndim == 4 else 1), 8 * stored.itemsize
        data.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.NumberOfFrames, data.PixelRepresentation, data.PhotometricInterpretation = len(stored), 0, photometric
    data.BitsStored, data.HighBit = data.BitsAllocated, data.BitsAllocated - 1
    for tag, value in tags.items():
        setattr(data, tag, value)
    data.save_as(path, enforce_file_format=True)
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    clip = open_clip(path)
    frames = list(clip.frames())
    assert len(frames) == clip.frame_count
    assert all(f.dtype == np.uint8 and f.shape == (clip.height, clip.width, 3) for f in frames)
    return frames


def code_of(path: Path) -> str:
    with pytest.raises(ClipError) as caught:
        frames_of(path)
    assert str(caught.value).endswith(".") and str(path.parent) not in str(caught.value)
    return caught.value.code


def test_folder_is_read_in_name_order_with_png_and_jpeg(tmp_path: Path) -> None:
    for name, value in (("b.png", 200), ("a.JPG", 100), ("c.jpeg", 50), (".d.png", 1), ("e.txt", 2)):
        suffix = ".jpg" if "J" in name or "jpeg" in name else ".png"
        (tmp_path / name).write_bytes(cv2.imencode(suffix, np.full((8, 10, 3), value, np.uint8))[1].tobytes())
    assert [int(frame[0, 0, 0]) for frame in frames_of(tmp_path)] == [100, 200, 50]


def test_picture_kinds_become_bgr(tmp_path: Path) -> None:
    deep = np.full((6, 7), 0x8000, np.uint16)
    colour = np.dstack([np.full((6, 7), value, np.uint8) for value in (10, 20, 30)])
    alpha = np.dstack([colour, np.zeros((6, 7), np.uint8)])
    for number, picture in enumerate((deep, colour, alpha)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    deep_shown, colour_shown, alpha_shown = frames_of(tmp_path)
    assert (deep_shown == 128).all() and (colour_shown == colour).all() and (alpha_shown == colour).all()


def test_one_picture_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "clip", moving_clip(3)[0])
    assert open_clip(folder / "00001.png").frame_count == 1


def test_video_has_the_frames_that_decode(tmp_path: Path) -> None:
    frames = moving_clip(7, 96, 128)[0]
    write_video(iter(frames), tmp_path / "clip.mp4")
    shown = frames_of(tmp_path / "clip.mp4")
    assert len(shown) == 7
    assert all(np.abs(one.astype(int) - other).mean() < 6 for one, other in zip(shown, frames, strict=True))
    assert np.array_equal(open_clip(tmp_path / "clip.mp4").frame(4), shown[4])


@pytest.mark.skipif(not SHARED_CLIPS.is_dir(), reason="needs ../shared/bench/clips beside the clone")
@pytest.mark.parametrize(
    ("name", "count", "width", "height"),
    [
        ("liver_sweep.h264", 140, 739, 593),
        ("lung_pat1.mpeg", 183, 370, 370),
        ("lung_prospective1.mp4", 151, 278, 278),
        ("lung_convex_v4.mov", 405, 414, 414),
    ],
)
def test_real_videos_are_counted_by_decoding(name: str, count: int, width: int, height: int) -> None:
    clip = open_clip(SHARED_CLIPS / name)
    assert (clip.frame_count, clip.width, clip.height) == (count, width, height)
    assert sum(1 for _ in clip.frames()) == count


def test_real_echo_cine_is_shown_in_colour() -> None:
    frames = frames_of(Path(pydicom.examples.get_path("ybr_color")))
    assert len(frames) == 30 and frames[0].shape == (240, 320, 3)
    blue, green, red = (int(value) for value in frames[0][226:239, 40:280].reshape(-1, 3).mean(0))
    assert blue > green > red, "the bar at the bottom is blue"


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_dicom_grey_8_bit(tmp_path: Path, photometric: str) -> None:
    stored = np.stack([texture(20, 31, seed) for seed in range(3)])
    for frame, values in zip(frames_of(write_dicom(tmp_path / "a.dcm", stored, photometric)), stored, strict=True):
        assert np.array_equal(frame[..., 1], 255 - values if photometric == "MONOCHROME1" else values)


def test_dicom_16_bit_without_window_spans_the_whole_clip(tmp_path: Path) -> None:
    stored = np.zeros((2, 4, 5), np.uint16)
    stored[0, 0, 0], stored[1, 0, 0], stored[1, 1, 1] = 100, 4100, 2100
    stored[stored == 0] = 100
    first, second = frames_of(write_dicom(tmp_path / "a.dcm", stored, "MONOCHROME2"))
    assert (first == 0).all() and second[0, 0, 0] == 255 and second[1, 1, 1] == 128


def test_dicom_16_bit_with_window_and_slope(tmp_path: Path) -> None:
    stored = np.array([[[0, 500, 1000, 2000, 4000]]], np.uint16)
    window = {"WindowCenter": 1000, "WindowWidth": 1000, "RescaleSlope": 1, "RescaleIntercept": 0}
    (frame,) = frames_of(write_dicom(tmp_path / "a.dcm", stored, "MONOCHROME2", **window))
    shown = frame[0, :, 0].astype(int).tolist()
    assert shown[0] == 0 and shown[1] <= 1 and abs(shown[2] - 128) <= 1 and shown[3:] == [255, 255]


def test_dicom_rgb_jpeg_and_palette(tmp_path: Path) -> None:
    colour = np.zeros((2, 16, 16, 3), np.uint8)
    colour[..., 0] = 200  # red
    assert (frames_of(write_dicom(tmp_path / "rgb.dcm", colour, "RGB"))[1] == [0, 0, 200]).all()

    encoded = [cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes() for frame in colour]
    red = frames_of(write_dicom(tmp_path / "ybr.dcm", encoded, "YBR_FULL_422"))[1].reshape(-1, 3).mean(0)
    assert np.abs(red - [0, 0, 200]).max() < 4

    tables = {}
    for name, value in (("Red", 50), ("Green", 100), ("Blue", 150)):
        table = np.full(256, value << 8, "<u2")
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = table.tobytes()
    palette = write_dicom(tmp_path / "palette.dcm", np.zeros((1, 4, 4), np.uint8), "PALETTE COLOR", **tables)
    assert (frames_of(palette)[0] == [150, 100, 50]).all()


def test_missing_and_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    assert code_of(tmp_path / "none.mp4") == "CLIP_MISSING"
    assert code_of(tmp_path / "empty.mp4") == "CLIP_EMPTY"
    assert code_of(tmp_path / "folder") == "CLIP_EMPTY"


@pytest.mark.parametrize("name", ["noise.mp4", "noise.dcm", "noise.h264", "noise"])
def test_noise_is_unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(1).bytes(5000))
    assert code_of(tmp_path / name) == "CLIP_UNREADABLE"


@pytest.mark.parametrize("name", ["text.png", "cut.png", "cut.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_folder_with_a_broken_picture_is_unreadable(tmp_path: Path, name: str, share: float) -> None:
    folder = write_frames(tmp_path / "clip", moving_clip(2)[0])
    encoded = cv2.imencode(Path(name).suffix, texture(96, 128))[1].tobytes()
    (folder / name).write_bytes(b"no picture" if name == "text.png" else encoded[: int(len(encoded) * share)])
    assert code_of(folder) == "CLIP_UNREADABLE"


def test_pictures_of_different_sizes_are_refused(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "clip", moving_clip(2)[0])
    cv2.imwrite(str(folder / "00009.png"), texture(96, 127))
    assert code_of(folder) == "CLIP_SIZES_DIFFER"


def test_cut_off_video_is_refused(tmp_path: Path) -> None:
    write_video(iter(moving_clip(40, 96, 128)[0]), tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert code_of(tmp_path / "cut.mp4") in ("CLIP_UNREADABLE", "CLIP_TRUNCATED")


def test_video_whose_data_ends_early_though_its_header_is_whole(tmp_path: Path) -> None:
    write_video(iter(moving_clip(40, 96, 128)[0]), tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    media, table = data.index(b"mdat") - 4, data.index(b"moov") - 4
    assert media < table, "OpenCV writes the table last"
    start = media + (table - media) // 2
    (tmp_path / "cut.mp4").write_bytes(data[:start] + b"\0" * (table - start) + data[table:])
    assert code_of(tmp_path / "cut.mp4") == "CLIP_TRUNCATED"


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_off_dicom_is_refused(tmp_path: Path, share: float) -> None:
    whole = write_dicom(tmp_path / "a.dcm", np.stack([texture(40, 50, s) for s in range(6)]), "MONOCHROME2")
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    assert code_of(whole) in ("CLIP_UNREADABLE", "CLIP_TRUNCATED")


def test_dicom_without_pictures_is_unreadable(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((1, 4, 4), np.uint8), "MONOCHROME2")
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)
    assert code_of(path) == "CLIP_UNREADABLE"
    del data.Rows
    data.save_as(path)
    assert code_of(path) == "CLIP_UNREADABLE"


def test_digest_depends_on_content_and_order_only(tmp_path: Path) -> None:
    frames = moving_clip(3)[0]
    one, two = write_frames(tmp_path / "one", frames), write_frames(tmp_path / "two", frames)
    other = write_frames(tmp_path / "other", frames[::-1])
    assert open_clip(one).digest == open_clip(two).digest != open_clip(other).digest


def test_counting_and_hashing_can_be_cancelled(tmp_path: Path) -> None:
    write_video(iter(moving_clip(5)[0]), tmp_path / "clip.mp4")
    clip = open_clip(tmp_path / "clip.mp4", cancelled=lambda: True)
    with pytest.raises(Cancelled):
        _ = clip.frame_count
    with pytest.raises(Cancelled):
        _ = clip.digest


def test_looking_for_the_range_of_a_16_bit_dicom_can_be_cancelled(tmp_path: Path) -> None:
    stored = np.arange(2 * 4 * 5, dtype=np.uint16).reshape(2, 4, 5)
    clip = open_clip(write_dicom(tmp_path / "a.dcm", stored, "MONOCHROME2"), cancelled=lambda: True)
    with pytest.raises(Cancelled):
        next(clip.frames())
