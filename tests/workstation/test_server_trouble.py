"""What the server may do to a save: be busy with another, fail to track, refuse the token."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.auth import make_token
from tests.helpers.clips import HEIGHT, WIDTH, uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Workstation, change, edit
from tracking.contracts.archive import unpack
from tracking.contracts.labels import LABEL_ID
from tracking.contracts.masks import decode_mask
from workstation.errors import CoreError, JobCancelledError, ServerOfflineError
from workstation.saving import _passes
from workstation.server_client import ServerClient
from workstation.server_watch import ServerWatch

KEY = uids(0)
S = f"/api/series/{KEY[0]}/{KEY[1]}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of its own for each test; its clips are in `clips`, its kept flow in `data`."""
    write_dataset(tmp_path / "clips", 1, frames=40)
    directory = tmp_path / "server"
    directory.mkdir()
    with ServerProcess(directory, DATASET=f"folder:{tmp_path / 'clips'}", DATA_PATH=str(tmp_path / "data")) as server:
        server.wait_ready()
        yield server


def station(tmp_path: Path, server: ServerProcess, name: str) -> Workstation:
    return Workstation(tmp_path / name, tmp_path / "clips", server=server.address, editor=f"{name}@example.org")


def test_a_save_behind_another_waits_and_goes_by_itself(tmp_path: Path, server: ServerProcess) -> None:
    with station(tmp_path, server, "ann") as ann, station(tmp_path, server, "bob") as bob:
        ann.open(KEY)
        bob.open(KEY)
        ann.paint(KEY, 5, (10, 10, 30, 30))
        bob.paint(KEY, 30, (60, 30, 20, 20))
        ann.post(f"{S}/save")
        ann.wait(KEY, lambda s: s["save"] is None or s["save"]["state"] == "retracking")
        saved = bob.save(KEY)  # a retrack runs, and the version is another by now
        assert (saved["state"], saved["save"]) == ("saved", None)
        assert {(5, LABEL_ID), (30, LABEL_ID)} <= bob.annotated(KEY)
        ann.wait(KEY, lambda s: s["base_version_id"] == saved["base_version_id"])
        assert {(5, LABEL_ID), (30, LABEL_ID)} <= ann.annotated(KEY)


def test_a_retrack_that_fails_keeps_the_save_and_can_be_tried_again(tmp_path: Path, server: ServerProcess) -> None:
    with station(tmp_path, server, "ann") as ann:
        ann.open(KEY)
        clip = next((tmp_path / "clips").rglob("*.avi"))
        shutil.move(clip, tmp_path / "away.avi")
        shutil.rmtree(tmp_path / "data")
        ann.paint(KEY, 5, (10, 10, 30, 30))
        failed = ann.save(KEY)
        assert (failed["save"]["state"], failed["save"]["error_code"]) == ("failed", "RETRACK_FAILED")
        assert not failed["is_dirty"], "the save itself was accepted"
        history = ann.get(f"{S}/history")["history"]
        assert [version["is_original"] for version in history] == [False, True]
        ann.wait(KEY, lambda s: s["version_id"] == history[0]["version_id"])  # the server's news
        shutil.move(tmp_path / "away.avi", clip)
        again = ann.save(KEY)
        assert again["save"] is None
        assert again["base_version_id"] == history[0]["version_id"], "no new version: the same was tracked again"
        assert (5, LABEL_ID) in ann.annotated(KEY)


