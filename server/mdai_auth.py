"""Does MD.ai let this token in? `server.auth` asks for AUTH=mdai, and keeps the answer for a while."""

from __future__ import annotations

from server.errors import ApiError
from server.identity import Identity, hash_token
from tracking.contracts.mdai_client import check_token
from tracking.contracts.mdai_types import MdaiError


class MdaiChecker:
    """Asks MD.ai itself, as its SDK does (`GET /api/test`). It names nobody: X-Editor says who saves."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def check(self, token: str) -> Identity | None:
        """None when MD.ai refuses the token. Blocks for at most about a minute.

        Raises ApiError AUTH_UNAVAILABLE when the network is away, the service broken or the domain none of MD.ai's.
        """
        if not token or not token.isascii() or not token.isprintable():
            return None  # no header could carry it
        try:
            return Identity(None, hash_token(token)) if check_token(self._domain, token) else None
        except MdaiError as error:
            raise ApiError("AUTH_UNAVAILABLE", error.message) from None
