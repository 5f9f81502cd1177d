"""Runs MD.ai's unmodified SDK in a process of its own and says, one JSON object a line, what it did.

Started by mdai_sdk alone (`python -m tracking.contracts.mdai_sdk_child`). The request, with the token, is one line on
stdin; when stdin closes, whoever asked is gone and so is this process. The SDK prints instead of reporting, swallows
download errors and waits for ever when one of its threads dies; so its HTTP session is listened to, its threads' ends
are watched, and nothing it prints goes any further.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests

from tracking.contracts.mdai_client import check_token
from tracking.contracts.mdai_types import MdaiError, check_domain, check_file_keys, export_name

_ENDPOINT = re.compile(r"/api/data-export/(annotations|images)(?:/(progress|done|error))?")
_PERCENT = re.compile(r"([0-9]{1,3})%\|")  # tqdm's bar
_REFUSED_AS = {"annotations": "MDAI_PROJECT_REFUSED", "images": "MDAI_IMAGES_REFUSED"}


class _Reporter:
    """Writes events to the pipe that was stdout; from then on everything printed goes nowhere."""

    def __init__(self) -> None:
        self._pipe = os.fdopen(os.dup(1), "w", encoding="ascii")
        self._lock = threading.Lock()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)

    def __call__(self, event: str, **details: Any) -> None:
        with self._lock:
            print(json.dumps({"event": event, **details}), file=self._pipe, flush=True)

    def fail(self, code: str) -> NoReturn:
        """The last word: the SDK's threads are not waited for."""
        self("failed", code=code)
        os._exit(0)


class _Listener:
    """What the SDK was told by MD.ai, from its own HTTP session and from what it prints."""

    def __init__(self, report: _Reporter) -> None:
        self._report = report
        self.status = dict.fromkeys(_REFUSED_AS, 0)
        self.state = dict.fromkeys(_REFUSED_AS, "")
        self.keys: dict[str, list[str]] = {}
        self.broken: set[str] = set()
        self._part = (0, 1)

    def on_response(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        """A `requests` hook: sees every answer before the SDK acts on it."""
        match = _ENDPOINT.fullmatch(urlsplit(response.url).path)
        if match is None or match[2] == "error":
            return
        kind, step = match[1], match[2]
        self.status[kind] = response.status_code
        if step is None or response.status_code != 200:
            return
        try:
            body = response.json()
        except ValueError:
            self._report.fail("MDAI_UNAVAILABLE")  # the SDK's thread would die and its main thread wait for ever
        body = body if isinstance(body, dict) else {}
        if step == "progress":
            self.state[kind] = str(body.get("status"))
            if self.state[kind] not in ("running", "done", "error"):
                self._report.fail("MDAI_UNAVAILABLE")  # the SDK would neither go on nor stop
            percent = 100 if self.state[kind] == "done" else body.get("progress")
            self._report("progress", phase="preparing", percent=percent if type(percent) is int else None)
        else:
            try:
                self.keys[kind] = check_file_keys(body.get("fileKeys"), kind)
            except MdaiError as error:
                self._report.fail(error.code)  # before the SDK writes to such names, or waits for none

    def write(self, text: str) -> int:
        """Stands in for sys.stdout and sys.stderr: any sign of life is one, words are not passed on."""
        for kind in _REFUSED_AS:
            if text.startswith(f"Error downloading {kind}"):
                self.broken.add(kind)
            for number, key in enumerate(self.keys.get(kind, [])):
                if text.startswith(f"Downloading file: {key}"):
                    self._part = (number, len(self.keys[kind]))
        for percent in _PERCENT.findall(text):
            number, count = self._part
            self._report("progress", phase="downloading", percent=(100 * number + min(100, int(percent))) // count)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        """tqdm asks."""
        return False

    def outcome(self, kind: str) -> str | None:
        """Why the SDK brought nothing of this kind, as far as it can be known; None when it says it did."""
        if kind in self.broken:
            return "MDAI_DOWNLOAD_BROKEN"
        if kind in self.keys:
            return None
        if self.status[kind] in (401, 403):
            return _REFUSED_AS[kind]
        return "MDAI_EXPORT_FAILED" if self.state[kind] == "error" else "MDAI_UNAVAILABLE"


def _code_of(error: BaseException) -> str:
    if isinstance(error, requests.HTTPError):
        match = _ENDPOINT.search(urlsplit(error.response.url).path) if error.response is not None else None
        is_refused = match is not None and error.response.status_code in (401, 403)
        return _REFUSED_AS[match[1]] if match and is_refused else "MDAI_UNAVAILABLE"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "MDAI_UNREACHABLE"
    return "MDAI_STOPPED"


def _leave_with_parent() -> None:
    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _export(request: dict[str, str], report: _Reporter) -> None:
    listener = _Listener(report)
    sys.stdout = sys.stderr = listener
    check_domain(request["domain"])
    if not check_token(request["domain"], request["token"]):  # the SDK gives the same answer to everything but 200
        raise MdaiError("MDAI_TOKEN_REFUSED")
    try:
        import mdai
    except ImportError as error:
        raise MdaiError("MDAI_SDK_MISSING") from error
    report("started")  # a sign of life: that import takes seconds
    client = mdai.Client(domain=request["domain"], access_token=request["token"])
    client.session.hooks["response"].append(listener.on_response)
    where = {"project_id": request["project_id"], "dataset_id": request["dataset_id"], "path": request["path"]}
    client.project(**where, annotations_only=True)
    code = listener.outcome("annotations")
    if code is not None:
        raise MdaiError(code)
    report("annotations", file=listener.keys["annotations"][0])
    try:
        client.project(**where, extract_images=False)  # unpacked by mdai_unzip, which looks at what it unpacks
    except requests.RequestException:
        raise
    except Exception as error:  # noqa: BLE001 - the files are here by then; this is the SDK's own index of them
        report("note", what=type(error).__name__)
    code = listener.outcome("images")
    if code is not None:
        raise MdaiError(code)
    keys = listener.keys["images"]
    is_here = any((Path(request["path"]) / key).exists() for key in keys)
    report("images", export=export_name(keys[0]), files=keys if is_here else [])


def main() -> None:
    """One export, asked for on stdin, told on stdout."""
    request = json.loads(sys.stdin.buffer.readline())
    report = _Reporter()
    _leave_with_parent()
    threading.excepthook = lambda arguments: report.fail(_code_of(arguments.exc_value or RuntimeError()))
    try:
        _export(request, report)
    except MdaiError as error:
        report.fail(error.code)
    except Exception as error:  # noqa: BLE001 - the SDK raises plain Exception; only the code may leave this process
        report.fail(_code_of(error))
    report("end")
    os._exit(0)


if __name__ == "__main__":
    main()
