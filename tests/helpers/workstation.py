"""Starts a real workstation core over a folder of clips and talks to it as its viewer does. For tests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from workstation.backend import Backend
from workstation.settings import SettingsStore

Key = tuple[str, str]


class Workstation:
    """A started Backend and a browser-like session with its cookie. `directory` holds cache and user settings."""

    def __init__(
        self,
        directory: Path,
        clips: Path,
        *,
        server: str = "",
        editor: str = "ann@example.org",
        token: str | None = None,
    ) -> None:
        self.directory = directory
        environment = {
            "DATASET": f"folder:{clips}",
            "SERVER_URL": server,
            "USER_EMAIL": editor,
            "MDAI_TOKEN": "a token, so that nobody's keyring is asked",
            "VIDEO_CACHE_PATH": str(directory / "cache"),
        }
        directory.mkdir(parents=True, exist_ok=True)
        if token is not None:  # one that can be changed: not from the environment
            del environment["MDAI_TOKEN"]
        store = SettingsStore(directory, directory / "user", environment)
        if token is not None:
            store.current = replace(store.current, mdai_token=token)
        self.backend = Backend(store)
        self.session = requests.Session()
        self.base = ""

    def __enter__(self) -> Workstation:
        self.backend.start()
        self.base = self.backend.address.partition("/?")[0]
        self.session.get(self.backend.address, timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        self.backend.stop()

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=30, **options)

    def get(self, path: str) -> Any:
        answer = self.request("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.request("POST", path, json=body or {})
        assert answer.ok, answer.text
        return answer.json()

    def series(self, key: Key) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/series/{key[0]}/{key[1]}")
        return found

    def wait(self, key: Key, condition: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """The series once `condition` of it holds."""
        return self.wait_for(lambda: self.series(key), condition, seconds)

    def wait_for(self, ask: Callable[[], Any], condition: Callable[[Any], bool], seconds: float = 60) -> Any:
        """What `ask` gives once `condition` of it holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = ask()
            if condition(found):
                return found
            time.sleep(0.02)
        raise TimeoutError(str(found))

    def listed(self, count: int) -> list[dict[str, Any]]:
        """The list, once it has `count` series."""
        found: list[dict[str, Any]] = self.wait_for(
            lambda: self.get("/api/series")["series"], lambda series: len(series) >= count
        )
        return found

    def open(self, key: Key) -> dict[str, Any]:
        """Opens a series and waits until it can be edited, or failed."""
        self.wait_for(lambda: self.request("GET", f"/api/series/{key[0]}/{key[1]}"), lambda answer: answer.ok)
        self.post(f"/api/series/{key[0]}/{key[1]}/open")
        return self.wait(key, lambda s: s["state"] in ("ready", "edited", "saved", "error") or s["error_code"])

    def ops(self, key: Key) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/api/journal/{key[0]}/{key[1]}")["ops"]
        return found

    def append(self, key: Key, *ops: dict[str, Any]) -> requests.Response:
        return self.request("POST", f"/api/journal/{key[0]}/{key[1]}", json={"ops": list(ops)})

    def paint(self, key: Key, frame: int, box: tuple[int, int, int, int]) -> dict[str, Any]:
        """Paints a filled box (x, y, width, height) where nothing was; returns the op."""
        op = edit(change(frame, box))
        answer = self.append(key, op)
        assert answer.ok, answer.text
        return op

    def save(self, key: Key, seconds: float = 60) -> dict[str, Any]:
        """Saves and waits until nothing is under way, or a person has to decide."""
        self.post(f"/api/series/{key[0]}/{key[1]}/save")
        return self.wait(key, lambda s: s["save"] is None or s["save"]["state"] in ("conflict", "failed"), seconds)

    def masks(self, key: Key) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/masks/{key[0]}/{key[1]}")
        return found

    def annotated(self, key: Key) -> set[tuple[int, str]]:
        """(frame, label) of every annotation in the base version."""
        return {(f["frame_number"], f["label_id"]) for f in self.masks(key)["frames"] if f["is_annotation"]}


def change(
    frame: int,
    box: tuple[int, int, int, int] | None,
    *,
    label_id: str = LABEL_ID,
    kinds: tuple[str, str] = ("tracked", "annotation"),
) -> dict[str, Any]:
    """A change that fills `box`, or only the kind."""
    area = box[2] * box[3] if box else 0
    return {
        "frame_number": frame,
        "label_id": label_id,
        "kind_before": kinds[0],
        "kind_after": kinds[1],
        "bbox": list(box) if box else None,
        "before": [area] if box else None,
        "after": [0, area] if box else None,
    }


def edit(*changes: dict[str, Any]) -> dict[str, Any]:
    """An edit op."""
    return {"id": str(uuid.uuid4()), "op": "edit", "tool": "brush", "changes": list(changes)}


def step(kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An undo or redo of an edit."""
    return {"id": str(uuid.uuid4()), "op": kind, "entry": entry["id"]}


def mark_empty(frame: int) -> dict[str, Any]:
    """The edit that verifies a frame empty."""
    return edit(change(frame, None, label_id=EMPTY_ID, kinds=("none", "empty")))
