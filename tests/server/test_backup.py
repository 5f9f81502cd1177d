"""A backup of a running server serves again in a new place; a damaged one, or a place that is taken, is refused."""

from __future__ import annotations

import shutil
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.backup import BackupError, backup, main_backup, main_restore, restore, verify
from tests.helpers.clips import rectangle, submission, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.server.conftest import KEY, PATH, StartServer, settings_for
from tracking.contracts.archive import unpack


def copied(prepared: tuple[Path, list[str]], directory: Path) -> Path:
    shutil.copytree(prepared[0], directory, dirs_exist_ok=True)
    return directory


def test_a_restored_backup_serves_the_same(
    tmp_path: Path, prepared: tuple[Path, list[str]], start_server: StartServer
) -> None:
    first, second = copied(prepared, tmp_path / "first"), tmp_path / "second"
    summary = backup(settings_for(first), tmp_path / "copy.tar")
    assert (summary.series, summary.versions) == (1, 3)
    shutil.copytree(first / "clips", second / "clips")
    assert restore(settings_for(second), tmp_path / "copy.tar") == summary

    answers = []
    for directory in (first, second):
        running, caller = start_server(directory)
        caller.wait_ready()
        series = caller.get(f"/api/series/{PATH}").json()
        versions = [caller.get(f"/api/masks/{PATH}?version={v}").content for v in prepared[1]]
        answers.append((series, unpack(caller.get(f"/api/masks/{PATH}").content), versions))
        assert running.services.jobs.lengths() == {"tracking": 0, "retrack": 0}  # nothing had to be tracked again
        running.stop()
    assert answers[0] == answers[1]


def test_a_backup_while_people_save_holds_every_save_before_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    keys = write_dataset(first / "clips", 6)
    shutil.copytree(first / "clips", second / "clips")
    saved: dict[tuple[str, str], list[str]] = {key: [] for key in keys}
    stop = threading.Event()

    def save_all(server: ServerProcess) -> None:
        while not stop.is_set():
            for key in keys:
                current = saved[key][-1] if saved[key] else None
                body = submission(key, current, {1: rectangle(4, 4, 40, 40)})
                headers = {"X-Previous-Version-ID": current or "null"}
                answer = server.post("/api/masks/" + "/".join(key), data=body, headers=headers)
                if answer.status_code == 200:
                    saved[key].append(answer.json()["version_id"])

    with ServerProcess(first, DATASET="folder:clips") as server:
        server.wait_ready()
        client = threading.Thread(target=save_all, args=(server,))
        client.start()
        server.wait_for("/api/series", lambda answer: all(s["version_id"] for s in answer["series"]))
        before = {key: list(versions) for key, versions in saved.items()}
        backup(settings_for(first), tmp_path / "copy.tar")
        stop.set()
        client.join()
    restore(settings_for(second), tmp_path / "copy.tar")
    with ServerProcess(second, DATASET="folder:clips") as server:
        server.wait_ready()
        for key in keys:
            *saves, original = server.get("/api/series/" + "/".join(key)).json()["history"]
            found = [v["version_id"] for v in saves][::-1]
            assert original["is_original"]
            assert found[: len(before[key])] == before[key]
            assert found == saved[key][: len(found)]


