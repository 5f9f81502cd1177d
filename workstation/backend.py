"""`goobusters backend`: the core and its local HTTP app without a window; prints the viewer's address for a browser.

Also the place where any shell starts and stops them: `Backend`.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from tracking.contracts.settings import SettingError
from workstation.core import Core
from workstation.errors import CoreError
from workstation.http_app import LocalApp
from workstation.http_server import LocalServer
from workstation.settings import SettingsStore


class Backend:
    """Core and local HTTP app as one. start() raises CoreError for a port in use or a cache that cannot be had."""

    def __init__(self, store: SettingsStore, *, safe_mode: bool = False) -> None:
        self.core = Core(store, safe_mode=safe_mode)
        self._app = LocalApp(self.core)
        self._server: LocalServer | None = None

    def start(self) -> None:
        """Binds the port first, then starts the core, then serves."""
        self._server = LocalServer(self._app.wsgi, self.core.settings.client_port)
        self._app.port = self._server.server_port
        try:
            self.core.start()
        except BaseException:
            self._server.server_close()
            self._server = None
            raise
        self._server.start()

    @property
    def address(self) -> str:
        """What a browser must open."""
        return self._app.address

    def stop(self) -> None:
        """Takes no more edits, lets those that came be written, and ends all work."""
        if self._server is not None:
            self._server.stop()
            self._server = None
            self.core.close()


def parser(name: str) -> argparse.ArgumentParser:
    """Options that every shell has."""
    result = argparse.ArgumentParser(prog=f"goobusters {name}")
    result.add_argument("--safe-mode", action="store_true", help="start with the built-in plugins alone")
    result.add_argument(
        "--settings", type=Path, default=Path.cwd(), help="directory with dot.env files (default: here)"
    )
    result.add_argument("--user", type=Path, help="directory for a person's own settings and plugins")
    result.add_argument("--verbose", action="store_true", help="say more in the terminal")
    return result


def start_backend(options: argparse.Namespace) -> Backend | None:
    """A started Backend, or None after one sentence on standard error."""
    logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR, format="%(levelname)s %(message)s")
    try:
        backend = Backend(SettingsStore(options.settings, options.user), safe_mode=options.safe_mode)
        backend.start()
    except SettingError as error:
        print(f"goobusters: {error}", file=sys.stderr)
        return None
    except CoreError as error:
        print(f"goobusters: {error.message} [{error.code}]", file=sys.stderr)
        return None
    return backend


def main(arguments: list[str] | None = None) -> int:
    """Runs until Ctrl-C or SIGTERM."""
    options_parser = parser("backend")
    options_parser.add_argument("--print-address", action="store_true", help="print the address alone, for programs")
    options_parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    options = options_parser.parse_args(arguments)
    backend = start_backend(options)
    if backend is None:
        return 1
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    print(backend.address if options.print_address else f"Open this in a browser: {backend.address}", flush=True)
    if options.stop_with_stdin:
        threading.Thread(target=_set_when_stdin_ends, args=(stopped,), name="stdin", daemon=True).start()
    while not stopped.wait(0.5):
        pass
    backend.stop()
    return 0


def _set_when_stdin_ends(stopped: threading.Event) -> None:
    """Standard input is a pipe from whoever started this: it ends with that process, whatever ends it."""
    while os.read(0, 4096):  # not sys.stdin: its lock, held by a waiting thread, aborts the interpreter at its end
        pass
    stopped.set()
