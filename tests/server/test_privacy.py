"""Nothing that shows or names a patient or a person leaves by accident: log, errors, file names, all answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.auth import make_token
from server.openapi import document
from tests.helpers.clips import rectangle, submission, uids, write_dataset
from tests.helpers.server_process import ServerProcess
from tracking.contracts.archive import METADATA, unpack
from tracking.contracts.masks import decode_mask, mask_size

EDITORS = ("ann.secret@example.org", "bob.secret@example.org")
KEYS = [uids(0), uids(1), uids(2)]
STRANGE_UID = "1.2.840.99999.123456789"


class Session:
    """A server, two people's tokens, and everything that was answered."""

    def __init__(self, server: ServerProcess, tokens: list[str]) -> None:
        self.server = server
        self.tokens = tokens
        self.answers: list[tuple[str, Any]] = []

    def ask(self, method: str, path: str, who: int | None = 0, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}" if who is not None else None}
        headers |= options.pop("headers", {})
        stream = path == "/api/events"
        answer = self.server.request(method, path, headers=headers, stream=stream, **options)
        if stream:
            answer._content = next(answer.iter_content(4096)) if answer.status_code == 200 else b""
            answer.close()
        self.answers.append((path, answer))
        return answer


def everything(session: Session) -> None:
    """A full session: good and bad calls of every kind, a failed clip, a conflict, a restart after a kill."""
    server = session.server
    path = "/".join(KEYS[0])
    body = submission(KEYS[0], None, {1: rectangle(5, 5, 30, 30)}, editor=EDITORS[0])
    headers = {"X-Previous-Version-ID": "null", "X-Editor": EDITORS[0]}
    version = session.ask("POST", f"/api/masks/{path}", data=body, headers=headers).json()["version_id"]
    session.ask("POST", f"/api/masks/{path}", 1, data=body, headers=headers)
    server.wait_for(f"/api/retrack/status/{path}", lambda s: s["status"] == "RETRACK_DONE")
    for bad in (b"", b"garbage", body[:40], submission((STRANGE_UID, "1.2"), version, {}, editor=EDITORS[1])):
        session.ask("POST", f"/api/masks/{path}", 1, data=bad, headers={"X-Previous-Version-ID": version})
    session.ask("GET", f"/api/masks/{path}?version={version}")
    session.ask("POST", f"/api/series/{path}/restore", json={"version_id": version, "previous_version_id": version})
    session.ask("POST", f"/api/series/{path}/restore", json={"version_id": EDITORS[0], "previous_version_id": None})
    for word in ("activity", "complete", "reopen"):
        session.ask("POST", f"/api/series/{path}/{word}", 1)
    session.ask("GET", f"/api/series/{STRANGE_UID}/{STRANGE_UID}")
    session.ask("GET", "/api/masks/" + "/".join(KEYS[2]))
    session.ask("GET", "/api/series/next", 1)
    session.ask("GET", f"/no/{STRANGE_UID}?token={session.tokens[0]}")
    session.ask("GET", "/api/status", None, headers={"Authorization": f"Bearer wrong{session.tokens[0]}"})
    session.ask("GET", "/api/status", None, headers={"X-Request-ID": f"{EDITORS[0]} {STRANGE_UID}"})


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    directory = tmp_path_factory.mktemp("privacy")
    write_dataset(directory / "clips", 3)
    broken = directory / "clips" / KEYS[2][0] / f"{KEYS[2][1]}.avi"
    broken.write_bytes(broken.read_bytes()[:200])
    tokens = [make_token(directory / "tokens.json", editor) for editor in EDITORS]
    server = ServerProcess(directory, DATASET="folder:clips", AUTH="tokens", MDAI_TOKEN="mdai-token-that-is-secret")
    server.headers["Authorization"] = f"Bearer {tokens[0]}"
    with server:
        server.wait_ready()
        yield_session = Session(server, tokens)
        everything(yield_session)
        server.kill()
        state = directory / "server_state" / "series" / "_".join(KEYS[1]) / "metadata.json"
        state.write_text("{", "utf-8")
        server.start()
        server.wait_ready()
        yield yield_session


def own_lines(log: str) -> list[dict[str, Any]]:
    """The log's lines; Python itself adds a warning when a process was killed."""
    return [json.loads(line) for line in log.splitlines() if "resource_tracker" not in line and line[:1] != " "]


