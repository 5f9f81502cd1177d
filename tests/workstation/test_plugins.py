"""Plugins: order, failures that are named and switched off, safe mode, and the `goobusters plugins` command."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.clips import write_dataset
from tests.helpers.workstation import Workstation
from workstation import __main__ as command
from workstation import plugins_command
from workstation.errors import CoreError
from workstation.plugin_manager import FAILED, ON, Plugins, check_hooks, load_file
from workstation.plugins import PIPELINE

LABEL = """'''Adds a label type.'''
from tracking.contracts.labels import LabelType
from workstation.hookspecs import hookimpl

@hookimpl
def label_types():
    return [LabelType("L_peri01", "Pericardium")]
"""
NEXT = """'''Decides what comes next.'''
from workstation.hookspecs import hookimpl

@hookimpl
def next_series():
    {body}
"""


def folder_with(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "user" / "plugins"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return folder


def load(folder: Path | None, *, safe_mode: bool = False) -> Plugins:
    plugins = Plugins()
    plugins.load(folder, safe_mode=safe_mode)
    return plugins


def test_built_ins_are_plugins_and_all_are_on() -> None:
    plugins = load(None)
    assert list(plugins.infos)[: len(PIPELINE)] == list(PIPELINE)
    assert {info.state for info in plugins.infos.values()} == {ON}


def test_a_plugin_of_a_site_is_asked_first(tmp_path: Path) -> None:
    plugins = load(folder_with(tmp_path, mine=NEXT.format(body="return {'mine': True}")))
    assert plugins.first("next_series", core=None, skip=None) == {"mine": True}


def test_a_plugin_that_fails_is_named_switched_off_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[str] = []
    plugins = Plugins(lambda info: failed.append(info.name))
    folder = folder_with(tmp_path, a_good=NEXT.format(body="return {'good': 1}"), b_bad=NEXT.format(body="1 / 0"))
    plugins.load(folder, safe_mode=False)
    with caplog.at_level(logging.CRITICAL):
        assert plugins.first("next_series", core=None, skip=None) == {"good": 1}
    assert failed == ["b_bad"]
    assert plugins.infos["b_bad"].state == FAILED
    assert "ZeroDivisionError" in plugins.infos["b_bad"].message
    assert plugins.first("next_series", core=None, skip=None) == {"good": 1}
    assert failed == ["b_bad"], "it is not asked again"


def test_an_error_for_people_is_an_answer_and_no_failure(tmp_path: Path) -> None:
    body = "from workstation.errors import CoreError; raise CoreError('MY_CODE', 'Not today.')"
    plugins = load(folder_with(tmp_path, mine=NEXT.format(body=body)))
    with pytest.raises(CoreError, match="Not today"):
        plugins.first("next_series", core=None, skip=None)
    assert plugins.infos["mine"].state == ON


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("'''No hook.'''\n", "implements no hook"),
        (NEXT.format(body="pass").replace("next_series", "next_serie"), "next_serie"),
        (NEXT.format(body="pass").replace("next_series()", "next_series(colour)"), "colour"),
        (NEXT.format(body="yield").replace("@hookimpl", "@hookimpl(wrapper=True)"), "wrappers"),
    ],
)
def test_an_unsound_plugin_is_left_out_with_its_reason(
    tmp_path: Path, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        plugins = load(folder_with(tmp_path, odd=text, good=LABEL))
    assert plugins.infos["odd"].state == FAILED
    assert reason in plugins.infos["odd"].message
    assert plugins.infos["good"].state == ON


def test_safe_mode_starts_with_the_built_ins_alone(tmp_path: Path) -> None:
    plugins = load(folder_with(tmp_path, good=LABEL), safe_mode=True)
    assert list(plugins.infos) == list(PIPELINE)


def test_a_label_type_reaches_the_viewer(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    folder_with(tmp_path, pericardium=LABEL)
    with Workstation(tmp_path, tmp_path / "clips") as station:
        session = station.get("/api/session")
    assert [label["label_id"] for label in session["label_types"]] == ["L_13yPql", "L_75K42J", "L_peri01"]
    assert {"name": "pericardium", "state": "on", "message": ""} in session["plugins"]


def test_files_of_a_plugin_are_served_and_nothing_beside_them(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    text = """'''A tool.'''
from pathlib import Path
from workstation.hookspecs import ViewerModule, hookimpl

@hookimpl
def viewer_modules():
    return [ViewerModule("ruler", Path(__file__).parent / "ruler_files", "ruler.js")]
"""
    folder = folder_with(tmp_path, ruler=text)
    (folder / "ruler_files").mkdir()
    (folder / "ruler_files" / "ruler.js").write_text("export const ruler = 1;", "utf-8")
    with Workstation(tmp_path, tmp_path / "clips") as station:
        assert station.get("/api/session")["viewer_modules"] == ["/plugins/ruler/ruler.js"]
        answer = station.request("GET", "/plugins/ruler/ruler.js")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        for path in ("/plugins/ruler/../ruler.py", "/plugins/ruler/%2e%2e/ruler.py", "/plugins/other/ruler.js"):
            assert station.request("GET", path).status_code == 404


def test_notifications_reach_plugins(tmp_path: Path) -> None:
    write_dataset(tmp_path / "clips", 1)
    text = f"""'''Writes down what it hears.'''
from pathlib import Path
from workstation.hookspecs import hookimpl

@hookimpl
def notify(kind, data):
    with Path({str(tmp_path / "heard")!r}).open("a") as file:
        file.write(kind + "\\n")
"""
    folder_with(tmp_path, ear=text)
    with Workstation(tmp_path, tmp_path / "clips") as station:
        station.listed(1)
        heard = tmp_path / "heard"
        station.wait_for(lambda: heard.read_text("utf-8") if heard.exists() else "", lambda text: "series" in text)


def test_list_check_and_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user = ["--user", str(tmp_path / "user")]
    assert plugins_command.main([*user, "new", "my_label"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tmp_path / "user" / "plugins" / "my_label.py"
    assert plugins_command.main([*user, "new", "my_label"]) == 1
    assert plugins_command.main([*user, "new", "../escape"]) == 2
    capsys.readouterr()
    assert plugins_command.main(["check", str(path)]) == 0
    check_hooks(load_file(path))
    path.write_text("raise RuntimeError('no')", "utf-8")
    assert plugins_command.main(["check", str(path)]) == 1
    assert "RuntimeError" in capsys.readouterr().err


def test_list_says_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder_with(tmp_path, bad="raise RuntimeError('no')")
    with caplog.at_level(logging.CRITICAL):
        assert plugins_command.main(["--user", str(tmp_path / "user"), "list"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:3] == ["bad", "folder", "failed"] for line in lines)
    assert any(line.startswith("extract_video") and "built-in" in line for line in lines)


def test_the_command_knows_its_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert command.main(["--help"]) == 0
    assert "workstation" in capsys.readouterr().out
    assert command.main(["nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_every_subcommand_exists() -> None:
    import importlib

    for target, _ in command.COMMANDS.values():
        module, function = target.split(":")
        main: Any = getattr(importlib.import_module(module), function)
        assert callable(main), target
