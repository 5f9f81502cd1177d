"""A save is on the disk before anybody is told so: the order of writes, flushes and renames, watched as they happen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.helpers.clips import rectangle, submission
from tests.server.conftest import KEY, PATH, StartServer


class Watch:
    """Notes every flush and rename below `root`, in order, without changing what they do."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, str]] = []
        fsync, replace = os.fsync, Path.replace

        def watched_fsync(descriptor: int) -> None:
            fsync(descriptor)
            self._note("flushed", Path(f"/proc/self/fd/{descriptor}").readlink(), root)

        def watched_replace(path: Path, target: Path) -> Path:
            done = replace(path, target)
            self._note("renamed", path, root)
            self._note("in place", Path(target), root)
            return done

        monkeypatch.setattr(os, "fsync", watched_fsync)
        monkeypatch.setattr(Path, "replace", watched_replace)

    def _note(self, what: str, path: Path, root: Path) -> None:
        if path.is_relative_to(root):
            self.steps.append((what, path.name.partition(".tmp-")[0]))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds out what was flushed through Linux's /proc")
def test_archive_then_directory_then_pointer_then_directory(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    running, caller = start_server()
    caller.wait_ready()
    entry = running.services.store.get(*KEY)
    watch = Watch(entry.directory, monkeypatch)
    current = prepared[1][-1]
    body = submission(KEY, current, {0: rectangle(1, 1, 20, 20)})
    version = caller.post(f"/api/masks/{PATH}", body, X_Previous_Version_ID=current).json()["version_id"]
    steps = [step for step in watch.steps if step[1] not in (f"{version}.json", "version_temp.json")]
    archive, pointer = f"{version}.tgz", "version_current.json"
    assert steps == [
        ("flushed", archive),
        ("renamed", archive),
        ("in place", archive),
        ("flushed", "history"),
        ("flushed", pointer),
        ("renamed", pointer),
        ("in place", pointer),
        ("flushed", entry.directory.name),
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds out what was flushed through Linux's /proc")
def test_a_completion_survives_a_power_cut_too(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    running, caller = start_server()
    caller.wait_ready()
    watch = Watch(running.services.store.get(*KEY).directory, monkeypatch)
    caller.post(f"/api/series/{PATH}/complete", X_Editor="ann@example.org")
    assert [what for what, name in watch.steps if name == "completion.json"] == ["flushed", "renamed", "in place"]


def test_the_mark_of_a_job_goes_last(
    tmp_path: Path, start_server: StartServer, prepared: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by kill -9: whoever dies after the mark is gone leaves things that no start looks for."""
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    running, caller = start_server()
    caller.wait_ready()
    entry = running.services.store.get(*KEY)
    states: list[list[str]] = []
    unlink = Path.unlink

    def watched_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "version_temp.json" and path.exists():
            states.append(sorted(file.name for file in entry.mask_directory.iterdir()))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched_unlink)
    body = submission(KEY, prepared[1][-1], {0: rectangle(1, 1, 20, 20)})
    assert caller.post(f"/api/masks/{PATH}", body, X_Previous_Version_ID=prepared[1][-1]).status == 200
    caller.wait_for(f"/api/retrack/status/{PATH}", lambda s: s["status"] == "RETRACK_DONE")
    assert states == [["identity.yaml", "masks", "masks.tgz", "versions"]]
