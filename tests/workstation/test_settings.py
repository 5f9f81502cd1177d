"""Settings: which source wins, what is refused, and where the token never goes."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracking.contracts.settings import SettingError
from workstation import settings as module
from workstation.errors import CoreError
from workstation.settings import SettingsStore, user_directory


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests must not touch the keyring of whoever runs them."""
    monkeypatch.setattr(module, "_keyring", lambda: None)


def store(tmp_path: Path, **environment: str) -> SettingsStore:
    return SettingsStore(tmp_path, tmp_path / "user", environment)


def test_environment_over_choice_over_files_over_default(tmp_path: Path) -> None:
    (tmp_path / "dot.env").write_text("USER_EMAIL=file@example.org\nSERVER_URL=http://file:1\n", "utf-8")
    (tmp_path / "dot.env.client").write_text("SERVER_URL=http://client:2\n", "utf-8")
    first = store(tmp_path)
    assert (first.current.user_email, first.current.server_url) == ("file@example.org", "http://client:2")
    first.update({"editor": "chosen@example.org"})
    assert store(tmp_path).current.user_email == "chosen@example.org"
    fixed = store(tmp_path, USER_EMAIL="env@example.org")
    assert fixed.current.user_email == "env@example.org"
    assert fixed.public()["fixed"] == ["editor"]
    with pytest.raises(CoreError) as refused:
        fixed.update({"editor": "other@example.org"})
    assert refused.value.code == "SETTING_FIXED"
    assert first.current.theme == "system"


def test_the_cache_lies_beside_the_dot_env_files(tmp_path: Path) -> None:
    assert store(tmp_path).current.video_cache_path == tmp_path / "client_cache"


@pytest.mark.parametrize("line", ["CLIENT_PORT=99999", "SERVER_PROT=1", "LABEL_ID=a b", "USER_EMAIL=nobody"])
def test_a_bad_setting_is_refused_by_its_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "dot.env").write_text(line, "utf-8")
    with pytest.raises(SettingError, match=line.partition("=")[0]):
        store(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"theme": "pink"},
        {"editor": "no address"},
        {"server_url": "ftp://x"},
        {"server_url": 5},
        {"cache_limit_mb": -1},
        {"cache_limit_mb": True},
        {"shortcuts": []},
        {"colour": "red"},
        {"theme": "dark", "handedness": "both"},
    ],
)
def test_a_change_that_does_not_fit_changes_nothing(tmp_path: Path, changes: dict[str, object]) -> None:
    settings = store(tmp_path)
    before = settings.public()
    with pytest.raises(CoreError) as refused:
        settings.update(changes)
    assert refused.value.code == "SETTING_INVALID"
    assert settings.public() == before
    assert not (tmp_path / "user" / "settings.json").exists()


def test_the_token_is_never_written_nor_handed_out(tmp_path: Path) -> None:
    settings = store(tmp_path)
    assert settings.update({"token": "s3cret-token", "theme": "dark"}) == {"token", "theme"}
    assert settings.current.mdai_token == "s3cret-token"
    public = settings.public()
    assert public["has_token"] is True
    assert public["token_storage"] == "session"
    assert "s3cret" not in json.dumps(public)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(b"s3cret" not in path.read_bytes() for path in files)
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert store(tmp_path).public()["has_token"] is False


class Keyring:
    """A keyring in memory, with the two calls that the core makes of the real one."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.kept[(service, name)] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[(service, name)]


def test_a_keyring_keeps_the_token_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring()
    monkeypatch.setattr(module, "_keyring", lambda: keyring)
    store(tmp_path).update({"token": "s3cret-token"})
    again = store(tmp_path)
    assert (again.current.mdai_token, again.token_storage) == ("s3cret-token", "keyring")
    again.update({"token": ""})
    assert keyring.kept == {}
    assert store(tmp_path).public()["has_token"] is False


def test_a_settings_file_that_is_broken_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "user").mkdir()
    file = tmp_path / "user" / "settings.json"
    file.write_text("{", "utf-8")
    assert store(tmp_path).current.theme == "system"
    file.write_text('{"theme": "dark", "editor": 7, "other": 1}', "utf-8")
    assert store(tmp_path).current.theme == "dark"
    assert "cannot be read" in caplog.text


def test_where_a_persons_settings_are(tmp_path: Path) -> None:
    assert user_directory({"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}).name == "goobusters"


def test_two_changes_at_once_take_turns(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path, tmp_path / "user", {})

    def change(number: int) -> None:
        for step in range(20):
            store.update({"theme": ("light", "dark")[(number + step) % 2]})

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(change, number) for number in range(4)]:
            done.result(timeout=60)
    assert SettingsStore(tmp_path, tmp_path / "user", {}).current.theme == store.current.theme
