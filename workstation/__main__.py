"""The command `goobusters COMMAND …`: knows its subcommands by name and loads only the one that is called."""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "workstation": ("workstation.qt.app:main", "the desktop window"),
    "backend": ("workstation.backend:main", "the workstation without a window, for a browser"),
    "demo": ("workstation.demo:main", "server and workstation on the embedded demo clips"),
    "server": ("server.__main__:main", "the mask server"),
    "track": ("tracking.__main__:main", "tracks one clip offline"),
    "backup": ("server.backup:main_backup", "copies what the server keeps into a file"),
    "restore": ("server.backup:main_restore", "brings a backup back"),
    "plugins": ("workstation.plugins_command:main", "lists, checks and starts plugins"),
}


def main(arguments: list[str] | None = None) -> int:
    """Runs one subcommand and returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] in ("--version", "version"):
        from workstation.core import version

        print(f"goobusters {version()}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"goobusters: there is no command {arguments[0]!r}\n\n{usage()}", file=sys.stderr)
        return 2
    module, function = COMMANDS[arguments[0]][0].split(":")
    try:
        function_itself = getattr(importlib.import_module(module), function)
    except ImportError as error:
        if arguments[0] != "workstation":
            raise
        print(f"The window cannot be opened, because Qt is not complete here: {error}", file=sys.stderr)
        print("`goobusters backend` works without it, in a browser.", file=sys.stderr)
        return 1
    return int(function_itself(arguments[1:]) or 0)


def usage() -> str:
    """The list of commands."""
    lines = [f"  {name:<12} {text}" for name, (_, text) in COMMANDS.items()]
    return "usage: goobusters COMMAND [options]\n\n" + "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
