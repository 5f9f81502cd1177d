"""Who may talk to the core, and where do requests go? The Bottle app of the local viewer, on loopback alone.

Every request needs the cookie that `/?key=SECRET` sets (the secret is new at each start), a Host that is this app's own
and, if the browser sends one, an Origin that is too. Routes: http_series, http_edits, http_pages.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from typing import TYPE_CHECKING, Any

import bottle

from workstation import http_edits, http_pages, http_series
from workstation.errors import CoreError, error_body

if TYPE_CHECKING:
    from workstation.core import Core

log = logging.getLogger("goobusters.http")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class LocalApp:
    """The WSGI app and the secret that opens it. `port` is set once the server is bound."""

    def __init__(self, core: Core) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.port = 0
        self.wsgi = bottle.Bottle()
        self.wsgi.config["json.enable"] = False  # _as_json does it, errors included
        self.wsgi.install(_as_json)
        self.wsgi.add_hook("before_request", self._guard)
        self.wsgi.add_hook("after_request", _add_headers)
        self.wsgi.default_error_handler = _render_bottle_error
        for module in (http_pages, http_series, http_edits):
            module.add_routes(self.wsgi, core)
        self.wsgi.route("/", "GET", self._index)

    @property
    def address(self) -> str:
        """What a browser must open, secret included. Never logged."""
        return f"http://127.0.0.1:{self.port}/?key={self.secret}"

    @property
    def _cookie(self) -> str:
        return f"goobusters_{self.port}"  # cookies know no ports: two cores on one machine must not share one

    def _guard(self) -> None:
        request = bottle.request
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if request.get_header("Host") not in hosts:
            raise _refused("HOST_FORBIDDEN", "This address is not served here.")
        origin = request.get_header("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in hosts]:
            raise _refused("ORIGIN_FORBIDDEN", "Another page may not use this one.")
        if request.path == "/" and "key" in request.query:
            return
        given = request.get_cookie(self._cookie) or ""
        if not hmac.compare_digest(given.encode(), self.secret.encode()):
            raise _refused("KEY_REQUIRED", "Open the address that Goobusters has shown: it contains a key.")

    def _index(self) -> Any:
        key = bottle.request.query.get("key")
        if key is None:
            return http_pages.viewer_file("index.html")
        if not hmac.compare_digest(key.encode(), self.secret.encode()):
            raise _refused("KEY_REQUIRED", "This address is of an earlier start. Open the one shown now.")
        response = bottle.HTTPResponse(status=303, headers={"Location": "/"})
        response.set_cookie(self._cookie, self.secret, httponly=True, samesite="strict", path="/")
        return response


def _refused(code: str, message: str) -> bottle.HTTPResponse:
    return _error_response(CoreError(code, message, 403))


def _error_response(error: CoreError) -> bottle.HTTPResponse:
    body = json.dumps(error_body(error, secrets.token_hex(8)))
    return bottle.HTTPResponse(body, error.status, {"Content-Type": "application/json"})


def _as_json(callback: Any) -> Any:
    """Plugin of Bottle: dicts become JSON; CoreErrors the one error shape; anything unexpected INTERNAL_ERROR."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        try:
            result = callback(*arguments, **named)
        except CoreError as error:
            return _error_response(error)
        except bottle.HTTPResponse:
            raise
        except Exception:  # the last line of defence of a request; the log has the reason
            log.exception("a request failed")
            return _error_response(CoreError("INTERNAL_ERROR", "Something unexpected went wrong.", 500))
        if isinstance(result, dict):
            bottle.response.content_type = "application/json"
            return json.dumps(result)
        return result

    return wrapper


def _render_bottle_error(error: bottle.HTTPError) -> str:
    """Unknown routes and wrong methods."""
    bottle.response.content_type = "application/json"
    codes = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    code = codes.get(error.status_code, "REQUEST_INVALID" if error.status_code < 500 else "INTERNAL_ERROR")
    return json.dumps(error_body(CoreError(code, "This cannot be done here."), secrets.token_hex(8)))


def _add_headers() -> None:
    for name, value in _HEADERS.items():
        bottle.response.set_header(name, value)
    if "Cache-Control" not in bottle.response.headers:
        bottle.response.set_header("Cache-Control", "no-store")