def test_damaged_backups_are_refused_and_write_nothing(tmp_path: Path, prepared: tuple[Path, list[str]]) -> None:
    first = copied(prepared, tmp_path / "first")
    file = tmp_path / "copy.tar"
    backup(settings_for(first), file)
    whole = file.read_bytes()
    at = whole.index(b"version_current.json") + 600
    damages = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[: len(whole) // 2], b"", b"garbage" * 1000]
    for damaged in damages:
        file.write_bytes(damaged)
        with pytest.raises(BackupError):
            restore(settings_for(tmp_path / "second"), file)
        assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("name", ["../evil", "server_state/../../evil", "/etc/evil", "other/file", "server_state/link"])
def test_hostile_backups_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "copy.tar"
    with tarfile.open(file, "w") as tar:
        info = tarfile.TarInfo(name)
        if name.endswith("link"):
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(BackupError):
        verify(file)


def test_commands_say_what_they_did_or_why_not(
    tmp_path: Path,
    prepared: tuple[Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = copied(prepared, tmp_path / "first")
    monkeypatch.chdir(first)
    monkeypatch.setenv("AUTH", "none")
    assert main_backup(["../copy.tar"]) == 0
    assert "1 series, 3 versions" in capsys.readouterr().out
    assert main_restore(["../copy.tar"]) == 2
    assert "must be empty" in capsys.readouterr().err
    assert main_backup(["server_state/copy.tar"]) == 2
    assert "must not lie in STATE_PATH" in capsys.readouterr().err
    assert main_backup(["/nowhere/copy.tar"]) == 2
    assert "No such file" in capsys.readouterr().err
    monkeypatch.setenv("STATE_PATH", "nothing")
    assert main_backup(["../other.tar"]) == 2
    assert not (tmp_path / "other.tar").exists()
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "second")
    monkeypatch.delenv("STATE_PATH")
    assert main_restore(["../copy.tar"]) == 0
    assert (tmp_path / "second" / "server_state" / "series" / "_".join(KEY) / "version_current.json").is_file()


def test_a_version_that_is_damaged_already_is_said_and_the_rest_is_kept(
    tmp_path: Path,
    prepared: tuple[Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = copied(prepared, tmp_path / "first")
    (archive,) = first.glob(f"server_state/series/*/history/{prepared[1][0]}.tgz")
    archive.write_bytes(archive.read_bytes()[:-20])
    monkeypatch.chdir(first)
    monkeypatch.setenv("AUTH", "none")
    assert main_backup(["../copy.tar"]) == 1
    assert capsys.readouterr().err.startswith("1 of the versions in it cannot be read")
    assert restore(settings_for(tmp_path / "second"), tmp_path / "copy.tar") == verify(tmp_path / "copy.tar")
    assert len(list((tmp_path / "second" / "server_state").glob("series/*/history/*.tgz"))) == 3


def test_a_restore_that_was_cut_off_is_not_served(
    tmp_path: Path,
    prepared: tuple[Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backup(settings_for(copied(prepared, tmp_path / "first")), tmp_path / "copy.tar")
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.chdir(second)
    for key, value in {"AUTH": "none", "DATASET": "folder:clips", "SERVER_PORT": "0"}.items():
        monkeypatch.setenv(key, value)
    write = Path.open
    left = [7]

    def cut_off(path: Path, mode: str = "r", **more: Any) -> Any:
        left[0] -= mode == "wb"
        if mode == "wb" and left[0] == 0:
            raise OSError(28, "No space left on device")
        return write(path, mode, **more)

    monkeypatch.setattr(Path, "open", cut_off)
    assert main_restore(["../copy.tar"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert main([]) == 2
    assert "was not finished" in capsys.readouterr().err
    assert main(["--check"]) == 1
    assert "BAD  state: a restore was not finished" in capsys.readouterr().out
    assert main_restore(["../copy.tar"]) == 2
    assert "must be empty" in capsys.readouterr().err
    shutil.rmtree(second / "server_state")
    shutil.rmtree(second / "output", ignore_errors=True)
    assert main_restore(["../copy.tar"]) == 0
    assert not (second / "server_state" / "restoring").exists()


def test_a_running_server_is_not_restored_over(tmp_path: Path, prepared: tuple[Path, list[str]]) -> None:
    first = copied(prepared, tmp_path / "first")
    backup(settings_for(first), tmp_path / "copy.tar")
    (tmp_path / "second" / "clips").mkdir(parents=True)
    with ServerProcess(tmp_path / "second", DATASET="folder:clips") as server:
        server.wait_for("/api/status", lambda status: status["phase"] != "starting")
        with pytest.raises(BackupError):
            restore(settings_for(tmp_path / "second"), tmp_path / "copy.tar")
