"""The one table of every setting, and how it is read: environment over dot.env.<side> over dot.env over default.

Called once at start by `server.__main__` and `workstation.__main__`; docs/settings.md lists the same table (a test
compares them). Standard library only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking.contracts.labels import EMPTY_ID, LABEL_ID, TRACK_ID, is_label_id

SHARED, SERVER, CLIENT, DEMO = "shared", "server", "client", "demo"
_PREFIXES = ("MDAI_", "SERVER_", "CLIENT_", "RETRACK_", "RECENT_VIEW_", "MASK_STORAGE_", "VIDEO_CACHE_", "GOOBUSTERS_")


class SettingError(ValueError):
    """A setting is unknown or has a value that does not fit. `key` names it; the value is never repeated."""

    code = "SETTING_INVALID"

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


@dataclass(frozen=True)
class Setting:
    """One key: who reads it, how its text becomes a value, its default text and what it is for."""

    key: str
    side: str
    parse: Callable[[str], Any]
    default: str
    doc: str
    is_secret: bool = False


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,12}", text) else low - 1
        if not low <= value <= high:
            raise ValueError(f"expects a whole number from {low} to {high}")
        return value

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"expects one of {', '.join(words)}")
        return text

    return parse


def _matching(pattern: str, hint: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"expects {hint}")
        return text

    return parse


def _label(text: str) -> str:
    if not is_label_id(text):
        raise ValueError("expects a label id: letters, digits, _ and -")
    if text == TRACK_ID:
        raise ValueError("expects the label of what people mark, not that of tracked masks")
    return text


def _directory(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("expects a directory")
    return Path(text).expanduser()


def _url(text: str) -> str:
    """http(s)://HOST[:PORT][/PATH] or nothing. Two addresses run together are none."""
    found = re.fullmatch(r"https?://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/[^\0-\x20/?#@\\]+)*/?", text)
    if text and (found is None or int(found[1] or 0) > 65535):
        raise ValueError("expects an http(s) address without a user or query, or nothing")
    return text


def _line(text: str) -> str:
    if not text.isprintable():  # so that it can be encoded, sent and logged
        raise ValueError("expects one line of text")
    return text


def _email(text: str) -> str:
    if text and not (text.isprintable() and re.fullmatch(r"[^\s@]{1,64}@[^\s@]{1,189}", text)):
        raise ValueError("expects an e-mail address")
    return text


def _workers(text: str) -> str:
    found = re.fullmatch(r"dask://[^\s/@]+:([0-9]{1,5})", text)
    if text != "local" and not (found and 0 < int(found[1]) <= 65535):
        raise ValueError("expects local or dask://HOST:PORT")
    return text


