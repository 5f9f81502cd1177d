"""What does somebody see who has nothing to open yet: no server, no access, no exams?

Each page says what to do, and goes away by itself once that was done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from server.auth import make_token
from tests.browser.page import Page, in_one_engine
from tests.browser.stack import CoreProcess
from tests.browser.viewer import click_text
from tests.helpers.server_process import ServerProcess

OpenPage = Callable[..., Page]
StartCore = Callable[..., CoreProcess]


def wait_for_title(page: Page, title: str) -> None:
    page.wait_for("document.querySelector('#page:not([hidden]) h1')?.textContent === title", title, title=title)


def test_access_that_has_run_out_and_then_a_data_set_without_exams(
    open_page: OpenPage, start_core: StartCore, tmp_path: Path, exam: int
) -> None:
    (tmp_path / "clips").mkdir()
    token = make_token(tmp_path / "tokens.json", "ann@example.org")
    with ServerProcess(tmp_path, DATASET="folder:clips", AUTH="tokens", RETRACK_WORKERS="1") as server:
        dataset = f"folder:{tmp_path / 'clips'}"
        core = start_core(f"empty{exam}@example.org", DATASET=dataset, SERVER_URL=server.address)
        page = open_page()
        page.open(core.address)
        wait_for_title(page, "Your access has run out")
        click_text(page, "Open the settings")
        page.wait_for("document.querySelector('dialog.settings') !== null", "the settings")
        page.click("#field-access-token")
        page.text(token)
        page.key("Enter")
        wait_for_title(page, "No exams yet")
        page.key("Escape")
        page.wait_for("document.querySelector('dialog') === null", "the settings to close")
        click_text(page, "Look again")
        page.wait_for("document.getElementById('toasts').textContent.includes('Looking')", "a word that it looks")


@in_one_engine
def test_without_a_server_the_page_leads_to_the_three_steps(
    open_page: OpenPage, start_core: StartCore, tmp_path: Path, exam: int
) -> None:
    (tmp_path / "clips").mkdir()
    core = start_core(f"alone{exam}@example.org", DATASET=f"folder:{tmp_path / 'clips'}", SERVER_URL="")
    page = open_page()
    page.open(core.address)
    page.wait_for("document.querySelector('dialog.first-start') !== null", "the three steps")
    page.key("Escape")
    wait_for_title(page, "No server yet")
    click_text(page, "Set up in three steps")
    page.wait_for("document.querySelector('dialog.first-start') !== null", "the three steps again")


def test_a_server_that_is_away_is_said(open_page: OpenPage, start_core: StartCore, tmp_path: Path, exam: int) -> None:
    (tmp_path / "clips").mkdir()
    dataset = f"folder:{tmp_path / 'clips'}"
    core = start_core(f"missing{exam}@example.org", DATASET=dataset, SERVER_URL="http://127.0.0.1:9")
    page = open_page()
    page.open(core.address)
    wait_for_title(page, "The server cannot be reached")
    click_text(page, "Open the settings")
    page.wait_for("document.querySelector('dialog.settings') !== null", "the way out")
