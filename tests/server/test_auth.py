"""Who may: every way to check a token, and that nothing of a stranger's request is looked at."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from server.assemble import Running
from server.auth import Authenticator, make_token
from server.errors import ApiError
from server.identity import Identity, hash_token
from server.openapi import document
from tests.helpers.clips import uids
from tests.helpers.wsgi import Caller
from tests.server.conftest import SetClock, settings_for
from tracking.contracts.settings import SettingError

Indexed = Callable[..., tuple[Running, Caller]]


class Untouchable:
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("a stranger's body was read")


def every_route() -> list[tuple[str, str]]:
    study, series = uids(0)
    paths = document("0")["paths"]
    return [
        (method.upper(), path.replace("{study}", study).replace("{series}", series))
        for path, operations in paths.items()
        for method in operations
    ]


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    """Environment for AUTH=tokens, and the token under TOKEN."""
    path = tmp_path / "tokens.json"
    return {"token": make_token(path, "ann@example.org"), "AUTH": "tokens", "TOKENS_PATH": str(path)}


def test_strangers_get_401_everywhere_and_nothing_is_read(indexed: Indexed, tokens: dict[str, str]) -> None:
    tokens.pop("token")
    running, caller = indexed(1, **tokens)
    for method, path in every_route():
        seen: list[Any] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "version=x",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": Untouchable(),
            "CONTENT_LENGTH": "1000",
        }

        def start(line: str, headers: Any, exc_info: Any = None, seen: list[Any] = seen) -> None:
            seen.append(line)

        answer = running.application(environ, start)
        body = b"".join(answer)
        answer.close()
        if path == "/healthz":
            assert seen[0].startswith("200")
            continue
        assert seen[0].startswith("401"), (method, path)
        assert json.loads(body)["error_code"] == "UNAUTHORIZED"
    assert caller.get("/no/such/route").status == 401  # not even which routes there are


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "Bearer " + "x" * 5000, "bearer\twrong", "Bearer é"],
)
def test_bad_headers_are_refused(indexed: Indexed, tokens: dict[str, str], header: str) -> None:
    tokens.pop("token")
    _, caller = indexed(1, **tokens)
    answer = caller.get("/api/status", Authorization=header)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_names_its_editor_and_no_header_overrules_it(indexed: Indexed, tokens: dict[str, str]) -> None:
    bearer = f"Bearer {tokens.pop('token')}"
    _, caller = indexed(1, **tokens)
    assert caller.post("/api/auth/validate", Authorization=bearer).json() == {
        "valid": True,
        "editor": "ann@example.org",
    }
    path = "/api/series/" + "/".join(uids(0)) + "/activity"
    activity = caller.post(path, Authorization=bearer, X_Editor="eve@example.org").json()["activity"]
    assert [mark["editor"] for mark in activity] == ["ann@example.org"]


def test_the_file_holds_hashes_only_and_is_read_again_when_it_changes(
    indexed: Indexed, tokens: dict[str, str], tmp_path: Path
) -> None:
    token = tokens.pop("token")
    path = tmp_path / "tokens.json"
    assert token not in path.read_text("utf-8")
    assert hash_token(token) in path.read_text("utf-8")
    _, caller = indexed(1, **tokens)
    assert caller.get("/api/status", Authorization=f"Bearer {token}").status == 200
    path.write_text('{"tokens": []}', "utf-8")
    assert caller.get("/api/status", Authorization=f"Bearer {token}").status == 401
    path.write_text("garbage", "utf-8")
    answer = caller.get("/api/status", Authorization=f"Bearer {token}")
    assert (answer.status, answer.json()["error_code"]) == (503, "AUTH_UNAVAILABLE")


def test_new_token_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], indexed: Indexed
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--new-token", "bob@example.org"]) == 0
    token = capsys.readouterr().out.strip()
    (tmp_path / "broken.json").write_text("[]", "utf-8")
    monkeypatch.setenv("TOKENS_PATH", "broken.json")
    assert main(["--new-token", "bob@example.org"]) == 2
    assert capsys.readouterr().err == "The list of tokens (TOKENS_PATH) cannot be read or written.\n"
    for editor in ("", "two\nlines", "x" * 255, "\udcff"):
        assert main(["--new-token", editor]) == 2
        assert capsys.readouterr().err.startswith("A token needs a person's name")
    _, caller = indexed(1, AUTH="tokens")
    assert caller.post("/api/auth/validate", Authorization=f"Bearer {token}").json()["editor"] == "bob@example.org"


class CountingChecker:
    """Stands in for MD.ai's answer: one good token, and a count of how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, token: str) -> Identity | None:
        self.asked += 1
        return Identity("ann@example.org", hash_token(token)) if token == "good" else None


