"""Who is a caller, as far as a token tells? The words that `auth` and its ways of checking share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from server.errors import ApiError


@dataclass(frozen=True)
class Identity:
    """A caller whose token is good. `editor` is None when the token names nobody; `token_hash` tells callers apart."""

    editor: str | None
    token_hash: str


MAX_EDITOR = 254
_NOT_UTF8 = "\N{REPLACEMENT CHARACTER}"


def check_editor(text: str) -> str | None:
    """A name that may be stored, or None for an empty one. Raises ApiError EDITOR_INVALID."""
    text = text.strip()
    if len(text) > MAX_EDITOR or not text.isprintable() or _NOT_UTF8 in text:
        raise ApiError("EDITOR_INVALID", "The editor is not a usable name.")
    return text or None


class TokenChecker(Protocol):
    """One way to check a token."""

    def check(self, token: str) -> Identity | None:
        """The identity, or None when the token is refused. Raises ApiError AUTH_UNAVAILABLE when nobody can tell."""
        ...


def hash_token(token: str) -> str:
    """SHA-256 as hex. Enough for tokens from `make_token`, which are 256 random bits; not for passwords."""
    return hashlib.sha256(token.encode()).hexdigest()
