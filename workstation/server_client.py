"""How does the core talk to the mask server? One method a route of docs/contracts.md; errors come out as CoreError.

Requests that change nothing are tried again; those that do are not (the saver finds out through the history whether
one arrived). The token goes into the header and nowhere else. Called by the session, the saver and plugins.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from tracking.contracts.archive import LIMITS, Archive, ArchiveError, unpack
from workstation.errors import CoreError, ServerOfflineError
from workstation.series import SeriesKey

log = logging.getLogger("goobusters.server_client")

_TIMEOUT = (5, 30)  # seconds to connect, and for the answer
_QUICK = (5, 10)  # for small answers: somebody may be waiting
_TRIES = 3


class _Bearer(AuthBase):
    """Sets the token itself: otherwise requests would prefer a stray ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        header = f"Bearer {self._token}".encode().decode("latin-1")  # any other text could not be sent
        request.headers["Authorization"] = header
        return request


class ServerClient:
    """The mask server as one object. May be called from any thread.

    on_state is told "ok", "offline" or "unauthorized" after every request; "unset" is known from `is_set`.
    """

    def __init__(self, url: str, token: str, editor: str, on_state: Callable[[str], None] | None = None) -> None:
        self._url = url.rstrip("/")
        self._auth = _Bearer(token or "none")
        self._editor = editor
        self._on_state = on_state or (lambda state: None)
        self._local = threading.local()

    @property
    def is_set(self) -> bool:
        """Whether there is an address to talk to."""
        return bool(self._url)

    @property
    def editor(self) -> str:
        """Who saves: an e-mail address, maybe empty."""
        return self._editor

    def validate(self) -> dict[str, Any]:
        """Is the token good, and whose is it?"""
        return self._json("POST", "/api/auth/validate")

    def status(self) -> dict[str, Any]:
        """The server's status object."""
        return self._json("GET", "/api/status")

    def list_series(self) -> list[dict[str, Any]]:
        """Every Series object."""
        series = self._json("GET", "/api/series").get("series")
        return [entry for entry in series if isinstance(entry, dict)] if isinstance(series, list) else []

    def next_series(self) -> dict[str, Any]:
        """A Series object, or {"no_available_series": true, "error_code"}."""
        return self._json("GET", "/api/series/next")

    def series(self, key: SeriesKey) -> dict[str, Any]:
        """A Series object with its history."""
        return self._json("GET", f"/api/series/{_path(key)}")

    def post_series(self, key: SeriesKey, action: str) -> dict[str, Any]:
        """complete, reopen or activity."""
        return self._json("POST", f"/api/series/{_path(key)}/{action}")

    def restore(self, key: SeriesKey, version_id: str, previous_version_id: str | None) -> dict[str, Any]:
        """Makes an earlier version current again; answers as a save."""
        body = {"version_id": version_id, "previous_version_id": previous_version_id}
        return self._json("POST", f"/api/series/{_path(key)}/restore", json=body)

    def masks(self, key: SeriesKey, version_id: str | None = None) -> Archive:
        """The archive with the current masks (or those of one version).

        Raises CoreError TRACK_PENDING, TRACK_PROCESSING (details frames_done, frames_total) or what the server says.
        """
        params = {} if version_id is None else {"version": version_id}
        with self._request("GET", f"/api/masks/{_path(key)}", params=params) as response:
            if response.status_code == 202:
                body = _body(response)
                code = str(body.pop("error_code", "TRACK_PENDING"))
                raise CoreError(code, "The server is still preparing the masks.", 202, **_numbers(body))
            if len(response.content) > LIMITS.packed_bytes:
                raise CoreError("ARCHIVE_INVALID", "The masks from the server are larger than allowed.", 502)
            try:
                return unpack(response.content)
            except ArchiveError as error:
                raise CoreError("ARCHIVE_INVALID", f"The masks from the server are damaged: {error}", 502) from error

    def save(self, key: SeriesKey, archive: bytes, previous_version_id: str | None) -> str:
        """Sends a save; returns its version id.

        Raises ServerOfflineError when the outcome is unknown; CoreError VERSION_MISMATCH, RETRACK_IN_PROGRESS, ….
        """
        headers = {"X-Previous-Version-ID": previous_version_id or "null", "Content-Type": "application/gzip"}
        answer = self._json("POST", f"/api/masks/{_path(key)}", data=archive, headers=headers)
        return _version(answer)

    def retrack(self, key: SeriesKey) -> str:
        """Tracks the last saved annotations again after a failure; returns the version id."""
        return _version(self._json("POST", f"/api/retrack/{_path(key)}"))

    def retrack_status(self, key: SeriesKey) -> dict[str, Any]:
        """Where the retrack of a series is."""
        return self._json("GET", f"/api/retrack/status/{_path(key)}")

    def event_lines(self, last_event_id: str | None) -> Iterator[str]:
        """The lines of the server's event stream, until it ends. Raises CoreError when it cannot be opened."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        with self._request("GET", "/api/events", headers=headers, stream=True) as response:
            try:
                for line in response.iter_lines(chunk_size=1, decode_unicode=False):
                    yield line.decode("utf-8", "replace")
            except requests.RequestException as error:
                raise ServerOfflineError from error

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with self._request(method, path, timeout=_QUICK if method == "GET" else _TIMEOUT, **options) as response:
            return _body(response)

    def _request(
        self, method: str, path: str, timeout: tuple[float, float] = _TIMEOUT, **options: Any
    ) -> requests.Response:
        if not self._url:
            raise CoreError("SERVER_UNSET", "No server is set.", 503)
        headers = {"X-Editor": self._editor.encode("utf-8"), **options.pop("headers", {})}
        tries = _TRIES if method == "GET" and not options.get("stream") else 1
        for attempt in range(1, tries + 1):
            try:
                response = self._session().request(
                    method, self._url + path, auth=self._auth, headers=headers, timeout=timeout,
                    allow_redirects=False, **options,
                )  # fmt: skip
            except requests.RequestException as error:
                if attempt == tries or isinstance(error, requests.Timeout):  # a server that hangs goes on hanging
                    self._on_state("offline")
                    raise ServerOfflineError from error
                time.sleep(0.2 * attempt)
            else:
                return self._checked(response)
        raise ServerOfflineError

    def _checked(self, response: requests.Response) -> requests.Response:
        if response.status_code in (502, 503, 504):  # a proxy whose server is away, or a server that is starting
            body = _body(response)
            self._on_state("offline")
            raise ServerOfflineError(str(body.get("message") or "The server is not available right now."))
        self._on_state("unauthorized" if response.status_code in (401, 403) else "ok")
        if response.ok and response.status_code < 300:
            return response
        body = _body(response)
        code = str(body.pop("error_code", "") or "SERVER_ERROR")
        message = str(body.pop("message", "") or "The server refused this.")
        body.pop("request_id", None)
        status = response.status_code if 400 <= response.status_code < 600 else 502
        raise CoreError(code, message, status, **{k: v for k, v in body.items() if isinstance(k, str)})

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return session


def _path(key: SeriesKey) -> str:
    return "/".join(quote(part, safe="") for part in key)


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _numbers(body: dict[str, Any]) -> dict[str, int]:
    return {name: body[name] for name in ("frames_done", "frames_total") if type(body.get(name)) is int}


def _version(answer: dict[str, Any]) -> str:
    version = answer.get("version_id")
    if not isinstance(version, str) or not version:
        raise CoreError("SERVER_ERROR", "The server's answer to a save has no version.", 502)
    return version
