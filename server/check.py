"""What is wrong with this configuration? `goobusters server --check`, one line a finding; nothing is started or changed
but a probe file that is removed again."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from server.auth import read_tokens
from server.errors import ApiError
from server.files import is_whole_file, prove_writable
from server.settings import ServerSettings, find_errors, load
from server.state_lock import RESTORING, StateLock, StateLocked
from server.versions import CURRENT, HISTORY
from tracking.contracts.dataset import list_clips

_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
_CLOCK_SECONDS = 60
_LITTLE_SPACE = 2 << 30
_HISTORY_SECONDS = 30.0
_NAMED = 10
HTTPS_PORT = 443


class Finding(NamedTuple):
    """One line: `is_good`, what was looked at, and what was found."""

    is_good: bool
    about: str
    text: str


def run(directory: Path) -> int:
    """Prints every finding; returns 0 when all are good, 1 otherwise. With settings that do not fit, they are all."""
    findings = [Finding(False, "settings", str(error)) for error in find_errors(directory)]
    findings = findings or list(find(load(directory), directory))
    for finding in findings:
        sys.stdout.write(f"{'ok  ' if finding.is_good else 'BAD '} {finding.about}: {finding.text}\n")
    return 0 if all(finding.is_good for finding in findings) else 1


def find(settings: ServerSettings, directory: Path) -> Iterator[Finding]:
    """Looks at everything, one after the other."""
    yield Finding(True, "settings", "every value fits")
    yield _check_clock(settings)
    yield _check_port(settings)
    for name, path in (
        ("STATE_PATH", settings.state_path),
        ("MASK_STORAGE_PATH", settings.mask_path),
        ("DATA_PATH", settings.data_path),
    ):
        yield _check_directory(name, path)
    yield _check_lock(settings)
    yield _check_history(settings)
    yield _check_dataset(settings, directory)
    yield _check_flow(settings)
    if settings.workers != "local":
        yield _check_cluster(settings)
    yield from _check_token(settings)
    yield _check_caddy(settings)


def _check_clock(settings: ServerSettings) -> Finding:
    """A clock is wrong when it stands before this program was written, or before what the server itself last saved."""
    now = datetime.now(UTC)
    saves = settings.state_path.glob(f"series/*/{CURRENT}")
    last = max((path.stat().st_mtime for path in saves), default=0.0)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < _EARLIEST:
        return Finding(False, "clock", f"{text} is wrong")
    if last > now.timestamp() + _CLOCK_SECONDS:
        return Finding(False, "clock", f"{text} is before the last save; was it set back?")
    return Finding(True, "clock", text)


def _check_port(settings: ServerSettings) -> Finding:
    about = f"port {settings.port}"
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Finding(False, about, f"cannot be bound on SERVER_HOST ({error.strerror}); does a server run already?")
    return Finding(True, about, "is free")


def _check_directory(name: str, path: Path) -> Finding:
    import shutil

    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        prove_writable(existing)
    except OSError as error:
        return Finding(False, name, f"cannot be written ({error.strerror})")
    free = shutil.disk_usage(existing).free
    text = f"can be written, {free / (1 << 30):.0f} GB free"
    return Finding(free > _LITTLE_SPACE, name, text if free > _LITTLE_SPACE else f"{text}: too little")


def _check_lock(settings: ServerSettings) -> Finding:
    if not settings.state_path.is_dir():
        return Finding(True, "state", "new: nothing is there yet")
    try:
        with StateLock(settings.state_path):
            if (settings.state_path / RESTORING).exists():
                return Finding(False, "state", "a restore was not finished: empty STATE_PATH and restore again")
            return Finding(True, "state", "no other server uses it")
    except StateLocked:
        return Finding(False, "state", "another server uses STATE_PATH")
    except OSError as error:
        return Finding(False, "state", f"cannot be locked ({error.strerror})")


def _check_history(settings: ServerSettings) -> Finding:
    """Whether every save that is listed can still be read; the newest ones, when there are more than time allows."""
    histories = list(settings.state_path.glob(f"series/*/{HISTORY}"))
    found = {
        path.with_suffix(".tgz"): path for kind in ("tgz", "json") for h in histories for path in h.glob(f"*.{kind}")
    }
    paths = sorted(found, key=lambda path: found[path].stat().st_mtime, reverse=True)
    damaged, looked_at = [], 0
    ends = time.monotonic() + _HISTORY_SECONDS
    for path in paths:
        if time.monotonic() > ends:
            break
        looked_at += 1
        if not is_whole_file(path):
            damaged.append(path.name)
    seen = f"{looked_at} saves" if looked_at == len(paths) else f"the newest {looked_at} of {len(paths)} saves"
    if not damaged:
        return Finding(True, "history", f"{seen}, all can be read")
    text = f"{seen}, {len(damaged)} cannot be read; copy them back from a backup: {' '.join(damaged[:_NAMED])}"
    return Finding(False, "history", text)


def _check_dataset(settings: ServerSettings, directory: Path) -> Finding:
    kind, _, path = settings.dataset.partition(":")
    if kind == "mdai":
        missing = [
            key
            for key, value in (
                ("MDAI_TOKEN", settings.mdai_token),
                ("PROJECT_ID", settings.project_id),
                ("DATASET_ID", settings.dataset_id),
            )
            if not value
        ]
        return Finding(not missing, "DATASET", f"mdai needs {', '.join(missing)}" if missing else "mdai, fully named")
    root = directory / Path(path).expanduser()
    if not root.is_dir():
        return Finding(False, "DATASET", "the folder does not exist")
    try:
        count = len(list_clips(root))
    except OSError as error:
        return Finding(False, "DATASET", f"the folder cannot be read ({error.strerror})")
    return Finding(count > 0, "DATASET", f"{count} clips in the folder" if count else "the folder holds no clips")


def _check_flow(settings: ServerSettings) -> Finding:
    from tracking.errors import MethodError  # here: these bring OpenCV
    from tracking.flow import find_method

    try:
        find_method(settings.flow_method)
    except MethodError as error:
        return Finding(False, "FLOW_METHOD", str(error))
    return Finding(True, "FLOW_METHOD", settings.flow_method)


def _check_cluster(settings: ServerSettings) -> Finding:
    """Whether Dask is installed and something listens where its scheduler should."""
    import importlib.util

    if importlib.util.find_spec("distributed") is None:
        return Finding(False, "WORKERS", "Dask is not installed; install the extra: pip install '.[dask]'")
    host, _, port = settings.workers.removeprefix("dask://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError as error:
        return Finding(False, "WORKERS", f"the scheduler does not answer ({error.strerror or 'no answer'})")
    return Finding(True, "WORKERS", "something answers where the scheduler should")


def _check_token(settings: ServerSettings) -> Iterator[Finding]:
    """Who may come in, and whether MD.ai accepts the server's own token when its data set is there."""
    if settings.auth == "none":
        yield Finding(True, "AUTH", "none: anybody on this machine may")
    elif settings.auth == "tokens":
        yield _check_tokens(settings)
    else:
        yield Finding(True, "AUTH", "mdai: whoever has a token that MD.ai accepts")
    if settings.auth == "mdai" or settings.dataset == "mdai":
        yield _check_mdai(settings)


