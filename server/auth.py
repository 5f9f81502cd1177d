"""Who is calling? Asked by `gate` with the bare token, before anything else of a request is looked at.

Three ways (setting AUTH): `mdai` asks MD.ai (`mdai_auth`), `tokens` looks into a file of hashes, `none` lets everybody
in and is possible on loopback only. Answers of the first are remembered: good ones 15 minutes, refusals 30 seconds.
Tokens themselves are never kept, only their SHA-256.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.clock import Clock
from server.errors import ApiError
from server.files import write_json
from server.identity import Identity, TokenChecker, hash_token
from server.settings import ServerSettings

GOOD_SECONDS = 15 * 60.0
REFUSED_SECONDS = 30.0
_REMEMBERED = 10_000
MAX_TOKEN = 4096


class NoChecker:
    """AUTH=none: everybody is welcome, with or without a token."""

    def check(self, token: str) -> Identity | None:
        return Identity(None, hash_token(token))


class TokensChecker:
    """AUTH=tokens: a file `{"tokens": [{"sha256": …, "editor": …}]}`, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._editors: dict[str, str | None] = {}

    def check(self, token: str) -> Identity | None:
        digest = hash_token(token)
        with self._lock:
            self._refresh()
            if digest not in self._editors:
                return None
            return Identity(self._editors[digest], digest)

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp != self._stamp:
                self._editors = read_tokens(self._path)
                self._stamp = stamp
        except (OSError, ValueError) as error:
            raise ApiError("AUTH_UNAVAILABLE", "The server's list of tokens cannot be read.") from error


def read_tokens(path: Path) -> dict[str, str | None]:
    """{SHA-256 of token: editor or None}. Raises OSError, ValueError when the file is not of that form."""
    value = json.loads(path.read_bytes())
    entries = value.get("tokens") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise ValueError("the file has no list of tokens")
    return dict(_read_token(entry) for entry in entries)


def _read_token(entry: Any) -> tuple[str, str | None]:
    digest = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(digest, str) or len(digest) != 64:
        raise ValueError("an entry of the file has no SHA-256")
    editor = entry.get("editor")
    if not isinstance(editor, str | None):
        raise ValueError("an entry of the file has no usable editor")
    return digest, editor


def make_token(path: Path, editor: str) -> str:
    """Adds a new token for `editor` to the file and returns it; it cannot be read from the file later."""
    token = secrets.token_urlsafe(32)
    editors = read_tokens(path) if path.exists() else {}
    editors[hash_token(token)] = editor
    write_json(path, {"tokens": [{"sha256": digest, "editor": name} for digest, name in editors.items()]})
    return token


class Authenticator:
    """Checks bearer tokens through a checker, with a memory."""

    def __init__(self, checker: TokenChecker, clock: Clock, *, remember: bool) -> None:
        self._checker = checker
        self._clock = clock
        self._remember = remember
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Identity | None]] = {}

    def check(self, authorization: str, before_asking: Callable[[], None] = lambda: None) -> Identity:
        """The identity behind an Authorization header. Raises ApiError UNAUTHORIZED, AUTH_UNAVAILABLE.

        `before_asking` is called when the answer is not remembered; it may raise to spare MD.ai a flood.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if len(token) > MAX_TOKEN or (scheme.lower() != "bearer" and authorization):
            raise _refusal()
        if not token and not isinstance(self._checker, NoChecker):
            raise _refusal()
        identity = self._ask(token, before_asking) if self._remember else self._checker.check(token)
        if identity is None:
            raise _refusal()
        return identity

    def _ask(self, token: str, before_asking: Callable[[], None]) -> Identity | None:
        digest, now = hash_token(token), self._clock.monotonic()
        with self._lock:
            until, identity = self._known.get(digest, (float("-inf"), None))
            if now < until:
                return identity
        before_asking()
        identity = self._checker.check(token)
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known = {k: v for k, v in self._known.items() if v[0] > now and v[1] is not None}
            self._known[digest] = (now + (GOOD_SECONDS if identity else REFUSED_SECONDS), identity)
        return identity


def _refusal() -> ApiError:
    return ApiError("UNAUTHORIZED", "The token is missing or not accepted.", headers={"WWW-Authenticate": "Bearer"})


def make_authenticator(settings: ServerSettings, clock: Clock) -> Authenticator:
    """What setting AUTH names."""
    if settings.auth == "none":
        return Authenticator(NoChecker(), clock, remember=False)
    if settings.auth == "tokens":
        return Authenticator(TokensChecker(settings.tokens_path), clock, remember=False)
    from server.mdai_auth import MdaiChecker  # here: its imports would delay the start of the others

    return Authenticator(MdaiChecker(settings.mdai_domain), clock, remember=True)
