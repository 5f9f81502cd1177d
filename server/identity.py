"""Who is a caller, as far as a token tells? The words that `auth` and its ways of checking share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Identity:
    """A caller whose token is good. `editor` is None when the token names nobody; `token_hash` tells callers apart."""

    editor: str | None
    token_hash: str


class TokenChecker(Protocol):
    """One way to check a token."""

    def check(self, token: str) -> Identity | None:
        """The identity, or None when the token is refused. Raises ApiError AUTH_UNAVAILABLE when nobody can tell."""
        ...


def hash_token(token: str) -> str:
    """SHA-256 as hex. Enough for tokens from `make_token`, which are 256 random bits; not for passwords."""
    return hashlib.sha256(token.encode()).hexdigest()
