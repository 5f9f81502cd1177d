"""The token and the system's keyring: real back ends of the keyring package, and one as awkward as they come."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import chainer, fail, null
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError

from tests.helpers.clips import write_dataset
from workstation import token_store
from workstation.core import Core
from workstation.errors import CoreError
from workstation.settings import SettingsStore

TOKEN = "s3cret-token"


class FileKeyring(keyring.backend.KeyringBackend):  # type: ignore[misc,name-defined]
    """A back end of the real package that keeps passwords in a file and can be made to misbehave."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.error: Exception | None = None
        self.unlocked = threading.Event()  # a person who types the password
        self.unlocked.set()

    def _kept(self) -> dict[str, str]:
        if not self.unlocked.wait(60):
            raise KeyringLocked
        if self.error:
            raise self.error
        return dict(json.loads(self._path.read_text("utf-8"))) if self._path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps({**self._kept(), f"{service}/{username}": password}), "utf-8")

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        del kept[f"{service}/{username}"]
        self._path.write_text(json.dumps(kept), "utf-8")


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[FileKeyring]:
    """The back end that this process uses while the test runs."""
    before = keyring.get_keyring()
    backend = FileKeyring(tmp_path / "keyring.json")
    keyring.set_keyring(backend)
    yield backend
    backend.unlocked.set()
    keyring.set_keyring(before)


def store(tmp_path: Path, **environment: str) -> SettingsStore:
    return SettingsStore(tmp_path, tmp_path / "user", environment)


def test_the_token_is_there_at_the_next_start(tmp_path: Path, backend: FileKeyring) -> None:
    first = store(tmp_path)
    assert (first.public()["token_storage"], first.notices()) == ("none", [])
    first.update({"token": TOKEN})
    again = store(tmp_path)
    assert (again.current.mdai_token, again.token_storage) == (TOKEN, "keyring")
    again.update({"token": ""})
    assert store(tmp_path).public()["has_token"] is False
    assert TOKEN not in (tmp_path / "keyring.json").read_text("utf-8")


def test_a_chosen_token_comes_before_that_of_a_file_and_after_the_environment(
    tmp_path: Path, backend: FileKeyring
) -> None:
    (tmp_path / "dot.env").write_text("MDAI_TOKEN=stale\n", "utf-8")
    settings = store(tmp_path)
    assert (settings.current.mdai_token, settings.token_storage) == ("stale", "environment")
    settings.update({"token": TOKEN})
    assert store(tmp_path).current.mdai_token == TOKEN
    assert store(tmp_path, MDAI_TOKEN="forced").current.mdai_token == "forced"


@pytest.mark.parametrize("make", [fail.Keyring, null.Keyring, chainer.ChainerBackend])
def test_back_ends_that_keep_nothing_are_not_believed(
    tmp_path: Path, backend: FileKeyring, make: Callable[[], Any]
) -> None:
    keyring.set_keyring(make())
    settings = store(tmp_path)
    settings.update({"token": TOKEN})
    assert (settings.current.mdai_token, settings.token_storage) == (TOKEN, "session")
    assert store(tmp_path).notices() == [], "there is no keyring, so there is nothing to be said about it"


@pytest.mark.parametrize("error", [KeyringLocked("no"), PasswordSetError("no"), RuntimeError("no"), TypeError("no")])
def test_a_keyring_that_fails_is_said_and_the_token_holds_for_this_run(
    tmp_path: Path, backend: FileKeyring, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    backend.error = error
    settings = store(tmp_path)
    assert [notice["code"] for notice in settings.notices()] == ["KEYRING_FAILED"]
    settings.update({"token": TOKEN})
    assert (settings.current.mdai_token, settings.token_storage) == (TOKEN, "session")
    assert settings.notices() == []
    assert TOKEN not in caplog.text


def test_a_token_that_cannot_be_deleted_is_not_called_gone(tmp_path: Path, backend: FileKeyring) -> None:
    settings = store(tmp_path)
    settings.update({"token": TOKEN})
    backend.error = PasswordDeleteError("no")
    with pytest.raises(CoreError) as refused:
        settings.update({"token": ""})
    assert refused.value.code == "KEYRING_FAILED"
    assert settings.public()["has_token"] is True


def test_a_locked_keyring_holds_up_no_start_and_its_token_is_taken_when_it_comes(
    tmp_path: Path, backend: FileKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path).update({"token": TOKEN})
    monkeypatch.setattr(token_store, "_START_SECONDS", 0.05)
    write_dataset(tmp_path / "clips", 1)
    backend.unlocked.clear()
    environment = {"DATASET": f"folder:{tmp_path / 'clips'}", "SERVER_URL": "http://127.0.0.1:9"}
    core = Core(store(tmp_path, **environment))
    core.start()
    try:
        before = core.server
        assert core.store.public()["has_token"] is False
        assert [notice["code"] for notice in core.session_json()["notices"]] == ["KEYRING_FAILED"]
        news, _ = core.events.subscribe()
        backend.unlocked.set()
        while core.server is before:
            assert news.get(60) is not None
        assert (core.settings.mdai_token, core.store.token_storage) == (TOKEN, "keyring")
        assert core.session_json()["notices"] == []
    finally:
        core.close()


def test_a_late_token_does_not_replace_one_that_was_typed_meanwhile(
    tmp_path: Path, backend: FileKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path).update({"token": "old"})
    monkeypatch.setattr(token_store, "_START_SECONDS", 0.05)
    monkeypatch.setattr(token_store, "_WRITE_SECONDS", 0.05)
    backend.unlocked.clear()
    settings = store(tmp_path)
    settings.update({"token": TOKEN})
    assert (settings.current.mdai_token, settings.token_storage) == (TOKEN, "session")
    backend.unlocked.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "keyring"]:
        thread.join(60)
    assert settings.current.mdai_token == TOKEN
