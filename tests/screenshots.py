"""Makes the pictures of the documentation from the running product: `python -m tests.screenshots`.

Starts the demo without a window in a temporary folder, opens it in headless Chromium and writes docs/*.png.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.chromium_page import ChromiumBrowser
from tests.browser.page import Look
from tests.browser.viewer import Viewer

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TRACKED = 8  # a frame of the real clip between two that were drawn


@contextmanager
def demo(home: Path) -> Iterator[str]:
    """The address of a demo that runs without a window and keeps everything in `home`."""
    environment = {**os.environ, "GOOBUSTERS_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "workstation", "demo", "--headless"]
    process = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = (re.search(r"http://\S+", line) for line in process.stdout)
        address = next((match.group(0) for match in found if match), None)
        if address is None:
            raise RuntimeError("the demo did not start")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Writes docs/screenshot.png: the real clip, a tracked frame."""
    browser = ChromiumBrowser()
    try:
        with tempfile.TemporaryDirectory() as home, demo(Path(home)) as address:
            page = browser.open_page(Look(width=1280, height=800, is_dark=True))
            viewer = Viewer(page).open(address)
            for number in range(viewer.state()["frame_count"]):
                viewer.mask(number)  # so that the timeline is complete
            viewer.go_to(TRACKED)
            page.wait_for("document.querySelector('#toasts').childElementCount === 0", "messages to go away")
            page.screenshot(DOCS / "screenshot.png")
            page.close()
    finally:
        browser.close()


if __name__ == "__main__":
    main()
