"""Settings: which source wins, what is refused, and where the token never goes."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracking.contracts.settings import SettingError
from workstation import token_store
from workstation.errors import CoreError
from workstation.settings import SettingsStore, user_directory


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests must not touch the keyring of whoever runs them."""
    monkeypatch.setattr(token_store, "find_keyring", lambda: None)


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
        {"shortcuts": {"undo": "U"}},
        {"shortcuts": {"undo": [5]}},
        {"brush_size": 0},
        {"brush_size": True},
        {"brush_size": float("nan")},
        {"brush_size": "24"},
        {"mask_opacity": 1.5},
        {"is_outline_only": 1},
        {"play_speed": None},
        {"is_looping": "yes"},
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


def test_what_the_viewer_keeps_is_there_at_the_next_start(tmp_path: Path) -> None:
    chosen = {
        "theme": "light",
        "handedness": "left",
        "shortcuts": {"undo": ["U"]},
        "cache_limit_mb": 500,
        "brush_size": 7.5,
        "mask_opacity": 1,
        "is_outline_only": True,
        "play_speed": 0.25,
        "is_looping": False,
    }
    store(tmp_path).update({name: chosen[name] for name in list(chosen)[:4]})
    store(tmp_path).update({name: chosen[name] for name in list(chosen)[4:]})
    public = store(tmp_path).public()
    assert {name: public[name] for name in chosen} == chosen
    assert set(public) - set(chosen) == {"editor", "server_url", "has_token", "token_storage", "fixed"}


def test_every_setting_of_the_viewer_is_documented(tmp_path: Path) -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    for name in set(store(tmp_path).public()) - {"has_token", "token_storage", "fixed"}:
        assert f"`{name}`" in (docs / "contracts.md").read_text("utf-8")
        assert f"`{name}`" in (docs / "workstation.md").read_text("utf-8")


def test_settings_that_cannot_be_written_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "user").write_bytes(b"a file where the directory should be")
    settings = store(tmp_path)
    with pytest.raises(CoreError) as refused:
        settings.update({"theme": "dark"})
    assert (refused.value.code, refused.value.status) == ("SETTINGS_NOT_WRITABLE", 507)
    assert settings.current.theme == "system"


def test_a_settings_file_that_is_broken_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "user").mkdir()
    file = tmp_path / "user" / "settings.json"
    file.write_text("{", "utf-8")
    assert store(tmp_path).current.theme == "system"
    file.write_text('{"theme": "dark", "editor": 7, "other": 1, "token": "from a file"}', "utf-8")
    assert store(tmp_path).current.theme == "dark"
    assert store(tmp_path).public()["has_token"] is False, "a token is not read from a file"
    file.write_text("[" * 100_000, "utf-8")
    assert store(tmp_path).current.theme == "system"
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
