"""Is the known motion really known, and does flow find it within half a pixel?"""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tracking.helpers import dice, texture, write_annotations, write_frames
from tracking.errors import ClipError
from tracking.flow import find_method, flow_between
from tracking.motion import Motion
from tracking.open_clip import open_clip
from tracking.params import Params
from tracking.semisynthetic import MadeMotion, SemiSynthetic, base_picture, ellipse, main, write_pictures
from tracking.track import track

HEIGHT, WIDTH = 240, 320
LIVELY = MadeMotion(amplitude=0.04, period=20)


@pytest.fixture(scope="module")
def made() -> SemiSynthetic:
    picture = cv2.cvtColor(texture(HEIGHT, WIDTH, seed=5), cv2.COLOR_GRAY2BGR)
    return SemiSynthetic(picture, 12, seed=3, motion=LIVELY)


def test_same_seed_same_clip_other_seed_other_clip(made: SemiSynthetic) -> None:
    again = SemiSynthetic(made.picture, 12, seed=3, motion=LIVELY)
    other = SemiSynthetic(made.picture, 12, seed=4, motion=LIVELY)
    for one, two, three in zip(made.frames(), again.frames(), other.frames(), strict=True):
        assert np.array_equal(one, two)
        assert not np.array_equal(one, three)


def test_speckle_forgets_itself_at_the_rate_that_was_asked_for() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)  # nothing but speckle to be seen, whatever moves
    motion = MadeMotion(amplitude=0, speckle=0.15, decorrelation=4)
    frames = [frame[..., 0].astype(np.float32) for frame in SemiSynthetic(flat, 9, 1, motion).frames()]
    alike = [float(np.corrcoef(frames[0].ravel(), frames[later].ravel())[0, 1]) for later in (1, 4, 8)]
    assert alike == pytest.approx([np.exp(-later / 4) for later in (1, 4, 8)], abs=0.06)


def test_first_frame_is_in_place_and_inversion_is_exact(made: SemiSynthetic) -> None:
    points = np.random.default_rng(0).uniform(0, 200, (50, 2))
    assert np.abs(made.offset(0, points)).max() == 0
    there = made.locate(7, points)
    assert np.abs(there + made.offset(7, there) - points).max() < 1e-6
    assert np.abs(there - points).max() > 2


def test_flow_there_and_back_is_nothing(made: SemiSynthetic) -> None:
    there, back = made.flow(2, 9), made.flow(9, 2)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    returned = there + cv2.remap(back, columns + there[..., 0], rows + there[..., 1], cv2.INTER_LINEAR)
    assert np.abs(returned[30:-30, 30:-30]).max() < 0.02


@pytest.mark.parametrize("name", ["dis", "farneback"])
def test_flow_methods_find_the_known_motion_below_a_pixel(made: SemiSynthetic, name: str) -> None:
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in made.frames()]
    found = flow_between(find_method(name), frames[3], frames[4])
    error = np.linalg.norm(found - made.flow(3, 4), axis=2)[20:-20, 20:-20]
    assert np.linalg.norm(made.flow(3, 4), axis=2).mean() > 0.5
    assert np.median(error) < 0.15 and np.percentile(error, 95) < 0.5


def test_kept_flow_has_the_known_motion_below_half_a_pixel(made: SemiSynthetic, tmp_path: Path) -> None:
    write_pictures(made.frames(), tmp_path / "clip")
    with Motion(open_clip(tmp_path / "clip"), find_method("dis"), Params()) as motion:
        grid_height, grid_width = motion.grid_size
        for known, found in ((made.flow(3, 4), motion.forward(3)), (made.flow(4, 3), motion.backward(4))):
            wide = cv2.resize(found, (WIDTH, HEIGHT)) * [WIDTH / grid_width, HEIGHT / grid_height]
            error = np.linalg.norm(wide - known, axis=2)[20:-20, 20:-20]
            assert np.median(error) < 0.15 and np.percentile(error, 95) < 0.5


def test_masks_carried_along_are_the_known_ones(made: SemiSynthetic, tmp_path: Path) -> None:
    write_pictures(made.frames(), tmp_path / "clip")
    region = ellipse(WIDTH, HEIGHT)
    given = write_annotations(tmp_path / "a", {0: made.mask(0, region)})
    track(tmp_path / "clip", given, tmp_path / "out")
    for number in range(1, made.frame_count):
        tracked = cv2.imread(str(tmp_path / "out" / f"frame_{number + 1:06d}.webp"), cv2.IMREAD_GRAYSCALE)
        assert dice(tracked, made.mask(number, region)) > 0.975, number


def test_command_makes_a_video_and_outlines(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "source", [cv2.cvtColor(texture(60, 80), cv2.COLOR_GRAY2BGR)])
    (tmp_path / "region.json").write_text("[[20, 20], [50, 20], [50, 40]]")
    arguments = ["--frames", "5", "--size", "160x120", "--region", str(tmp_path / "region.json")]
    code = main([str(source), str(tmp_path / "made.mp4"), *arguments, "--outlines", str(tmp_path / "outlines.json")])
    clip = open_clip(tmp_path / "made.mp4")
    outlines = json.loads((tmp_path / "outlines.json").read_text())
    assert (code, clip.width, clip.height, clip.frame_count) == (0, 160, 120, 5)
    assert [outline["frame_number"] for outline in outlines] == [0, 1, 2, 3, 4]
    assert outlines[0]["vertices"] == [[40.5, 40.5], [100.5, 40.5], [100.5, 80.5]]


def test_missing_source_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.mp4"), str(tmp_path / "made.mp4")]) == 1
    assert capsys.readouterr().err == "semisynthetic: There is no clip at this place.\n"
    with pytest.raises(ClipError):
        base_picture(tmp_path / "none.mp4", 10, 10)


@pytest.mark.parametrize("option", [("--size", "640"), ("--size", "0x480"), ("--frames", "0"), ("--frames", "many")])
def test_sizes_and_numbers_that_cannot_be(tmp_path: Path, option: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["clip.mp4", str(tmp_path / "made.mp4"), *option])
    assert caught.value.code == 2


@pytest.mark.parametrize("text", ["{", "{}", "[]", "[[1, 2], [3, 4]]", "[[1, 2, 3]]", "[[1, 2], [3, NaN], [5, 6]]"])
def test_a_region_that_is_no_polygon(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_frames(tmp_path / "source", [cv2.cvtColor(texture(60, 80), cv2.COLOR_GRAY2BGR)])
    (tmp_path / "region.json").write_text(text)
    more = ["--frames", "2", "--size", "80x60", "--region", str(tmp_path / "region.json")]
    assert main([str(source), str(tmp_path / "made"), *more, "--outlines", str(tmp_path / "outlines.json")]) == 1
    assert "no polygon" in capsys.readouterr().err and not (tmp_path / "outlines.json").exists()
