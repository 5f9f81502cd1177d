"""How fast and how lean is the viewer? Prints what SPEC 13 asks for: real Chromium, server and core.

    python -m benchmarks.viewer [--frames 400] [--size 1918x1374]

opening: a series whose pictures are on this computer, until its first frame is shown with its mask. Median, ms.
brush:   from the pointer event to the end of the frame that draws it, moves at 60 a second. Median and p95, ms.
playing: pictures a second in ten seconds, and the speed kept, 1 being the clip's own (frames may be left out).
memory:  of the page's renderer process (proportional set size) after every frame was visited, MB.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser.stack import Stack
from tests.helpers.clips import write_dataset

MOVE_SECONDS = 1 / 60
PATIENCE_SECONDS = 900
WATCH_MOVES = """() => {
  window.delays = [];
  const drawn = new MessageChannel();
  const waiting = [];
  drawn.port1.onmessage = () => { while (waiting.length > 0) delays.push(performance.now() - waiting.shift()); };
  window.addEventListener("pointermove", (event) => {
    waiting.push(event.timeStamp);
    if (waiting.length === 1) requestAnimationFrame(() => drawn.port2.postMessage(null));
  }, true);
}"""
OPEN_AGAIN = """async () => {
  const start = performance.now();
  goobusters.run("open_again");
  for (;;) {
    await new Promise((done) => requestAnimationFrame(done));
    const { can_edit, has_picture } = goobusters.state();
    if (can_edit && has_picture && goobusters.maskPixels(0).runs !== null) return performance.now() - start;
    if (performance.now() - start > 60000) throw new Error("the series did not open");
  }
}"""

PLAY = """async (seconds) => {
  const frameCount = goobusters.state().frame_count;
  let [shown, passed, before] = [0, 0, goobusters.state().frame];
  const start = performance.now();
  goobusters.run("play");
  while (performance.now() - start < seconds * 1000) {
    await new Promise((done) => requestAnimationFrame(done));
    const { frame } = goobusters.state();
    if (frame === before) continue;
    shown++;
    passed += (frame - before + frameCount) % frameCount;
    before = frame;
  }
  goobusters.run("play");
  return { shown: shown / seconds, passed: passed / seconds };
}"""
PLAY_SECONDS = 10
CLIP_RATE = 30  # of the clips that write_dataset makes, frames a second


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--size", default="1918x1374")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_dataset(directory / "clips", 1, frames=options.frames, width=width, height=height)
        stack = Stack(directory / "stack", directory / "clips")
        try:
            stack.server.start()
            print(json.dumps(measure(stack.core().address), indent=1))
        finally:
            stack.stop()
    return 0


def measure(address: str) -> dict[str, Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", chromium_sandbox=False)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        wait_for(page, "window.goobusters && goobusters.state().can_edit && goobusters.state().has_picture")
        opening = [page.evaluate(OPEN_AGAIN) for _ in range(5)]
        time.sleep(5)  # masks of the other frames come while nobody draws
        found = {
            "opening_ms": round(statistics.median(opening)),
            "brush": brush(page),
            "playing": playing(page),
            "memory_mb": memory(browser, page),
        }
        browser.close()
        return found


def wait_for(page: Page, condition: str) -> None:
    """Playwright's own waiting needs eval, which the page's policy forbids."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.2)


def brush(page: Page) -> dict[str, float]:
    page.evaluate(WATCH_MOVES)
    stage = page.evaluate("goobusters.state().stage")
    x, y = stage["left"] + stage["width"] / 2, stage["top"] + stage["height"] / 2
    for stroke in range(4):
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(120):
            angle, radius = step / 8, 30 + step + 20 * stroke
            page.mouse.move(x + radius * math.cos(angle), y + radius * math.sin(angle))
            time.sleep(MOVE_SECONDS)
        page.mouse.up()
    delays = sorted(page.evaluate("delays"))
    return {"median_ms": round(delays[len(delays) // 2], 1), "p95_ms": round(delays[int(len(delays) * 0.95)], 1)}


def playing(page: Page) -> dict[str, float]:
    """From the first frame on, when the browser has had those pictures once."""
    for _ in range(2):
        page.evaluate("goobusters.run('first')")
        found = page.evaluate(PLAY, PLAY_SECONDS)
    return {"pictures_a_second": round(found["shown"], 1), "speed": round(found["passed"] / CLIP_RATE, 2)}


def memory(browser: Browser, page: Page) -> dict[str, int]:
    """Proportional set size of the page's process at the end and at its highest."""
    devtools = browser.new_browser_cdp_session()
    frames = page.evaluate("goobusters.state().frame_count")
    sizes = []
    for frame in range(1, frames):
        page.evaluate("goobusters.run('next')")
        if frame % 10 == 0:
            wait_for(page, "goobusters.state().has_picture")
            sizes.append(renderer_bytes(devtools))
    return {"end": sizes[-1] // 10**6, "highest": max(sizes) // 10**6}


def renderer_bytes(devtools: Any) -> int:
    processes = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = []
    for process in processes:
        if process["type"] == "renderer":
            lines = Path(f"/proc/{process['id']}/smaps_rollup").read_text("utf-8").splitlines()
            sizes.append(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")))
    return max(sizes)


if __name__ == "__main__":
    sys.exit(main())
