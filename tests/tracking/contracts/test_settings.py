"""Settings: the order of sources, types, and refusals that name the key and never the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking.contracts.settings import SETTINGS, SettingError, load, parse_setting


def test_defaults_fit_their_own_types() -> None:
    for setting in SETTINGS:
        parse_setting(setting.key, setting.default)


def test_environment_over_side_file_over_shared_file(tmp_path: Path) -> None:
    (tmp_path / "dot.env").write_text("# shared\nSERVER_PORT=1\nLABEL_ID='L_a'\nexport FLOW_METHOD=farneback\n")
    (tmp_path / "dot.env.server").write_text("SERVER_PORT=2\nRETRACK_WORKERS=3\n")
    values = load("server", tmp_path, {"RETRACK_WORKERS": "4", "HOME": "x"})
    assert (values["SERVER_PORT"], values["RETRACK_WORKERS"]) == (2, 4)
    assert (values["LABEL_ID"], values["FLOW_METHOD"]) == ("L_a", "farneback")
    assert "CLIENT_PORT" not in values
    assert "SERVER_PORT" not in load("client", tmp_path, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SERVER_PORT", "70000"),
        ("SERVER_PORT", "٣"),
        ("AUTH", "maybe"),
        ("DATASET", "folder"),
        ("LABEL_ID", "a/b"),
        ("RETRACK_WORKERS", "0"),
        ("SERVER_URL", "ftp://x"),
        ("SERVER_URL", "https://user:pw@host"),
        ("SERVER_URL", "http://host:5000http://host:5000"),
        ("SERVER_URL", "http://host:5000/http://host:5000"),
        ("SERVER_URL", "http://host:70000"),
        ("SERVER_URL", "http://host:"),
        ("SERVER_URL", "http://[host]"),
        ("SERVER_URL", "http://host/a\0b"),
        ("USER_EMAIL", "nobody"),
        ("USER_EMAIL", "ann\udcff@example.org"),
        ("WORKERS", "dask-cluster"),
        ("WORKERS", "dask://host"),
        ("WORKERS", "dask://host:70000"),
        ("FLOW_METHOD", ".."),
        ("LABEL_ID", "TRACK_ID"),
        ("EMPTY_ID", "L_13yPql"),
        ("PROJECT_ID", "\udcff"),
        ("MDAI_TOKEN", "two\u2028lines"),
        ("STATE_PATH", ""),
    ],
)
def test_a_bad_value_is_refused_by_name(tmp_path: Path, key: str, value: str) -> None:
    for side in ("server", "client"):
        if any(s.key == key and s.side in ("shared", side) for s in SETTINGS):
            with pytest.raises(SettingError) as caught:
                load(side, tmp_path, {key: value})
            assert caught.value.key == key
            assert value in ("", "folder") or value not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "http://localhost:5000", "https://masks.example.org/", "https://[::1]:5000/goo/bar", "http://10.0.0.7"]
)
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert parse_setting("SERVER_URL", url) == url


def test_paths_start_from_the_directory_of_the_settings(tmp_path: Path) -> None:
    values = load("server", tmp_path, {"STATE_PATH": "state", "DATA_PATH": str(tmp_path / "elsewhere")})
    assert (values["STATE_PATH"], values["DATA_PATH"]) == (tmp_path / "state", tmp_path / "elsewhere")


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="SERVER_PROT"):
        load("server", tmp_path, {"SERVER_PROT": "1"})
    (tmp_path / "dot.env").write_text("COLOUR=red\n")
    with pytest.raises(SettingError, match="COLOUR"):
        load("client", tmp_path, {})
    (tmp_path / "dot.env").write_text("no equals sign, but a secret\n")
    with pytest.raises(SettingError) as caught:
        load("client", tmp_path, {})
    assert "secret" not in str(caught.value)
