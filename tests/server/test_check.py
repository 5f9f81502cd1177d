"""`goobusters server --check`: one line a finding, and each thing that can be wrong is found."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from server import check
from server.__main__ import main
from server.auth import make_token
from server.state_lock import StateLock
from tests.helpers.clips import write_dataset
from tests.server.conftest import settings_for

Find = Callable[..., dict[str, check.Finding]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """find(**settings) → findings by what they are about."""
    write_dataset(tmp_path / "clips", 1)

    def run(**changes: str) -> dict[str, check.Finding]:
        findings = list(check.find(settings_for(tmp_path, **changes), tmp_path))
        assert len({finding.about for finding in findings}) == len(findings)
        return {finding.about: finding for finding in findings}

    return run


def test_a_good_configuration_has_only_good_findings(find: Find, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    findings = find()
    assert all(finding.is_good for finding in findings.values()), findings
    assert findings["DATASET"].text == "1 clips in the folder"
    assert sorted(tmp_path.rglob("*")) == before  # nothing is left behind


def test_a_taken_port(find: Find) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert not find(SERVER_PORT=port)[f"port {port}"].is_good


def test_a_state_directory_in_use(find: Find, tmp_path: Path) -> None:
    with StateLock(tmp_path / "server_state"):
        assert not find()["state"].is_good
    assert find()["state"].is_good


@pytest.mark.parametrize("how", ["cut", "empty", "gone", "unlisted"])
def test_saves_that_cannot_be_read(
    find: Find, tmp_path: Path, prepared: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    shutil.copytree(prepared[0] / "server_state", tmp_path / "server_state")
    assert (find()["history"].is_good, find()["history"].text) == (True, "3 saves, all can be read")
    (archive,) = tmp_path.glob(f"server_state/series/*/history/{prepared[1][0]}.tgz")
    if how == "gone":
        archive.unlink()
    else:
        archive.write_bytes(b"" if how == "empty" else archive.read_bytes()[:-20])
    if how == "unlisted":
        archive.with_suffix(".json").unlink()
    finding = find()["history"]
    assert not finding.is_good
    assert finding.text == f"3 saves, 1 cannot be read; copy them back from a backup: {archive.name}"
    monkeypatch.setattr(check, "_HISTORY_SECONDS", -1.0)
    assert find()["history"].text == "the newest 0 of 3 saves, all can be read"


def test_a_clock_that_was_set_back(find: Find, tmp_path: Path) -> None:
    path = tmp_path / "server_state" / "series" / "1.2_1.2.3" / "version_current.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}", "utf-8")
    assert find()["clock"].is_good
    os.utime(path, (time.time() + 3600,) * 2)
    assert "set back" in find()["clock"].text


def test_directories_that_cannot_be_written(find: Find, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    findings = find(STATE_PATH=str(tmp_path / "file" / "state"), DATA_PATH=str(tmp_path / "file"))
    assert not findings["STATE_PATH"].is_good
    assert not findings["DATA_PATH"].is_good
    assert findings["MASK_STORAGE_PATH"].is_good


def test_data_sets_that_are_not_there(find: Find, tmp_path: Path) -> None:
    assert "does not exist" in find(DATASET="folder:nowhere")["DATASET"].text
    (tmp_path / "empty").mkdir()
    assert "no clips" in find(DATASET="folder:empty")["DATASET"].text
    finding = find(DATASET="mdai")["DATASET"]
    assert (finding.is_good, finding.text) == (False, "mdai needs MDAI_TOKEN, PROJECT_ID, DATASET_ID")


def test_methods_and_clusters_that_are_not_there(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find()["FLOW_METHOD"].is_good
    assert find(FLOW_METHOD="nosuch")["FLOW_METHOD"].text == "There is no flow method 'nosuch'. Known: dis, farneback."
    with socket.create_server(("127.0.0.1", 0)) as scheduler:
        address = f"dask://127.0.0.1:{scheduler.getsockname()[1]}"
        assert find(WORKERS=address)["WORKERS"].is_good
    assert "does not answer" in find(WORKERS=address)["WORKERS"].text
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "not installed" in find(WORKERS=address)["WORKERS"].text


def test_tokens_that_are_missing(find: Find, tmp_path: Path) -> None:
    assert not find(AUTH="tokens")["AUTH"].is_good
    make_token(tmp_path / "tokens.json", "ann@example.org")
    assert find(AUTH="tokens")["AUTH"].text == "1 tokens"


def test_the_command_prints_lines_and_says_by_its_exit_code(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for key, value in {"AUTH": "none", "DATASET": "folder:clips", "SERVER_PORT": "0"}.items():
        monkeypatch.setenv(key, value)
    assert main(["--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok  ") for line in lines)
    monkeypatch.setenv("DATASET", "folder:nowhere")
    assert main(["--check"]) == 1
    assert "BAD  DATASET: the folder does not exist" in capsys.readouterr().out


def test_every_setting_that_does_not_fit_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dot.env").write_text("COLOUR=red\nno equals sign, but a secret\n")
    (tmp_path / "dot.env.server").write_text("SERVER_HOST=0.0.0.0\nAUTH=none\nSERVER_PROT=1\n")
    monkeypatch.setenv("RETRACK_WORKERS", "many")
    monkeypatch.setenv("MDAI_TOKENS", "x")
    assert main(["--check"]) == 1
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "BAD  settings: AUTH: none is allowed only while SERVER_HOST is a loopback address",
        "BAD  settings: COLOUR: is not a setting (in dot.env)",
        "BAD  settings: MDAI_TOKENS: is not a setting (in the environment)",
        "BAD  settings: RETRACK_WORKERS: expects a whole number from 1 to 64",
        "BAD  settings: SERVER_PROT: is not a setting (in dot.env.server)",
        "BAD  settings: dot.env: line 2 is not KEY=VALUE",
    ]
