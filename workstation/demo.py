"""`goobusters demo`: how does someone try Goobusters without an account, a network or any set-up?

Called by `workstation.__main__` and so by `run.py demo`. In order: the embedded clips (workstation.demo_data), the real
server as a process of its own (AUTH=none, loopback, a free port), then the desktop, or with --headless the workstation
without a window, whose address a browser can open. When the workstation ends, however it ends, the server is stopped.
Everything is kept in the user's data directory, or in GOOBUSTERS_HOME.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tracking.contracts.settings import BY_KEY
from workstation.cache import Cache
from workstation.demo_data import make_clips
from workstation.errors import CoreError

EDITOR = "demo@example.org"
CACHE = "client_cache"
LOG_BYTES = 10 << 20  # of earlier demos, kept at most
STOP_SECONDS = 10.0


class DemoError(Exception):
    """The demo cannot start; the text is one sentence for the terminal."""


def main(arguments: Sequence[str]) -> int:
    """Runs the demo until its window is closed or Ctrl-C is typed; returns the exit code."""
    parser = argparse.ArgumentParser(prog="goobusters demo", description="Try Goobusters on clips that come with it.")
    parser.add_argument("--headless", action="store_true", help="no window: print the viewer's address for a browser")
    options = parser.parse_args(arguments)
    home = data_home() / "demo"
    stop_like_ctrl_c(signal.SIGTERM)
    try:
        print(f"Everything the demo keeps is in {home}", flush=True)
        make_clips(home / "clips", lambda line: print(f"  {line}", flush=True))
        return run(home, "backend" if options.headless else "workstation")
    except DemoError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"The demo's folder cannot be written: {error.strerror}.", file=sys.stderr)
    except subprocess.CalledProcessError:
        print("A clip of the demo could not be made; the lines above say why.", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    return 1


def run(home: Path, shell: str) -> int:
    """Server first, then the shell ("workstation" or "backend"); returns the shell's exit code. Raises DemoError.

    A demo that runs already has the server and the cache: its window comes to the front instead.
    """
    environment = child_environment(home)
    if is_running(home):
        print("The demo is running already.", flush=True)
        return wait(start_shell(shell, environment, home)) if shell == "workstation" else 1
    server = start_server(environment, home)
    try:
        environment["SERVER_URL"] = address_of(server, home / "server.log")
        return wait(start_shell(shell, environment, home))
    finally:
        stop(server)


def data_home() -> Path:
    """GOOBUSTERS_HOME, or the place where this system keeps a user's data."""
    chosen = os.environ.get("GOOBUSTERS_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "Goobusters"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Goobusters"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "goobusters"


def child_environment(home: Path) -> dict[str, str]:
    """The environment of both processes: this one without any setting of Goobusters, then the demo's."""
    environment = {key: value for key, value in os.environ.items() if key not in BY_KEY}
    code = str(Path(__file__).resolve().parent.parent)
    return environment | {
        "PYTHONPATH": os.pathsep.join(filter(None, [code, environment.get("PYTHONPATH")])),
        "DATASET": f"folder:{home / 'clips'}",
        "AUTH": "none",
        "SERVER_HOST": "127.0.0.1",
        "SERVER_PORT": "0",
        "STATE_PATH": str(home / "server_state"),
        "MASK_STORAGE_PATH": str(home / "output"),
        "DATA_PATH": str(home / "data"),
        "VIDEO_CACHE_PATH": str(home / CACHE),
        "USER_EMAIL": EDITOR,
    }


def is_running(home: Path) -> bool:
    """Whether another demo uses this folder; one that is just ending is given a moment. Raises OSError."""
    cache = Cache(home / CACHE)
    try:
        cache.open()
    except CoreError as error:
        return error.code == "CACHE_IN_USE"
    cache.close()
    return False


def start_server(environment: dict[str, str], home: Path) -> subprocess.Popen[bytes]:
    """Starts the server in the demo's folder, where no dot.env of a real project is found.

    It stops when its standard input ends, so that it does not outlive this process, whatever ends that.
    """
    command = [sys.executable, "-m", "server", "--stop-with-stdin"]
    with (home / "server.log").open("ab") as log:  # not "wb": a first demo may be writing there
        if log.tell() > LOG_BYTES:
            log.truncate(0)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=home, stdin=pipe, stdout=pipe, stderr=log)


def address_of(server: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the server prints as soon as its port is bound. Raises DemoError when it ends before that."""
    line = server.stdout.readline() if server.stdout else b""
    if not line:
        server.wait(STOP_SECONDS)
    try:
        return str(json.loads(line)["address"])
    except (ValueError, LookupError, TypeError):
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        said = [line for line in lines if not line.startswith("{")]  # what is for people; the rest is the log
        raise DemoError(f"The demo's server did not start: {said[-1] if said else 'it said nothing'}") from None


def start_shell(shell: str, environment: dict[str, str], home: Path) -> subprocess.Popen[bytes]:
    """Starts the workstation, with a window or without, with settings of the demo's own."""
    command = [sys.executable, "-m", "workstation", shell, "--user", str(home / "user")]
    if shell == "workstation":  # a window outlives a crash of this process, so that nobody loses sight of their work
        return subprocess.Popen(command, env=environment, cwd=home)
    return subprocess.Popen([*command, "--stop-with-stdin"], env=environment, cwd=home, stdin=subprocess.PIPE)


def wait(process: subprocess.Popen[bytes]) -> int:
    """Waits for the workstation. Ctrl-C reaches it too (same terminal); a signal to us alone is passed on."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        stop(process)
        return 0


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks a process to end, by closing its standard input where it reads that, and ends it when it does not."""
    if process.stdin:
        process.stdin.close()
    elif sys.platform != "win32":  # there it would be killed at once; Ctrl-C has reached it as it has reached us
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_like_ctrl_c(number: int) -> None:
    """Makes a signal raise KeyboardInterrupt, so that there is one way to stop."""

    def raise_interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(number, raise_interrupt)