def test_the_log_names_nobody(session: Session) -> None:
    log = session.server.log()
    lines = own_lines(session.server.log())
    assert {line["event"] for line in lines} >= {"request", "tracked", "tracking_failed", "set_aside", "serving"}
    assert {line["editor"] for line in lines if "editor" in line} != set()
    assert all(line["request_id"] for line in lines if line["event"] == "request")
    secrets = [*session.tokens, *EDITORS, "secret", "@", STRANGE_UID, session.server.directory.name]
    secrets += [uid for key in KEYS for uid in key if len(uid) > 4]
    for secret in secrets:
        assert secret not in log, secret
    assert re.search(r"\b\d+(\.\d+){3,}\b", log.replace("127.0.0.1", "")) is None  # nothing that looks like a UID


def test_one_person_is_one_hash_and_stays_it_after_a_restart(session: Session) -> None:
    lines = own_lines(session.server.log())
    assert len({line["editor"] for line in lines if "editor" in line}) == len(EDITORS)
    session.ask("GET", "/api/series/next")
    lines = own_lines(session.server.log())
    assert len({line["editor"] for line in lines if "editor" in line}) == len(EDITORS)


def test_errors_name_nobody(session: Session) -> None:
    errors = [answer for _, answer in session.answers if answer.status_code >= 400]
    assert len({answer.json()["error_code"] for answer in errors}) >= 8
    for answer in errors:
        text = answer.text + str(dict(answer.headers))
        for secret in (*session.tokens, *EDITORS, STRANGE_UID, KEYS[0][1], str(session.server.directory), ".py"):
            assert secret not in text, answer.text


def test_file_names_name_only_series(session: Session) -> None:
    directory = session.server.directory
    names = [path.name for root in ("server_state", "output", "data") for path in (directory / root).rglob("*")]
    assert len(names) > 20
    for name in names:
        for secret in (*session.tokens, *EDITORS, "secret", "@"):
            assert secret not in name
    state = b"".join(p.read_bytes() for p in (directory / "server_state").rglob("*") if p.is_file())
    for token in session.tokens:
        assert token.encode() not in state


def test_state_is_for_its_owner_alone(session: Session) -> None:
    for path in (session.server.directory / "server_state" / "series").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path.name


def clip_fingerprints(directory: Path) -> list[bytes]:
    """Stretches of every clip file: a picture that left the server as it is stored would hold one of them."""
    found = []
    for clip in directory.rglob("*.avi"):
        data = clip.read_bytes()
        found += [data[at : at + 24] for at in range(2000, len(data) - 24, 500) if len(set(data[at : at + 24])) > 12]
    return found


ALLOWED = ("application/json", "text/plain", "text/event-stream", "application/gzip")
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"ftyp", b"RIFF", b"DICM", b"\x1a\x45\xdf\xa3")


def test_no_route_gives_a_clips_pixels(session: Session) -> None:
    study, series = KEYS[0]
    prints = clip_fingerprints(session.server.directory / "clips")
    assert len(prints) > 10
    session.answers.clear()
    for path, operations in document("0")["paths"].items():
        path = path.replace("{study}", study).replace("{series}", series)
        for method in (*operations, "put", "delete", "patch", "options", "trace"):
            for who in (0, 1, None):
                session.ask(method.upper(), path, who, data=b"" if method == "post" else None)
    guesses = [
        "clips",
        "data",
        "output",
        "frames",
        "video",
        "static",
        f"output/dis/{study}_{series}/masks.tgz",
        "../clips",
    ]
    for guess in guesses:
        for prefix in ("", "api/", "api/frames/", "api/video/", "api/series/"):
            session.ask("GET", f"/{prefix}{guess}")
            session.ask("GET", f"/{prefix}{guess}/{study}/{series}.avi")
    archives = 0
    for path, answer in session.answers:
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        assert kind in ALLOWED or not answer.content, (path, kind)
        if kind == "application/gzip":
            archives += 1
            check_masks_only(answer.content)
            continue
        assert not any(mark in answer.content for mark in PICTURES), path
        assert not any(stretch in answer.content for stretch in prints), path
    assert archives == 2  # for the two people with a token, not for the stranger


def check_masks_only(packed: bytes) -> None:
    """Everything in an archive is metadata or a picture of black and white."""
    archive = unpack(packed)
    assert set(archive.metadata) >= {"frames"}
    assert METADATA not in archive.masks
    for data in archive.masks.values():
        decode_mask(data, *mask_size(data))  # raises for any value but 0 and 255


def test_the_check_for_pixels_can_fail(session: Session, tmp_path: Path) -> None:
    shutil.copytree(session.server.directory / "clips", tmp_path / "clips")
    clip = next((tmp_path / "clips").rglob("*.avi")).read_bytes()
    assert any(stretch in b"..." + clip + b"..." for stretch in clip_fingerprints(tmp_path))