def _check_tokens(settings: ServerSettings) -> Finding:
    try:
        count = len(read_tokens(settings.tokens_path))
    except (OSError, ValueError):
        return Finding(False, "AUTH", "TOKENS_PATH cannot be read; make it with: goobusters server --new-token EDITOR")
    return Finding(count > 0, "AUTH", f"{count} tokens")


def _check_mdai(settings: ServerSettings) -> Finding:
    from server.mdai_auth import MdaiChecker  # here: only this finding needs it

    needs_token = settings.dataset == "mdai"
    try:
        identity = MdaiChecker(settings.mdai_domain).check(settings.mdai_token or "none")
    except ApiError as error:
        return Finding(False, "MD.ai", f"cannot be asked: {error.message}")
    if not needs_token:
        return Finding(True, "MD.ai", "answers")
    return Finding(identity is not None, "MD.ai", "accepts MDAI_TOKEN" if identity else "refuses MDAI_TOKEN")


def _check_caddy(settings: ServerSettings) -> Finding:
    """Whether something speaks for this server on the port that people use."""
    try:
        with socket.create_connection(("127.0.0.1", HTTPS_PORT), timeout=2):
            answers = True
    except OSError:
        answers = False
    if answers:
        return Finding(True, "HTTPS", f"something answers on port {HTTPS_PORT}, as Caddy should")
    if settings.is_loopback:
        return Finding(
            True, "HTTPS", f"nothing answers on port {HTTPS_PORT}: only this machine can come in until Caddy runs"
        )
    text = f"nothing answers on port {HTTPS_PORT}: tokens would travel in the open; start Caddy"
    return Finding(False, "HTTPS", text)
