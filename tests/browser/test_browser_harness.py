"""Does each engine deliver what the harness sends? Everything else in this folder builds on that."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.command import Command

from tests.browser.page import Look, Page, PageError, split_keys
from tests.browser.webkit_page import WebKitPage

STATIC = Path(__file__).with_name("static")
OpenPage = Callable[..., Page]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(STATIC))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(open_page: OpenPage, site: str) -> Page:
    opened = open_page()
    opened.open(f"{site}/harness.html")
    opened.wait_for("Array.isArray(window.seen)")
    opened.settle()  # before its first picture a page hears nothing of what comes in
    return opened


def seen(page: Page, *types: str) -> list[dict[str, Any]]:
    page.settle()
    return [event for event in page.evaluate("window.seen") if not types or event["type"] in types]


def test_values_come_back_and_errors_are_raised(page: Page) -> None:
    assert page.evaluate("[1, 'ö', null, {a: await Promise.resolve(b)}]", b=[2.5]) == [1, "ö", None, {"a": [2.5]}]
    assert page.evaluate("undefined") is None
    with pytest.raises(PageError, match="nothing of the sort"):
        page.evaluate("(() => { throw new Error('nothing of the sort'); })()")


@pytest.mark.parametrize("engine", [pytest.param("webkit", marks=pytest.mark.browser)])
def test_an_answer_that_the_driver_loses_is_asked_for_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(page, WebKitPage)
    page.evaluate("(window.count = 0, null)")
    ask, losses = page._web.execute_async_script, ["leave the page", "lose the answer"]

    def ask_and_lose(script: str, call: int, is_again: bool) -> Any:
        answer = ask(script, call, is_again)
        if is_again or not losses:
            return answer
        if losses.pop() == "leave the page":
            page._web.refresh()
        raise WebDriverException("Could not parse script result")

    monkeypatch.setattr(page._web, "execute_async_script", ask_and_lose)
    assert page.evaluate("++window.count") == 1
    with pytest.raises(PageError, match="the page was left"):
        page.evaluate("++window.count")
    assert page.evaluate("window.count ?? null") is None


@pytest.mark.parametrize("engine", [pytest.param("webkit", marks=pytest.mark.browser)])
def test_input_that_the_driver_refuses_is_given_again_unless_the_page_has_heard_of_it(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(page, WebKitPage)
    execute, refusals = page._web.execute, ["at once"]

    def refuse(command: str, *arguments: Any) -> Any:
        refusal = refusals.pop() if command == Command.W3C_ACTIONS and refusals else None
        answer = None if refusal == "at once" else execute(command, *arguments)
        if refusal:
            raise WebDriverException("unknown error")
        return answer

    monkeypatch.setattr(page._web, "execute", refuse)
    page.key("b")
    assert [event["key"] for event in seen(page, "keydown")] == ["b"]
    refusals.append("when done")
    page.key("e")
    assert [event["key"] for event in seen(page, "keydown")] == ["b", "e"]
    refusals.append("when done")
    with pytest.raises(PageError, match="did not do everything"):
        page.mouse([(100, 60), (150, 90)])
    assert len(seen(page, "pointerdown")) == 1


def test_the_mouse_draws_where_it_is_told(page: Page) -> None:
    page.mouse([(100, 60), (150, 90), (200, 60)])
    strokes = seen(page, "pointerdown", "pointermove", "pointerup")
    down = next(i for i, event in enumerate(strokes) if event["type"] == "pointerdown")
    assert [(event["x"], event["y"]) for event in strokes[down:]] == [(100, 60), (150, 90), (200, 60), (200, 60)]
    assert {event["pointerType"] for event in strokes} == {"mouse"}
    assert [event["buttons"] for event in strokes[down:]] == [1, 1, 1, 0]


def test_other_buttons_the_wheel_and_clicks(page: Page) -> None:
    page.mouse([(100, 60), (120, 60)], button="middle")
    page.mouse([(100, 60), (120, 60)], button="right")
    assert [event["button"] for event in seen(page, "pointerdown")] == [1, 2]
    page.wheel((300, 200), 0, 120)
    page.wheel((300, 200), 0, -120, "Ctrl")
    turns = seen(page, "wheel")
    assert turns[0]["deltaY"] > 0 > turns[-1]["deltaY"]
    assert (turns[0]["x"], turns[0]["y"], turns[0]["ctrlKey"], turns[-1]["ctrlKey"]) == (300, 200, False, True)
    page.click("#button")
    assert [event["target"] for event in seen(page, "click")][-1] == "button"


def test_keys_arrive_as_the_keyboard_sends_them(page: Page) -> None:
    page.click("#stage")
    for combination in ("b", "Mod+Shift+Z", "ArrowLeft", "[", "Space", "Delete", "?"):
        page.key(combination)
    keys = [event for event in seen(page, "keydown") if event["key"] not in ("Control", "Shift")]
    assert [event["key"].lower() for event in keys] == ["b", "z", "arrowleft", "[", " ", "delete", "?"]
    assert (keys[1]["ctrlKey"], keys[1]["shiftKey"]) == (True, True)
    page.click("#field")
    page.text("Exam 1")
    assert page.evaluate("document.querySelector('#field').value") == "Exam 1"


def test_a_pen_has_pressure(page: Page) -> None:
    page.pen([(100, 60, 0.2), (150, 90, 0.5), (200, 60, 0.9)])
    strokes = [event for event in seen(page) if event["type"] in ("pointerdown", "pointermove")]
    assert {event["pointerType"] for event in strokes} == {"pen"}
    pressed = [event for event in strokes if event["pressure"] > 0]
    assert [round(event["pressure"], 1) for event in pressed] == [0.2, 0.5, 0.9]
    assert [(event["x"], event["y"]) for event in pressed] == [(100, 60), (150, 90), (200, 60)]
    assert seen(page, "pointerup")[-1]["pointerType"] == "pen"


def test_the_barrel_button_is_another_button(page: Page) -> None:
    page.pen([(100, 60, 0.5), (150, 90, 0.5)], is_barrel=True)
    assert [event["button"] for event in seen(page, "pointerdown")] == [2]


def test_two_fingers_are_two_pointers(page: Page) -> None:
    page.fingers([[(100, 100), (90, 100), (80, 100)], [(200, 100), (220, 100), (240, 100)]])
    touches = [event for event in seen(page) if event["pointerType"] == "touch" and event["type"] != "click"]
    assert len({event["pointerId"] for event in touches}) == 2
    ends = [(event["x"], event["y"]) for event in touches if event["type"] == "pointerup"]
    assert sorted(ends) == [(80, 100), (240, 100)]


def test_sizes_and_pictures(page: Page, tmp_path: Path) -> None:
    page.resize(640, 500)
    assert page.evaluate("[innerWidth, innerHeight]") == [640, 500]
    page.screenshot(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.size == (640, 500)
        assert picture.convert("RGB").getpixel((300, 200)) == (10, 200, 30)
        assert picture.convert("RGB").getpixel((630, 490)) == (250, 240, 230)


def test_dark_and_reduced_motion(open_page: OpenPage, site: str) -> None:
    page = open_page(Look(is_dark=True, has_reduced_motion=True))
    page.open(f"{site}/harness.html")
    wishes = ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"]
    assert page.evaluate("wishes.map((wish) => matchMedia(wish).matches)", wishes=wishes) == [True, True]


def test_requests_are_seen(page: Page, site: str) -> None:
    assert {f"{site}/harness.html", f"{site}/harness.js", f"{site}/harness.css"} <= set(page.requests())


def test_combinations_are_taken_apart() -> None:
    assert split_keys("Mod+Shift+Z") == (["Ctrl", "Shift"], "Z")
    assert split_keys("+") == ([], "+")
    assert split_keys("Mod++") == (["Ctrl"], "+")
    assert split_keys("ArrowLeft") == ([], "ArrowLeft")