def test_a_series_that_could_not_be_tracked_can_be_drawn_on_and_saved(tmp_path: Path) -> None:
    """The server can open the clip, but something lies where it writes masks."""
    write_dataset(tmp_path / "clips", 1, frames=40)
    in_the_way = tmp_path / "masks" / "dis" / "_".join(KEY) / "masks_temp.annotations"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_bytes(b"")
    (tmp_path / "server").mkdir()
    paths = {"DATASET": f"folder:{tmp_path / 'clips'}", "MASK_STORAGE_PATH": str(tmp_path / "masks")}
    with ServerProcess(tmp_path / "server", **paths) as server:
        assert server.wait_ready()["series_failed"] == 1
        with station(tmp_path, server, "ann") as ann:
            opened = ann.open(KEY)
            assert (opened["state"], opened["error_code"]) == ("ready", "MASKS_MISSING")
            assert opened["message"].endswith(".")
            assert opened["base_version_id"] is None
            before = ann.annotated(KEY)
            assert before, "what people verified before is there"
            ann.paint(KEY, 5, (10, 10, 30, 30))
            assert ann.series(KEY)["state"] == "edited"
            failed = ann.save(KEY)
            assert failed["save"]["error_code"] == "RETRACK_FAILED"
            assert not failed["is_dirty"]
        with station(tmp_path, server, "bob") as bob:  # sees what ann has saved, and goes on
            assert bob.open(KEY)["error_code"] == "MASKS_MISSING"
            assert bob.annotated(KEY) == {*before, (5, LABEL_ID)}
            in_the_way.unlink()
            with station(tmp_path, server, "ann") as ann:
                ann.open(KEY)
                ann.wait(KEY, lambda s: s["error_code"] == "RETRACK_FAILED")  # pressing Save tries again
                saved = ann.save(KEY)
                assert (saved["state"], saved["save"], saved["error_code"]) == ("saved", None, None)
                assert any(f.get("confidence") for f in ann.masks(KEY)["frames"])
            bob.wait(KEY, lambda s: s["error_code"] is None)
            assert any(f.get("confidence") for f in bob.masks(KEY)["frames"])


def test_an_exam_that_only_the_server_has_is_said_to_be_missing_here(tmp_path: Path, server: ServerProcess) -> None:
    (tmp_path / "nothing").mkdir()
    with Workstation(tmp_path / "ann", tmp_path / "nothing", server=server.address) as ann:
        ann.listed(1)
        series = ann.open(KEY)
        assert (series["state"], series["error_code"], series["action"]) == ("error", "CLIP_MISSING", "refresh")


def test_edits_after_a_failed_retrack_are_saved_on_top(tmp_path: Path, server: ServerProcess) -> None:
    with station(tmp_path, server, "ann") as ann:
        ann.open(KEY)
        clip = next((tmp_path / "clips").rglob("*.avi"))
        shutil.move(clip, tmp_path / "away.avi")
        shutil.rmtree(tmp_path / "data")
        ann.paint(KEY, 5, (10, 10, 30, 30))
        assert ann.save(KEY)["save"]["state"] == "failed"
        shutil.move(tmp_path / "away.avi", clip)
        ann.paint(KEY, 9, (10, 10, 30, 30))
        assert ann.save(KEY)["save"] is None
        assert {(5, LABEL_ID), (9, LABEL_ID)} <= ann.annotated(KEY)
        history = ann.get(f"{S}/history")["history"]
        assert [version["previous_version_id"] for version in history[:-1]] == [history[1]["version_id"], None]


def test_a_token_that_is_not_good_is_said_and_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "workstation.token_store.find_keyring", lambda: None
    )  # that of whoever runs the tests is theirs
    write_dataset(tmp_path / "clips", 1)
    token = make_token(tmp_path / "tokens.json", "ann@example.org")
    directory = tmp_path / "server"
    directory.mkdir()
    server = ServerProcess(
        directory, DATASET=f"folder:{tmp_path / 'clips'}", AUTH="tokens", TOKENS_PATH=str(tmp_path / "tokens.json")
    )
    server.headers["Authorization"] = f"Bearer {token}"
    with server:
        server.wait_ready()
        with Workstation(tmp_path / "ann", tmp_path / "clips", server=server.address, token="pasted… – не то") as ann:
            ann.wait_for(lambda: ann.get("/api/session"), lambda s: s["server"]["state"] == "unauthorized")
            refused = ann.open(KEY)
            assert (refused["state"], refused["action"]) == ("error", "retry")
            assert refused["error_code"] in ("UNAUTHORIZED", "TOKEN_INVALID")
            answer = ann.request("PUT", "/api/settings", json={"token": token})
            assert answer.json()["has_token"] is True
            assert token not in answer.text
            ann.wait_for(lambda: ann.get("/api/session"), lambda s: s["server"]["state"] == "ok")
            assert ann.open(KEY)["state"] == "ready"
            ann.paint(KEY, 3, (5, 5, 9, 9))
            assert ann.save(KEY)["state"] == "saved"