_dataset = _matching(r"mdai|folder:[^\0]+", "mdai or folder:PATH")
_word = _matching(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a plain name")
_domain = _matching(r"[\w.-]+(:[0-9]+)?", "a host name")
_host = _matching(r"[\w.:-]+", "a host name or address")

SETTINGS: tuple[Setting, ...] = (
    Setting("DATASET", SHARED, _dataset, "mdai", "where the clips come from: `mdai` or `folder:PATH`"),
    Setting("MDAI_TOKEN", SHARED, _line, "", "access token for MD.ai and for the server", is_secret=True),
    Setting("MDAI_DOMAIN", SHARED, _domain, "public.md.ai", "MD.ai's domain"),
    Setting("PROJECT_ID", SHARED, _line, "", "MD.ai's project id"),
    Setting("DATASET_ID", SHARED, _line, "", "MD.ai's data set id"),
    Setting("LABEL_ID", SHARED, _label, LABEL_ID, "label type that is tracked (free fluid)"),
    Setting("EMPTY_ID", SHARED, _label, EMPTY_ID, "label type that says: a person saw that there is nothing"),
    Setting("FLOW_METHOD", SHARED, _word, "dis", "optical flow method: `dis`, `farneback` or one of a plugin"),
    Setting("SERVER_HOST", SERVER, _host, "127.0.0.1", "address the server binds to; 0.0.0.0 behind Caddy"),
    Setting("SERVER_PORT", SERVER, _integer(0, 65535), "5000", "port the server binds to; 0 takes any free one"),
    Setting("AUTH", SERVER, _one_of("mdai", "tokens", "none"), "mdai", "who may: `mdai`, `tokens`, `none` (loopback)"),
    Setting("TOKENS_PATH", SERVER, _directory, "tokens.json", "file of hashed tokens for AUTH=tokens"),
    Setting(
        "RECENT_VIEW_THRESHOLD_MINUTES", SERVER, _integer(0, 525_600), "60", "how long a view keeps others off a series"
    ),
    Setting(
        "SYNC_HOURS", SERVER, _integer(0, 8760), "24", "how often the data set is brought up to date; 0: at start alone"
    ),
    Setting("RETRACK_WORKERS", SERVER, _integer(1, 64), "2", "worker processes for tracking"),
    Setting("WORKERS", SERVER, _workers, "local", "where jobs run: `local` or `dask://HOST:PORT`"),
    Setting("STATE_PATH", SERVER, _directory, "server_state", "directory of versions, activity and completion"),
    Setting("MASK_STORAGE_PATH", SERVER, _directory, "output", "directory of masks"),
    Setting("DATA_PATH", SERVER, _directory, "data", "directory of MD.ai's downloads and of kept flow"),
    Setting("CLIENT_PORT", CLIENT, _integer(0, 65535), "0", "port of the local viewer; 0 takes any free one"),
    Setting("SERVER_URL", CLIENT, _url, "http://127.0.0.1:5000", "the mask server's address"),
    Setting("USER_EMAIL", CLIENT, _email, "", "who saves: an e-mail address"),
    Setting("GOOBUSTERS_HOME", DEMO, _line, "", "directory of the demo; empty takes the system's place for user data"),
    Setting("VIDEO_CACHE_PATH", CLIENT, _directory, "client_cache", "directory of downloaded clips and frames"),
)
BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True)
class SharedSettings:
    """What server and workstation both read; each adds its own. A field is its key in small letters."""

    dataset: str
    mdai_token: str
    mdai_domain: str
    project_id: str
    dataset_id: str
    label_id: str
    empty_id: str
    flow_method: str


def shared_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of SharedSettings, from the values that `load` gave."""
    return {setting.key.lower(): values[setting.key] for setting in SETTINGS if setting.side == SHARED}


def load(side: str, directory: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The values of `read`, when all of them fit. Raises the first SettingError."""
    values, errors = read(side, directory, environ)
    if errors:
        raise errors[0]
    return values


def read(
    side: str, directory: Path, environ: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[SettingError]]:
    """{key: typed value} of every setting that `side` ("server" or "client") reads, and everything that is wrong.

    Wrong are a value that does not fit (its key is not among the values), any unknown key in a dot.env file, a line of
    one that is not KEY=VALUE, and an unknown environment variable with one of our prefixes. Paths are absolute, those
    given as relative ones from `directory`.
    """
    environ = os.environ if environ is None else environ
    texts = {s.key: s.default for s in SETTINGS if s.side in (SHARED, side)}
    errors: list[SettingError] = []
    for name in ("dot.env", f"dot.env.{side}"):
        for key, value in _read_dot_env(directory / name, errors):
            if key not in BY_KEY:
                errors.append(SettingError(key, f"is not a setting (in {name})"))
            elif key in texts:
                texts[key] = value
    for key, value in environ.items():
        if key in texts:
            texts[key] = value
        elif key not in BY_KEY and key.startswith(_PREFIXES):
            errors.append(SettingError(key, "is not a setting (in the environment)"))
    values = {}
    for key, text in texts.items():
        try:
            value = parse_setting(key, text)
        except SettingError as error:
            errors.append(error)
        else:
            values[key] = (directory / value).absolute() if isinstance(value, Path) else value
    if "LABEL_ID" in values and values["LABEL_ID"] == values.get("EMPTY_ID"):
        errors.append(SettingError("EMPTY_ID", "is the same as LABEL_ID"))
    return values, errors


def _read_dot_env(path: Path, errors: list[SettingError]) -> Iterator[tuple[str, str]]:
    """(key, value) of each KEY=VALUE line of a dot.env file; `#` lines and a missing file are fine, others errors."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError):
        errors.append(SettingError(path.name, "cannot be read as text"))
        return
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, found, value = line.removeprefix("export ").partition("=")
        if not found:
            errors.append(SettingError(path.name, f"line {number} is not KEY=VALUE"))
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield key.strip(), value


def parse_setting(key: str, text: str) -> Any:
    """The typed value of one setting's text. Raises SettingError."""
    try:
        return BY_KEY[key].parse(text)
    except ValueError as error:
        raise SettingError(key, str(error)) from None
