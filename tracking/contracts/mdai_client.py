"""Fetches an export from MD.ai with `requests` alone: the iPad's way, where the SDK cannot be installed.

mdai_sync calls fetch(); the server and the SDK's child process ask check_token() whom MD.ai lets in. Speaks the same
endpoints as the SDK, without its silences: every status, length and job state is looked at.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tracking.contracts.mdai_types import (
    Fetched,
    MdaiError,
    Source,
    SyncProgress,
    Watch,
    check_domain,
    check_file_keys,
    export_name,
)

_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
_BLOCK = 1 << 14  # small: on a slow line too, a cancel is seen within a second or two
_MAX_ANSWER = 1 << 20
_REFUSALS = (401, 403)


def check_token(domain: str, token: str) -> bool:
    """Whether MD.ai lets this token in. Raises MdaiError MDAI_DOMAIN_INVALID, MDAI_UNREACHABLE, MDAI_UNAVAILABLE."""
    check_domain(domain)
    with requests.Session() as session:
        status = _ask(session, "GET", f"https://{domain}/api/test", token).status_code
    if status == 200:
        return True
    if status in _REFUSALS:
        return False
    raise MdaiError("MDAI_UNAVAILABLE")


def fetch(source: Source, directory: Path, have: str | None, watch: Watch, poll_seconds: float = 1.0) -> Fetched:
    """One export: annotations, and all image parts unless the image export is `have` (see mdai_types.Fetch)."""
    if not check_token(source.domain, source.token):
        raise MdaiError("MDAI_TOKEN_REFUSED")
    with requests.Session() as session:
        export = _Export(source, session, directory, watch, poll_seconds)
        annotations = export.download(export.prepare("annotations", "MDAI_PROJECT_REFUSED"))[0]
        try:
            keys = export.prepare("images", "MDAI_IMAGES_REFUSED")
            name = export_name(keys[0])
            return Fetched(annotations, name, () if name == have else tuple(export.download(keys)))
        except MdaiError as error:
            return Fetched(annotations, images_error=error)


def _ask(session: requests.Session, method: str, url: str, token: str | None, **how: Any) -> requests.Response:
    """One request, its answer read. Redirects are not followed: they would carry the token elsewhere."""
    headers = {"x-access-token": token} if token else {}
    try:
        return session.request(method, url, headers=headers, timeout=_TIMEOUT, allow_redirects=False, **how)
    except (requests.RequestException, ValueError) as error:
        # the text of these holds addresses and, for a token with odd characters, the header: it goes no further
        raise MdaiError("MDAI_UNREACHABLE") from _without_text(error)


def _without_text(error: Exception) -> Exception:
    return RuntimeError(type(error).__name__)


class _Export:
    """The export jobs of one data set, and their files."""

    def __init__(
        self, source: Source, session: requests.Session, directory: Path, watch: Watch, poll_seconds: float
    ) -> None:
        self._source = source
        self._session = session
        self._directory = directory
        self._watch = watch
        self._poll_seconds = poll_seconds
        self._base = f"https://{source.domain}/api/data-export"

    def prepare(self, kind: str, refusal: str) -> list[str]:
        """Runs one export job; the names of its files. kind: "annotations" or "images"; refusal: code of a 401/403."""
        wanted: dict[str, str | None]
        wanted = {"projectHashId": self._source.project_id, "datasetHashId": self._source.dataset_id}
        wanted |= {"exportFormat": "zip"} if kind == "images" else {"exportFormat": "json", "labelGroupHashId": None}
        self._expect(202, refusal, f"{self._base}/{kind}", wanted)
        while True:
            answer = self._json(refusal, f"{self._base}/{kind}/progress", wanted)
            if answer.get("status") == "done":
                return check_file_keys(self._json(refusal, f"{self._base}/{kind}/done", wanted).get("fileKeys"), kind)
            if answer.get("status") != "running":
                raise MdaiError("MDAI_EXPORT_FAILED")
            percent = answer.get("progress")
            self._watch.step(SyncProgress("preparing", percent if type(percent) is int else 0, 100))
            _sleep(self._poll_seconds, self._watch)

    def download(self, keys: list[str]) -> list[Path]:
        """Brings files into the directory."""
        return [self._download(key, number, len(keys)) for number, key in enumerate(keys)]

    def _download(self, key: str, number: int, count: int) -> Path:
        request = {"key": quote(key), "sessionId": str(uuid.uuid4())}
        answer = self._json("MDAI_PROJECT_REFUSED", f"{self._base}/download-request", request)
        secret = {"token": answer.get("token"), "sessionId": request["sessionId"]}
        url = f"{self._base}/download/{request['key']}"
        response = _ask(self._session, "POST", url, None, json=secret, stream=True)
        if response.status_code == 405:  # as the SDK: older services want GET
            response.close()
            response = _ask(self._session, "GET", url, None, params=secret, stream=True)
        path = self._directory / key
        with response:
            if response.status_code != 200:
                raise MdaiError("MDAI_DOWNLOAD_BROKEN")
            self._save(response, path, lambda share: int(100 * (number + share) / count))
        return path

    def _save(self, response: requests.Response, path: Path, percent: Callable[[float], int]) -> None:
        length = int(response.headers.get("Content-Length") or 0)
        written = 0
        try:
            with path.open("xb") as out:
                for block in response.iter_content(_BLOCK):
                    out.write(block)
                    written += len(block)
                    share = min(1.0, written / length) if length else 0.0
                    self._watch.step(SyncProgress("downloading", percent(share), 100 if length else 0))
        except requests.RequestException as error:
            raise MdaiError("MDAI_DOWNLOAD_BROKEN") from _without_text(error)
        if length and written != length:
            raise MdaiError("MDAI_DOWNLOAD_BROKEN")

    def _expect(self, status: int, refusal: str, url: str, body: dict[str, Any]) -> requests.Response:
        self._watch.step()
        response = _ask(self._session, "POST", url, self._source.token, json=body)
        if response.status_code in _REFUSALS:
            raise MdaiError(refusal)
        if response.status_code != status or len(response.content) > _MAX_ANSWER:
            raise MdaiError("MDAI_UNAVAILABLE")
        return response

    def _json(self, refusal: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            value = self._expect(200, refusal, url, body).json()
        except ValueError as error:
            raise MdaiError("MDAI_UNAVAILABLE") from _without_text(error)
        if not isinstance(value, dict):
            raise MdaiError("MDAI_UNAVAILABLE")
        return value


def _sleep(seconds: float, watch: Watch) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        watch.step()
        time.sleep(min(0.1, left))