def test_a_save_that_was_refused_for_its_token_goes_up_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workstation.token_store.find_keyring", lambda: None)
    write_dataset(tmp_path / "clips", 1)
    tokens = tmp_path / "tokens.json"
    token = make_token(tokens, "ann@example.org")
    (tmp_path / "server").mkdir()
    server = ServerProcess(
        tmp_path / "server", DATASET=f"folder:{tmp_path / 'clips'}", AUTH="tokens", TOKENS_PATH=str(tokens)
    )
    server.headers["Authorization"] = f"Bearer {token}"
    with server:
        server.wait_ready()
        with Workstation(tmp_path / "ann", tmp_path / "clips", server=server.address, token=token) as ann:
            ann.open(KEY)
            ann.paint(KEY, 3, (5, 5, 9, 9))
            ann.request("PUT", "/api/settings", json={"token": "stale"})
            ann.post(f"{S}/save")
            waiting = ann.wait(KEY, lambda s: s["save"] is not None and s["save"]["state"] == "offline")
            assert waiting["save"]["error_code"] == "UNAUTHORIZED"
            ann.paint(KEY, 4, (5, 5, 9, 9))
            ann.post(f"{S}/save")
            assert ann.series(KEY)["save"]["state"] == "offline", "it waits; nobody has to do anything"
        with Workstation(tmp_path / "ann", tmp_path / "clips", server=server.address, token="staler") as ann:
            ann.wait(KEY, lambda s: s["save"] is not None and s["save"]["error_code"] == "UNAUTHORIZED")
            ann.post(f"{S}/save")
            ann.request("PUT", "/api/settings", json={"token": token})
            saved = ann.wait(KEY, lambda s: s["save"] is None and s["base_version_id"] is not None)
            assert (saved["is_dirty"], saved["error_code"]) == (False, None)
            assert {(3, LABEL_ID), (4, LABEL_ID)} <= ann.annotated(KEY)
    refused = [json.loads(line) for line in server.log().splitlines() if '"status": 401' in line]
    posts = [line for line in refused if line["method"] == "POST"]
    assert 1 <= len(posts) <= 3, "a refused token is not sent again and again"


@pytest.mark.parametrize("paints", [True, False])
def test_a_server_whose_state_is_older_than_my_work_takes_nothing_from_it(
    tmp_path: Path, server: ServerProcess, *, paints: bool
) -> None:
    """As after a backup was brought back: the server does not know the version that the workstation stands on.

    paints: something is unsaved here; otherwise the only copy of what the server has lost is in the cache.
    """
    with station(tmp_path, server, "bob") as bob:
        bob.open(KEY)
        bob.paint(KEY, 20, (60, 30, 20, 20))
        bob.save(KEY)
    server.stop()
    shutil.copytree(server.directory, tmp_path / "backup")
    server.start().wait_ready()
    with station(tmp_path, server, "ann") as ann:
        ann.open(KEY)
        ann.paint(KEY, 5, (10, 10, 30, 30))
        assert ann.append(KEY, edit(change(20, (5, 5, 9, 9), kinds=("annotation", "annotation")))).ok
        lost = ann.save(KEY)["base_version_id"]
        assert {(5, LABEL_ID), (20, LABEL_ID)} <= ann.annotated(KEY)
    server.stop()
    shutil.rmtree(server.directory)
    shutil.copytree(tmp_path / "backup", server.directory)
    server.start().wait_ready()
    with station(tmp_path, server, "ann") as ann:
        if paints:
            assert ann.append(KEY, edit(change(9, (10, 10, 30, 30)))).ok
            series = ann.save(KEY)
            conflict = ann.get(f"/api/conflict/{KEY[0]}/{KEY[1]}")["frames"] if series["save"] else []
            assert [frame["frame_number"] for frame in conflict] == [20]
            choices = [{"frame_number": 20, "label_id": LABEL_ID, "take": "mine"}]
            ann.post(f"/api/conflict/{KEY[0]}/{KEY[1]}", {"choices": choices})
            ann.wait(KEY, lambda series: series["save"] is None)
        else:
            ann.open(KEY)
            series = ann.wait(KEY, lambda series: series["state"] == "edited")
            assert series["base_version_id"] not in (lost, None)
            assert ann.save(KEY)["save"] is None
        assert {(5, LABEL_ID), (20, LABEL_ID)} <= ann.annotated(KEY)
        assert ((9, LABEL_ID) in ann.annotated(KEY)) is paints
    masks = unpack(server.get(f"/api/masks/{'/'.join(KEY)}").content).masks
    mine = decode_mask(masks["frame_000021.webp"], WIDTH, HEIGHT)
    assert mine[6 * WIDTH + 6], "mine counts on a frame that the server has too"


