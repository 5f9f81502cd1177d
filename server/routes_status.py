"""Is the server alive, how is it doing, what can it do? Added by `server.app`."""

from __future__ import annotations

from typing import Any

import bottle

from server.metrics import CONTENT_TYPE
from server.services import Services


def add(app: bottle.Bottle, services: Services) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"ok": True}

    @app.get("/api/status")
    def status() -> dict[str, Any]:
        return services.render_status()

    @app.post("/api/sync")
    def sync() -> dict[str, Any]:
        services.sync_wanted.set()
        bottle.response.status = 202
        return {"sync_queued": True}

    @app.get("/metrics")
    def metrics() -> bytes:
        bottle.response.content_type = CONTENT_TYPE
        return services.metrics.render()

    @app.get("/api/openapi.json")
    def openapi() -> dict[str, Any]:
        from server.openapi import document  # here: large, and asked for by developers only

        return document(services.status.version)
