"""Is this token good, and who is it? Added by `server.app`; the gate has answered the first half already."""

from __future__ import annotations

from typing import Any

import bottle

from server import gate
from server.services import Services


def add(app: bottle.Bottle, services: Services) -> None:
    @app.post("/api/auth/validate")
    def validate() -> dict[str, Any]:
        return {"valid": True, "editor": bottle.request.environ[gate.IDENTITY].editor}
