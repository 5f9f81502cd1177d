"""Starts the mask server: `goobusters server`.

    settings   environment, dot.env.server, dot.env; a value that does not fit is named and nothing starts
    locks      one server a state directory, and one a directory of masks
    bind       the port answers from here on; `{"address": …}` is printed on standard output
    store      empty until the start-up thread has read it
    jobs       the queue, and worker processes once there is something to track
    app        routes behind the gate
    start-up   a thread: store -> data set -> index -> tracking (`startup`)

A thread then serves, while the main one waits until it is told to stop. Heavy libraries (OpenCV, NumPy, the MD.ai SDK,
Dask) are imported by workers and by the start-up thread, never on this way.
"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server import logs
from server.files import prove_writable
from server.settings import ServerSettings, load
from server.state_lock import RESTORING, StateLock, StateLocked
from tracking.contracts.settings import SettingError

_LOOK_SECONDS = 0.1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the server until SIGINT or SIGTERM. Returns 0, or 2 with one sentence on standard error."""
    arguments = _parser().parse_args(argv)
    directory = Path.cwd()
    if arguments.check:
        from server.check import run  # here: it looks at everything, also at what a start does not need

        return run(directory)
    try:
        settings = load(directory)
    except SettingError as error:
        return _refuse(f"Setting {error}.")
    if arguments.new_token is not None:
        return _add_token(settings, arguments.new_token)
    places = {
        "STATE_PATH": settings.state_path,
        "MASK_STORAGE_PATH": settings.mask_path,
        "DATA_PATH": settings.data_path,
    }
    for key, path in places.items():
        try:
            prove_writable(path)
        except OSError as error:
            return _refuse(f"The directory of {key} cannot be used: {error.strerror}.")
    with contextlib.ExitStack() as locks:
        refusal = _lock(settings, locks)
        if refusal is not None:
            return _refuse(refusal)
        if (settings.state_path / RESTORING).exists():
            return _refuse("A restore into STATE_PATH was not finished: empty it and restore again.")
        try:
            logs.set_up(settings.state_path)
        except OSError as error:
            return _refuse(f"The directory of STATE_PATH cannot be used: {error.strerror}.")
        return _serve(settings, directory, arguments.stop_with_stdin)


def _lock(settings: ServerSettings, locks: contextlib.ExitStack) -> str | None:
    """Keeps other servers out, or says why not. A rehearsal with its own state must not write into masks in use."""
    places = {settings.mask_path.resolve(): "directory of masks (MASK_STORAGE_PATH)"}
    places = {settings.state_path.resolve(): "state directory (STATE_PATH)"} | places  # one lock when they are the same
    for path, name in places.items():
        try:
            locks.enter_context(StateLock(path))
        except StateLocked:
            return f"Another server uses this {name}; only one may."
        except OSError as error:
            return f"The {name} cannot be used: {error.strerror}."
    return None


def _add_token(settings: ServerSettings, editor: str) -> int:
    from server.auth import make_token
    from server.errors import ApiError
    from server.identity import check_editor

    try:
        name = check_editor(editor)
    except ApiError:
        name = None
    if name is None:
        return _refuse("A token needs a person's name or e-mail address of at most 254 characters.")
    try:
        print(make_token(settings.tokens_path, name))
    except (OSError, ValueError):
        return _refuse("The list of tokens (TOKENS_PATH) cannot be read or written.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="goobusters server", description="Serves and tracks masks.")
    parser.add_argument("--check", action="store_true", help="say what is wrong with the configuration, start nothing")
    parser.add_argument("--new-token", metavar="EDITOR", help="add a token for this person (AUTH=tokens) and print it")
    parser.add_argument(
        "--stop-with-stdin",
        action="store_true",
        help="stop when standard input ends, as it does with whoever began this",
    )
    return parser


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def _serve(settings: ServerSettings, directory: Path, stop_with_stdin: bool) -> int:
    from server.http_server import bind

    application = _Late()
    try:
        http = bind(settings.host, settings.port, application)
    except OSError as error:
        return _refuse(f"Port {settings.port} of {settings.host} cannot be used: {error.strerror}.")
    is_asked = threading.Event()  # not an exception: raised at a bad moment (in a finaliser), Python swallows it

    def stop(_signal: int, _frame: Any) -> None:
        is_asked.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print(json.dumps({"address": address_of(settings.host, http.bind_addr[1])}), flush=True)
    from server.assemble import assemble

    try:
        running = assemble(settings, directory)
    except SettingError as error:
        http.stop()
        return _refuse(f"Setting {error}.")
    http.on_error = running.note_http_error
    application.ready(running.application)

    if stop_with_stdin:
        threading.Thread(target=_stop_when_stdin_ends, name="stdin", daemon=True).start()
    running.start()
    serving = threading.Thread(target=http.serve, name="http", daemon=True)
    serving.start()
    log = logging.getLogger("goobusters.server")
    log.info("serving")
    while serving.is_alive() and not is_asked.is_set():
        time.sleep(_LOOK_SECONDS)
    log.info("stopping")
    running.stop()
    http.deadlines.stop()
    http.stop()
    return 0 if is_asked.is_set() else 1


def _stop_when_stdin_ends() -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock, held by a waiting thread, aborts the interpreter at its end
        pass
    _thread.interrupt_main(signal.SIGTERM)


class _Late:
    """The WSGI application of the first milliseconds: requests that come before the real one is built wait for it."""

    def __init__(self) -> None:
        self._built = threading.Event()
        self._application: Any = None

    def ready(self, application: Any) -> None:
        self._application = application
        self._built.set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self._built.wait()
        return self._application(environ, start_response)


def address_of(host: str, port: int) -> str:
    """The server's address as a URL."""
    name = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


if __name__ == "__main__":
    sys.exit(main())
