"""What becomes of the work when a page, a core or the server goes away, and when two people work at once?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.page import Page, in_one_engine
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import SAVE_SECONDS, Mask, Viewer, capsules
from tests.helpers.clips import HEIGHT, WIDTH, uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import unpack
from tracking.contracts.masks import decode_mask

OpenPage = Callable[..., Page]
StartCore = Callable[..., CoreProcess]
RADIUS = 12


def on_server(stack: Stack, exam: int, frame: int) -> Mask:
    """The annotation that the server serves for a frame."""
    study, series = uids(exam - 1)
    archive = unpack(stack.server.get(f"/api/masks/{study}/{series}").content)
    found = [
        e for e in archive.metadata["frames"] if e["frame_number"] == frame and e["is_annotation"] and e["has_mask"]
    ]
    pixels = decode_mask(archive.masks[found[0]["filename"]], WIDTH, HEIGHT)
    return np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH) == 255


def test_a_page_that_dies_loses_at_most_its_last_stroke(open_page: OpenPage, start_core: StartCore, exam: int) -> None:
    core = start_core(f"page{exam}@example.org")
    viewer = Viewer(open_page()).open(core.address, exam)
    viewer.go_to(7)
    first = capsules(viewer.paint((20, 20), (40, 20)), RADIUS, WIDTH, HEIGHT)
    viewer.wait_written()
    second = capsules(viewer.paint((60, 40), (80, 40)), RADIUS, WIDTH, HEIGHT)
    viewer.page.kill()
    again = Viewer(open_page()).open(core.address, exam)
    kept = again.mask(7)
    assert np.array_equal(kept, first) or np.array_equal(kept, first | second)
    assert again.state()["unsaved"] == [7]


def test_a_core_that_dies_loses_nothing_written_and_undo_goes_on(
    open_page: OpenPage, start_core: StartCore, exam: int
) -> None:
    name = f"core{exam}@example.org"
    core = start_core(name)
    viewer = Viewer(open_page()).open(core.address, exam)
    viewer.go_to(7)
    first = capsules(viewer.paint((20, 20), (40, 20)), RADIUS, WIDTH, HEIGHT)
    second = first | capsules(viewer.paint((60, 40), (80, 40)), RADIUS, WIDTH, HEIGHT)
    viewer.wait_written()
    core.kill()
    viewer.paint((20, 50))  # nobody is there to write this one down
    viewer.page.kill()
    core = start_core(name)
    again = Viewer(open_page()).open(core.address)
    assert again.state()["name"] == f"Exam {exam}, Series 1", "the exam with unsaved work opens first"
    assert np.array_equal(again.mask(7), second)
    again.page.key("Mod+Z")
    again.page.wait_for("goobusters.state().frame === 7", "undo to go to its frame")
    assert np.array_equal(again.assert_screen_is_model(), first)


def test_offline_work_is_kept_and_goes_up_by_itself(viewer: Viewer, stack: Stack, exam: int) -> None:
    viewer.go_to(3)
    stack.server.stop()
    viewer.page.wait_for("document.querySelector('[data-kind=offline]') !== null", "the calm mark")
    viewer.paint((20, 15), (60, 30))
    painted = viewer.mask()
    viewer.page.key("Mod+S")
    viewer.page.wait_for("goobusters.state().series.save?.state === 'offline'", "the save to wait")
    viewer.paint((20, 50))
    later = viewer.mask()
    stack.server.start()
    viewer.page.wait_for(
        "!goobusters.state().series.save && goobusters.state().series.version_id", "the save to go up", SAVE_SECONDS
    )
    viewer.page.wait_for("document.querySelector('[data-kind=offline]') === null", "the mark to go")
    saved = on_server(stack, exam, 3)
    assert np.array_equal(saved, painted) or np.array_equal(saved, later)
    assert np.array_equal(viewer.assert_screen_is_model(), later), "what was painted meanwhile is still there"
    if not np.array_equal(saved, later):
        assert viewer.state()["unsaved"] == [3]


@pytest.fixture
def two_people(open_page: OpenPage, start_core: StartCore, exam: int) -> tuple[Viewer, Viewer]:
    """Ann and Bob with the same exam open, each on a computer of their own."""
    cores = [start_core(f"{name}{exam}@example.org") for name in ("ann", "bob")]
    ann, bob = (Viewer(open_page()).open(core.address, exam) for core in cores)
    return ann, bob


def test_drawings_of_two_people_on_different_frames_are_joined(
    two_people: tuple[Viewer, Viewer], stack: Stack, exam: int
) -> None:
    ann, bob = two_people
    for viewer, frame in ((ann, 2), (bob, 5)):
        viewer.go_to(frame)
        viewer.paint((70, 20))
        viewer.wait_written()
    hers, his = ann.mask(2), bob.mask(5)
    ann.save()
    bob.save()
    assert np.array_equal(on_server(stack, exam, 2), hers)
    assert np.array_equal(on_server(stack, exam, 5), his)
    assert np.array_equal(bob.mask(2), hers)
    assert np.array_equal(bob.mask(5), his)


def test_the_same_frame_asks_and_loses_nothing(two_people: tuple[Viewer, Viewer], stack: Stack, exam: int) -> None:
    ann, bob = two_people
    for viewer, x in ((ann, 30), (bob, 70)):
        viewer.go_to(7)
        viewer.paint((x, 30))
        viewer.wait_written()
    hers, his = ann.mask(7), bob.mask(7)
    ann.save()
    bob.page.key("Mod+S")
    bob.page.wait_for("document.querySelector('dialog[open] .pictures canvas') !== null", "the question")
    assert "ann" in bob.page.evaluate("document.querySelector('dialog[open]').textContent")
    bob.page.click("dialog[open] .dialog-foot .main")
    bob.page.wait_for("((s) => !s.series.save && s.unsaved.length === 0)(goobusters.state())", "the answer to be saved")
    assert np.array_equal(on_server(stack, exam, 7), hers | his)


@in_one_engine
def test_two_tabs_see_each_others_strokes(open_page: OpenPage, start_core: StartCore, exam: int) -> None:
    core = start_core(f"tabs{exam}@example.org")
    one, other = (Viewer(open_page()).open(core.address, exam) for _ in range(2))
    for viewer, x in ((one, 20), (other, 70)):
        viewer.go_to(7)
        viewer.paint((x, 30))
        viewer.wait_written()
    both = capsules([one.to_picture(one.to_page(20, 30))], RADIUS, WIDTH, HEIGHT)
    both |= capsules([other.to_picture(other.to_page(70, 30))], RADIUS, WIDTH, HEIGHT)
    for viewer in (one, other):
        viewer.wait_mask(7, both)
        viewer.assert_screen_is_model()


@in_one_engine
def test_an_answer_that_is_older_than_the_news_changes_nothing(
    open_page: OpenPage, start_core: StartCore, exam: int
) -> None:
    viewer = Viewer(open_page()).open(start_core(f"late{exam}@example.org").address)
    page = viewer.page
    page.evaluate(
        """((real) => {
          window.fetch = async (request, ...more) => {
            const answer = await real(request, ...more);
            if (!String(request.url ?? request).endsWith("/open")) return answer;
            while (!goobusters.state().can_edit) await new Promise((resolve) => setTimeout(resolve, 20));
            window.seen = [];
            setInterval(() => window.seen.push(goobusters.state().series.state), 1);
            const early = { ...(await answer.json()), state: "downloading" }; // as it was when the exam was chosen
            return new Response(JSON.stringify(early), answer);
          };
        })(window.fetch)"""
    )
    viewer.choose(exam)
    assert set(page.wait_for("window.seen?.length > 50 && window.seen", "the late answer")) == {"ready"}


@in_one_engine
def test_an_exam_that_could_not_be_tracked_is_drawn_on_and_a_save_tracks_it(
    open_page: OpenPage, start_core: StartCore, tmp_path: Path, exam: int
) -> None:
    [key] = write_dataset(tmp_path / "clips", 1)
    in_the_way = tmp_path / "masks" / "dis" / "_".join(key) / "masks_temp.annotations"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_bytes(b"")  # the server cannot write masks here
    dataset = f"folder:{tmp_path / 'clips'}"
    with ServerProcess(tmp_path, DATASET=dataset, MASK_STORAGE_PATH=str(tmp_path / "masks")) as server:
        server.wait_ready()
        core = start_core(f"untracked{exam}@example.org", DATASET=dataset, SERVER_URL=server.address)
        viewer = Viewer(open_page()).open(core.address)
        box = viewer.page.evaluate("document.querySelector('#topbar .chip-button').getBoundingClientRect().toJSON()")
        assert min(box["width"], box["height"]) >= 44
        viewer.page.click("#topbar .chip-button")
        viewer.page.wait_for("document.getElementById('toasts').textContent.includes('Draw as usual')", "the sentence")
        viewer.go_to(3)
        viewer.paint((40, 30))
        painted = viewer.assert_screen_is_model()
        assert painted.any() and viewer.kind(4) == "none"
        in_the_way.unlink()
        viewer.save()
        assert np.array_equal(viewer.mask(3), painted)
        viewer.page.wait_for("goobusters.maskPixels(4).kind === 'tracked'", "frame 4 to be tracked")
        viewer.page.wait_for("document.querySelector('#topbar .chip-button') === null", "the sign to go")
