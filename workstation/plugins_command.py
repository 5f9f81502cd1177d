"""`goobusters plugins list|check|new`: what is loaded, is a plugin sound, and how does one begin?"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from workstation.plugin_manager import ON, Plugins, check_hooks, load_file
from workstation.settings import user_directory

_TEMPLATE = '''"""{title}: say here what this plugin adds, in one sentence."""

from tracking.contracts.labels import LabelType
from workstation.hookspecs import hookimpl


@hookimpl
def label_types():
    """Offers one label type. The id must exist at MD.ai if the annotations come from there."""
    return [LabelType("L_{identifier}", "{title}", colour="#af7ac5")]
'''


def main(arguments: list[str] | None = None) -> int:
    """Runs one of the three; returns the exit status."""
    parser = argparse.ArgumentParser(prog="goobusters plugins")
    parser.add_argument("--user", type=Path, help="directory for a person's own settings and plugins")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="every plugin, where it comes from, and what failed")
    check = commands.add_parser("check", help="is the plugin in this file or directory sound?")
    check.add_argument("path", type=Path)
    new = commands.add_parser("new", help="writes a plugin to start from into the plugins folder")
    new.add_argument("name")
    options = parser.parse_args(arguments)
    folder = (options.user or user_directory()) / "plugins"
    if options.command == "list":
        return _list(folder)
    return _check(options.path) if options.command == "check" else _new(folder, options.name)


def _list(folder: Path) -> int:
    plugins = Plugins()
    plugins.load(folder, safe_mode=False)
    for info in plugins.infos.values():
        print(f"{info.name:<24} {info.origin:<12} {info.state:<7} {info.message}".rstrip())
    return int(any(info.state != ON for info in plugins.infos.values()))


def _check(path: Path) -> int:
    try:
        check_hooks(load_file(path))
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything; that is what is asked here
        print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{path.name}: sound")
    return 0


def _new(folder: Path, name: str) -> int:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        print("A plugin's name is made of small letters, digits and _, and starts with a letter.", file=sys.stderr)
        return 2
    path = folder / f"{name}.py"
    if path.exists():
        print(f"There is a plugin of this name already: {path}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATE.format(title=name.replace("_", " ").capitalize(), identifier=name), "utf-8")
    print(path)
    return 0
