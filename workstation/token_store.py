"""Where is the access token kept between two starts? In the system's keyring, if one is there that really keeps it.

A keyring may be missing, locked, waiting for a person's password, or only pretend to keep what it is given. So each
call has a deadline, what was written is read back, and nothing here raises. Used by `workstation.settings`.
"""

from __future__ import annotations

import enum
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

log = logging.getLogger("goobusters.token_store")

_SERVICE, _NAME = "goobusters", "token"
_START_SECONDS = 1.5  # a start waits no longer; an answer that comes later is taken then
_WRITE_SECONDS = 30.0  # a person may have to type a password

Answer = TypeVar("Answer")


class KeyringState(enum.StrEnum):
    """What became of the keyring: there is none, it answers, or it is there and does not."""

    ABSENT = "absent"
    OPEN = "open"
    FAILED = "failed"


class TokenStore:
    """The token in the keyring. `state` says how the last call went."""

    def __init__(self) -> None:
        self.state = KeyringState.ABSENT

    def load(self, on_late: Callable[[str], None]) -> str:
        """The kept token, or "". One that comes after the deadline goes to `on_late`, in another thread."""
        found = self._call(lambda keyring: keyring.get_password(_SERVICE, _NAME), _START_SECONDS, on_late)
        return found if isinstance(found, str) else ""

    def keep(self, token: str) -> bool:
        """Whether the token will be there at the next start."""

        def write(keyring: Any) -> bool:
            keyring.set_password(_SERVICE, _NAME, token)
            return bool(keyring.get_password(_SERVICE, _NAME) == token)

        return bool(self._call(write, _WRITE_SECONDS))

    def forget(self) -> bool:
        """Whether no token will be there at the next start."""

        def delete(keyring: Any) -> bool:
            if keyring.get_password(_SERVICE, _NAME):
                keyring.delete_password(_SERVICE, _NAME)
            return not keyring.get_password(_SERVICE, _NAME)

        return bool(self._call(delete, _WRITE_SECONDS)) or self.state is KeyringState.ABSENT

    def _call(
        self, work: Callable[[Any], Answer], seconds: float, on_late: Callable[[Answer], None] | None = None
    ) -> Answer | None:
        """What `work` gives of the keyring; None when there is no keyring, it fails, or it takes longer."""
        call = _Call(work, on_late)
        threading.Thread(target=call.run, name="keyring", daemon=True).start()
        answer: Answer | None
        self.state, answer = call.wait(seconds)
        return answer


class _Call:
    """One call of the keyring in a thread of its own, which nobody has to wait for."""

    def __init__(self, work: Callable[[Any], Any], on_late: Callable[[Any], None] | None) -> None:
        self._work = work
        self._on_late = on_late
        self._lock = threading.Lock()
        self._is_given_up = False
        self._answers: queue.Queue[tuple[KeyringState, Any]] = queue.Queue()

    def wait(self, seconds: float) -> tuple[KeyringState, Any]:
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            pass
        with self._lock:
            self._is_given_up = self._answers.empty()
        if not self._is_given_up:
            return self._answers.get()
        log.error("the keyring has not answered within %.1f seconds", seconds)
        return KeyringState.FAILED, None

    def run(self) -> None:
        state, answer = self._ask()
        with self._lock:
            self._answers.put((state, answer))
            is_late = self._is_given_up
        if is_late and answer and self._on_late:
            self._on_late(answer)

    def _ask(self) -> tuple[KeyringState, Any]:
        try:
            keyring = find_keyring()
            return (KeyringState.ABSENT, None) if keyring is None else (KeyringState.OPEN, self._work(keyring))
        except Exception as error:  # noqa: BLE001 - foreign code; its messages may hold the token, so only the type is logged
            log.error("the keyring failed (%s)", type(error).__name__)
            return KeyringState.FAILED, None


def find_keyring() -> Any:
    """The keyring package, or None when it is not installed or knows no place to keep anything on this system."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring)) else keyring
