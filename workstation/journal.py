"""What has a person drawn on a series since it was loaded? An append-only file of ops, fsynced before anyone hears ok.

One JSON object a line (docs/contracts.md). The first line is a header that names the masks the ops start from. A line
that a crash cut short is dropped on the next start. Called by the session for every series that is open.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from tracking.contracts.disk import sync_directory
from workstation.compaction import LARGEST, compacted
from workstation.errors import CoreError
from workstation.files import write_bytes
from workstation.op_check import Picture, check_op, check_stored, is_plain_name
from workstation.replay import Op, last_rebase, step, undo_stack

log = logging.getLogger("goobusters.journal")


class Journal:
    """The ops of one series. Every public method may be called from any thread; `lock` spans longer work on it."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self._header: dict[str, Any] = {}
        self._ops: list[Op] = []
        self._ids: set[str] = set()
        self._applied: list[str] = []  # the undo stack after all ops, and the part of it that is saved
        self._undone: list[str] = []
        self._saved: list[str] = []
        self.was_damaged = False
        self._load()

    def _load(self) -> None:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return
        lines = raw.split(b"\n")
        good = 0
        for number, line in enumerate(lines[:-1]):
            try:
                if number == 0:
                    self._header = _header(line)
                else:
                    self._remember(check_stored(json.loads(line)))
            except (ValueError, RecursionError, CoreError):
                self.was_damaged = True
                log.error("a journal is damaged at line %d; the rest is kept beside it", number + 1)
                break
            good += len(line) + 1
        if good < len(raw):
            self._set_aside(raw, good)

    def _set_aside(self, raw: bytes, good: int) -> None:
        """Cuts what cannot be read off the journal: a torn last line is dropped, anything more is kept in a file."""
        if self.was_damaged:
            count = len(list(self._path.parent.glob(f"{self._path.stem}.damaged*")))
            write_bytes(self._path.with_suffix(f".damaged-{count + 1}"), raw)
        write_bytes(self._path, raw[:good])

    def _remember(self, op: Op) -> None:
        if not step(op, self._applied, self._undone):
            raise CoreError("OP_OUT_OF_ORDER", "This step does not follow on the last one. Reload the page.", 422)
        self._ops.append(op)
        self._ids.add(op["id"])
        if op["op"] in ("accepted", "rebase"):
            self._saved = undo_stack(self._ops[: self.saved_position])[0]

    @property
    def is_started(self) -> bool:
        """Whether the journal has a base to start from."""
        return bool(self._header)

    def start(self, base: str) -> None:
        """Begins anew over the masks in directory `base`; ops there were are gone. Only when nothing is unsaved."""
        with self.lock:
            header = {"base": {"masks": base}}
            write_bytes(self._path, json.dumps(header).encode() + b"\n")
            self._header = header["base"]
            self._forget(0)

    def compact(self, largest: int = LARGEST) -> None:
        """Makes a file of more than `largest` bytes short again, if all of it is saved (see compaction.py).

        To be called before anyone has read the ops, and not while a save is under way.
        """
        with self.lock:
            is_small = not self._path.exists() or self._path.stat().st_size <= largest
            if is_small or self.is_dirty or self.accepted() is not None:
                return
            ops = compacted(self._ops, room=largest // 2)
            write_bytes(self._path, _line({"base": self._header}) + b"".join(_line(op) for op in ops))
            self._forget(0)
            for op in ops:
                self._remember(op)

    @property
    def base(self) -> str:
        """Name of the directory with the masks that the ops from the last rebase on lie over."""
        with self.lock:
            rebase = last_rebase(self._ops)
            return str(self._header["masks"] if rebase is None else self._ops[rebase]["masks"])

    def ops(self) -> list[Op]:
        """All ops, oldest first (a copy of the list)."""
        with self.lock:
            return list(self._ops)

    def append_edits(self, ops: list[Any], picture: Picture) -> int:
        """Adds the viewer's ops, durable on return; ops with a known id are skipped. Returns how many there are now.

        Raises CoreError OP_INVALID or OP_OUT_OF_ORDER; then nothing of the list was added.
        """
        with self.lock:
            before = len(self._ops)
            try:
                for op in ops:
                    check_op(op, picture)
                    if op["id"] not in self._ids:
                        self._remember(op)
                self._write(self._ops[before:])
            except BaseException:  # whatever it was: what is not on the disk must not be taken for known
                self._forget(before)
                raise
            return len(self._ops)

    def append_own(self, op: Op) -> None:
        """Adds an `accepted`, a `rebase` or an edit that the core itself makes, durable on return."""
        with self.lock:
            before = len(self._ops)
            try:
                self._remember(op)
                self._write([op])
            except BaseException:  # as in append_edits
                self._forget(before)
                raise

    def _forget(self, count: int) -> None:
        """Takes all ops but the first `count` out of memory."""
        del self._ops[count:]
        self._ids = {op["id"] for op in self._ops}
        self._applied, self._undone = undo_stack(self._ops)
        self._saved = undo_stack(self._ops[: self.saved_position])[0]

    def _write(self, ops: list[Op]) -> None:
        if not ops:
            return
        data = b"".join(_line(op) for op in ops)
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "ab") as file:
            length = file.tell()
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), length)
                raise
        if is_new:
            sync_directory(self._path.parent)

    @property
    def position(self) -> int:
        """Index of the first op that is not contained in the base."""
        with self.lock:
            rebase = last_rebase(self._ops)
            return 0 if rebase is None else int(self._ops[rebase]["position"])

    def accepted(self) -> Op | None:
        """The last `accepted` op whose masks have not come yet, or None."""
        with self.lock:
            for op in reversed(self._ops):
                if op["op"] in ("accepted", "rebase"):
                    return op if op["op"] == "accepted" else None
            return None

    @property
    def saved_position(self) -> int:
        """Ops below this are in a save that the server has accepted."""
        accepted = self.accepted()
        return int(accepted["position"]) if accepted else self.position

    @property
    def is_dirty(self) -> bool:
        """Whether other edits are applied now than at the last accepted save (undoing them all makes it clean)."""
        with self.lock:
            return self._has_kept_unsaved() or self._applied != self._saved

    def _has_kept_unsaved(self) -> bool:
        """After a merge the last rebase keeps edits that are not on the server, though ops stand below its position."""
        rebase = last_rebase(self._ops)
        return rebase is not None and bool(self._ops[rebase].get("is_unsaved")) and self.accepted() is None


def _line(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _header(line: bytes) -> dict[str, Any]:
    value = json.loads(line)
    base = value.get("base") if isinstance(value, dict) else None
    if not isinstance(base, dict) or not is_plain_name(base.get("masks")):
        raise ValueError("the journal names no masks")
    return base