def test_good_answers_are_kept_15_minutes_and_refusals_half_a_minute(clock: SetClock) -> None:
    checker = CountingChecker()
    authenticator = Authenticator(checker, clock, remember=True)

    def ask(token: str) -> int:
        try:
            authenticator.check(f"Bearer {token}")
        except ApiError as error:
            assert error.code == "UNAUTHORIZED"
        return checker.asked

    assert [ask("good"), ask("good")] == [1, 1]
    assert [ask("bad"), ask("bad")] == [2, 2]
    clock.advance(seconds=31)
    assert [ask("good"), ask("bad")] == [2, 3]
    clock.advance(minutes=15)
    assert ask("good") == 4


def test_a_flood_of_unknown_tokens_does_not_reach_the_checker(clock: SetClock) -> None:
    checker = CountingChecker()
    authenticator = Authenticator(checker, clock, remember=True)

    def refuse() -> None:
        raise ApiError("RATE_LIMITED", "enough")

    with pytest.raises(ApiError, match="enough"):
        authenticator.check("Bearer unknown", refuse)
    assert checker.asked == 0


def test_guessing_is_slowed_down_and_good_callers_are_not(
    indexed: Indexed, tokens: dict[str, str], clock: SetClock
) -> None:
    bearer = f"Bearer {tokens.pop('token')}"
    _, caller = indexed(1, **tokens)
    statuses = [caller.get("/api/status", Authorization=f"Bearer wrong{n}").status for n in range(60)]
    assert statuses == [401] * 50 + [429] * 10
    assert caller.get("/api/status", Authorization=bearer).status == 200  # from the same address
    clock.advance(seconds=10)
    assert caller.get("/api/status", Authorization="Bearer wrong").status == 401


def test_a_caller_who_asks_too_often_gets_429(indexed: Indexed, clock: SetClock) -> None:
    logging.getLogger("goobusters.requests").setLevel(logging.ERROR)
    _, caller = indexed(1)
    answers = [caller.get("/healthz") for _ in range(5)] + [caller.get("/api/status") for _ in range(601)]
    assert [a.status for a in answers] == [200] * 605 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    clock.advance(seconds=1)
    assert caller.get("/api/status").status == 200
    logging.getLogger("goobusters.requests").setLevel(logging.NOTSET)


def test_auth_none_is_for_loopback_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.org"):
        with pytest.raises(SettingError, match="AUTH"):
            settings_for(tmp_path, SERVER_HOST=host)
    for host in ("127.0.0.1", "localhost", "::1"):
        assert settings_for(tmp_path, SERVER_HOST=host).is_loopback


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:5000"}, 200),
        ({"Host": "[::1]:5000"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "evil.example.org"}, 403),
        ({"Host": "127.0.0.1.evil.example.org"}, 403),
        ({"Host": "localhost", "Origin": "https://evil.example.org"}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost:8000"}, 200),
    ],
)
def test_auth_none_keeps_web_pages_of_others_out(indexed: Indexed, headers: dict[str, str], status: int) -> None:
    _, caller = indexed(1)
    assert caller.get("/api/status", **headers).status == status
