"""Are all pages reachable, in order for screen readers, alone with their core, and do the settings do what they say?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests

from server.auth import make_token
from tests.browser.checks import load_axe, problems_for_people
from tests.browser.page import Look, Page
from tests.browser.stack import CoreProcess, Stack
from tests.browser.viewer import Viewer, click_text, narrow_width
from tests.helpers.clips import write_dataset
from tests.helpers.server_process import ServerProcess

OpenPage = Callable[..., Page]
StartCore = Callable[..., CoreProcess]
DIALOGS = ("exams", "history", "settings", "help", "first_start")
CLOSE = "document.querySelectorAll('dialog').forEach((dialog) => dialog.close())"


def show(viewer: Viewer, dialog: str) -> None:
    viewer.page.evaluate(f"({CLOSE}, null)")
    viewer.run(dialog)
    viewer.page.wait_for("document.querySelector('dialog[open] h2') !== null", dialog)
    viewer.page.wait_for("document.querySelector('[aria-busy=true]') === null", f"all of {dialog}")
    viewer.page.still()


@pytest.mark.parametrize("is_narrow", [False, True], ids=["wide-light", "narrow-dark"])
def test_every_page_serves_everybody_and_asks_no_other_host(
    open_page: OpenPage, start_core: StartCore, engine: str, is_narrow: bool
) -> None:
    look = Look(narrow_width(engine), 780, is_dark=True) if is_narrow else Look()
    core = start_core(f"axe{look.width}@example.org")
    viewer = Viewer(open_page(look)).open(core.address)
    origin = core.address.partition("/?")[0]
    load_axe(viewer.page)
    found = {}
    for name in ("viewer", *DIALOGS):
        if name != "viewer":
            show(viewer, name)
        found[name] = problems_for_people(viewer.page)
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert viewer.page.problems() == []
    assert {
        address for address in viewer.page.requests() if not address.startswith((origin, "blob:", "data:"))
    } == set()


def test_the_policy_forbids_other_hosts_and_inline_scripts(open_page: OpenPage, start_core: StartCore) -> None:
    core = start_core("policy@example.org")
    page = Viewer(open_page()).open(core.address).page
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.wasRun = 1\">')")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.wasRun = 1'}))"
    )
    blocked = "await fetch('https://example.org/').then(() => 'allowed', (error) => error.name)"
    assert page.evaluate(blocked) == "TypeError"
    page.settle()
    assert page.evaluate("window.wasRun ?? null") is None
    policy = requests.get(core.address, timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_every_dialog_is_left_by_escape_and_gives_the_keys_back(viewer: Viewer) -> None:
    for dialog in DIALOGS:
        show(viewer, dialog)
        viewer.page.key("Escape")
        viewer.page.wait_for("document.querySelector('dialog') === null", f"{dialog} to close")
    frame = viewer.state()["frame"]
    viewer.page.key("ArrowRight")
    viewer.page.wait_for("goobusters.state().frame === next", "the arrow key to work again", next=frame + 1)


def test_settings_are_kept_and_taken_up_at_once(viewer: Viewer) -> None:
    page = viewer.page
    show(viewer, "settings")
    click_text(page, "Dark")
    page.wait_for("document.documentElement.dataset.theme === 'dark'", "dark colours")
    click_text(page, "Left-handed")
    page.wait_for(
        "document.getElementById('toolbar').getBoundingClientRect().left > innerWidth / 2", "tools on the right"
    )
    page.click('[data-action="eraser"] button')
    page.key("k")
    page.wait_for("document.querySelector('[data-action=eraser] button').textContent === 'K'", "the new key")
    page.key("Escape")
    page.click("#stage")
    page.key("k")
    page.wait_for("goobusters.state().tool === 'eraser'", "the new key to work")
    page.key("]")
    page.key("o")
    size = round(2 * viewer.state()["brush_radius"], 1)
    kept = "((s) => s.is_outline_only && s.brush_size === size)(await (await fetch('/api/settings')).json())"
    page.wait_for(kept, "size and outline to be kept", size=size)
    viewer.reload()
    assert round(2 * viewer.state()["brush_radius"], 1) == size != 24
    assert page.evaluate("[document.documentElement.dataset.theme, document.documentElement.dataset.hand]") == [
        "dark",
        "left",
    ]
    viewer.run("help")
    keys = "[...document.querySelectorAll('.help-row')].map((row) => row.textContent)"
    assert "EraserK" in page.evaluate(keys)


def test_two_actions_on_one_key_are_shown(viewer: Viewer) -> None:
    show(viewer, "settings")
    viewer.page.click('[data-action="lasso"] button')
    viewer.page.key("b")
    viewer.page.wait_for(
        "document.querySelectorAll('.shortcut-row[data-clashes]').length === 2", "both rows to be marked"
    )
    assert "Brush" in viewer.page.evaluate("document.querySelector('[data-action=lasso] .quiet').textContent")
    viewer.page.click('[data-action="lasso"] button:last-child')
    viewer.page.wait_for("document.querySelectorAll('.shortcut-row[data-clashes]').length === 0", "the clash to go")


def test_the_first_start_leads_to_the_server_in_three_steps(
    open_page: OpenPage, start_core: StartCore, stack: Stack, exam: int
) -> None:
    core = start_core(f"first{exam}", SERVER_URL=None, USER_EMAIL=None)
    page = open_page()
    page.open(core.address)
    page.wait_for("document.querySelector('dialog.first-start input') !== null", "the first step")
    page.text("nobody")
    page.key("Enter")
    page.wait_for("document.querySelector('dialog.first-start [data-tone=warn]') !== null", "a word about the address")
    page.evaluate("document.querySelector('dialog.first-start input').select()")
    page.text("new@example.org")
    page.key("Enter")
    page.wait_for("document.querySelector('dialog.first-start h3').textContent.includes('server')", "the second step")
    page.text(stack.url)
    page.key("Enter")
    page.wait_for("document.querySelector('dialog.first-start h3').textContent.includes('works')", "the third step")
    click_text(page, "Start")
    page.wait_for("document.querySelector('dialog') === null && goobusters.state().can_edit", "an exam to work on")
    assert page.evaluate("(await (await fetch('/api/session')).json()).editor") == "new@example.org"


def test_a_token_goes_in_and_never_comes_out(open_page: OpenPage, start_core: StartCore, exam: int) -> None:
    core = start_core(f"token{exam}@example.org")
    viewer = Viewer(open_page()).open(core.address)
    show(viewer, "settings")
    secret = "very-secret-token-4711"
    viewer.page.click("#field-access-token")
    viewer.page.text(secret)
    viewer.page.key("Enter")
    viewer.page.wait_for("(await (await fetch('/api/settings')).json()).has_token", "the token to be kept")
    assert secret not in viewer.page.evaluate("JSON.stringify(await (await fetch('/api/settings')).json())")
    viewer.page.evaluate(f"({CLOSE}, null)")
    show(viewer, "settings")
    page_text = (
        "document.documentElement.outerHTML + [...document.querySelectorAll('input')].map((i) => i.value).join()"
    )
    assert secret not in viewer.page.evaluate(page_text)
    core.stop()
    written = [path for path in core.directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert written == []


def test_a_token_that_has_run_out_is_replaced_in_the_settings(
    open_page: OpenPage, start_core: StartCore, tmp_path: Path, exam: int
) -> None:
    write_dataset(tmp_path / "clips", 1)
    token = make_token(tmp_path / "tokens.json", "ann@example.org")
    with ServerProcess(tmp_path, DATASET="folder:clips", AUTH="tokens", RETRACK_WORKERS="1") as server:
        settings = {"DATASET": f"folder:{tmp_path / 'clips'}", "SERVER_URL": server.address}
        core = start_core(f"stale{exam}@example.org", **settings)
        page = open_page()
        page.open(core.address)
        page.wait_for("document.querySelector('[data-kind=token]') !== null", "a word that access has run out")
        show(Viewer(page), "settings")
        page.click("#field-access-token")
        page.text(token)
        page.key("Enter")
        page.wait_for("goobusters.state().can_edit", "the exam to be editable")
        page.wait_for("document.querySelector('[data-kind=token]') === null", "the word to go")


def test_nothing_moves_for_who_asked_for_that(open_page: OpenPage, start_core: StartCore) -> None:
    core = start_core("still@example.org")
    viewer = Viewer(open_page(Look(has_reduced_motion=True))).open(core.address)
    show(viewer, "help")
    slow = "[...document.querySelectorAll('*')].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0)"
    assert viewer.page.evaluate(f"document.getAnimations().length + {slow}.length") == 0


def test_an_exam_is_removed_from_this_computer_and_its_unsaved_work_kept(
    open_page: OpenPage, start_core: StartCore, exam: int
) -> None:
    core = start_core(f"purge{exam}@example.org")
    viewer = Viewer(open_page()).open(core.address, exam)
    viewer.go_to(7)
    viewer.paint((40, 30))
    painted = viewer.mask()
    viewer.wait_written()
    on_disk = len(list(core.directory.rglob("frame_*.png")))
    show(viewer, "settings")
    click_text(viewer.page, "Remove this exam")
    viewer.page.wait_for("document.querySelector('dialog.question') !== null", "the question")
    viewer.page.click("dialog.question .danger")
    viewer.page.wait_for("document.getElementById('toasts').textContent.includes('Removed')", "the exam to be gone")
    assert viewer.page.evaluate("document.querySelector('#page h1').textContent") == "No exam is open"
    viewer.page.key("Mod+S")  # by habit
    viewer.page.settle()
    assert "wrong" not in viewer.page.evaluate("document.getElementById('toasts').textContent")
    assert len(list(core.directory.rglob("frame_*.png"))) < on_disk
    viewer.choose(exam)
    viewer.go_to(7)
    assert np.array_equal(viewer.assert_screen_is_model(), painted)


def test_an_earlier_version_is_looked_at_and_comes_back(viewer: Viewer) -> None:
    viewer.go_to(3)
    viewer.paint((20, 15), (60, 30))
    first = viewer.mask()
    viewer.save()
    viewer.paint((70, 50))
    viewer.save()
    assert (viewer.mask() != first).any()
    show(viewer, "history")
    page = viewer.page
    rows = "[...document.querySelectorAll('.version-list button b')].map((name) => name.textContent)"
    page.wait_for(f"{rows}.length === 3", "two versions and what the data set says")
    names = page.evaluate(rows)
    assert names[2] == "From the data set" and names[0] == names[1] != names[2]
    page.click(".version-list button:nth-child(2)")
    page.wait_for("document.querySelector('.version-preview .main')?.disabled === false", "the version to be shown")
    page.click(".version-preview .main")
    page.wait_for("document.querySelector('dialog.question') !== null", "the question")
    page.click("dialog.question .main")
    page.wait_for("document.querySelectorAll('dialog').length === 0", "the version to be brought back")
    viewer.page.wait_for(
        "((s) => !s.series.save && s.series.version_id === s.series.base_version_id)(goobusters.state())", "its masks"
    )
    page.wait_for("goobusters.state().can_edit")
    viewer.wait_mask(3, first)  # the new base arrives in place, a moment after the news of it