@pytest.mark.parametrize(
    ("error", "is_worth_it"),
    [
        (ServerOfflineError(), True),
        (CoreError("UNAUTHORIZED", "No.", 401), True),
        (CoreError("SERVER_UNSET", "No.", 503), True),
        (CoreError("RATE_LIMITED", "No.", 429), True),
        (CoreError("SERIES_NOT_READY", "No.", 409, tracking_status="pending"), True),
        (CoreError("SERIES_NOT_READY", "No.", 409, tracking_status="failed"), False),
        (CoreError("EDITOR_INVALID", "No.", 400), False),
        (CoreError("STORAGE_FAILED", "No.", 507), False),
        (JobCancelledError(), False),
    ],
)
def test_when_waiting_is_worth_it(error: CoreError, is_worth_it: bool) -> None:
    assert _passes(error) is is_worth_it


def test_a_series_that_the_server_has_no_longer_is_said_and_comes_back(tmp_path: Path) -> None:
    keys = write_dataset(tmp_path / "clips", 2)
    remote = [{"study_uid": study, "series_uid": series} for study, series in keys]
    with Workstation(tmp_path / "ann", tmp_path / "clips") as ann:
        ann.listed(2)
        core = ann.backend.core

        def codes() -> list[str | None]:
            return [ann.series(key)["error_code"] for key in keys]

        core.session.set_remote(remote)
        assert codes() == [None, None]
        ServerWatch(core)._take("removed", json.dumps(remote[1]))
        assert codes() == [None, "SERIES_UNKNOWN"]
        ServerWatch(core)._take("series", json.dumps(remote[1]))
        assert codes() == [None, None]
        core.session.set_remote(remote[1:])  # the stream was not there when it happened
        assert codes() == ["SERIES_UNKNOWN", None]


def test_a_server_that_is_set_is_never_called_unset(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    nobody = "http://127.0.0.1:9"
    assert Workstation(tmp_path / "none", tmp_path / "clips").backend.core.server_state == "unset"
    ann = Workstation(tmp_path / "ann", tmp_path / "clips", server=nobody)
    assert ann.backend.core.server_state == "connecting"  # before the start: no first-start page may flash up
    with ann:
        ann.wait_for(lambda: ann.get("/api/session")["server"]["state"], lambda state: state == "offline")


def test_a_server_that_hangs_is_asked_once_and_one_that_is_away_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who pressed Next must not wait three times as long as it takes to give up."""
    monkeypatch.setattr("workstation.server_client._QUICK", (5, 0.1))
    states: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        client = ServerClient(f"http://127.0.0.1:{listener.getsockname()[1]}", "x", "", states.append)
        with pytest.raises(ServerOfflineError):
            client.status()
        connections = [listener.accept()[0]]
        with pytest.raises(TimeoutError):
            connections.append(listener.accept()[0])
        for connection in connections:
            connection.close()
    with pytest.raises(ServerOfflineError):
        client.status()
    assert states == ["offline", "offline"]
