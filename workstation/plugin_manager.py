"""Which plugins are there, are they sound, and who answers a hook? The only place that calls plugin code.

Order: built-ins, then entry points of the group `goobusters`, then the plugins folder; whoever is registered last is
asked first. A plugin of a site that raises is named, switched off for the session, and the flow goes on without it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from workstation import hookspecs
from workstation.errors import CoreError
from workstation.plugins import PIPELINE

log = logging.getLogger("goobusters.plugins")

ON, OFF, FAILED = "on", "off", "failed"
_FOLDER_PREFIX = "goobusters_plugin_"


@dataclass
class PluginInfo:
    """One plugin: where it comes from (built-in, entry point, folder), whether it runs, and why not."""

    name: str
    origin: str
    state: str = ON
    message: str = ""

    def to_json(self) -> dict[str, str]:
        """As in GET /api/session."""
        return {"name": self.name, "state": self.state, "message": self.message}


class Plugins:
    """The loaded plugins. Hooks are called through first() and all()."""

    def __init__(self, on_failure: Callable[[PluginInfo], None] | None = None) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._on_failure = on_failure or (lambda info: None)
        self._lock = threading.Lock()
        self.infos: dict[str, PluginInfo] = {}

    def load(self, folder: Path | None, *, safe_mode: bool) -> None:
        """Registers everything there is. In safe mode: the built-ins alone."""
        for name in PIPELINE:
            self._register(name, "built-in", partial(importlib.import_module, f"workstation.plugins.{name}"))
        if safe_mode:
            return
        for entry in sorted(importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda e: e.name):
            self._register(entry.name, "entry point", entry.load)
        for path in _plugin_files(folder):
            self._register(path.stem, "folder", partial(load_file, path))

    def _register(self, name: str, origin: str, load: Callable[[], Any]) -> None:
        if name in self.infos:
            name = f"{name} ({origin})"
        info = self.infos[name] = PluginInfo(name, origin)
        try:
            plugin = load()
            check_hooks(plugin)
            self._manager.register(plugin, name=name)
        except Exception as error:
            if origin == "built-in":
                raise
            self._fail(info, error)

    def _fail(self, info: PluginInfo, error: BaseException) -> None:
        with self._lock:
            info.state = FAILED
            info.message = f"{type(error).__name__}: {error}"[:300]
            if self._manager.has_plugin(info.name):
                self._manager.unregister(name=info.name)
        log.error("plugin %s failed and is off until the next start (%s)", info.name, type(error).__name__)
        self._on_failure(info)

    def first(self, hook: str, **arguments: Any) -> Any:
        """The first answer that is not None, from the last registered plugin to the first.

        Raises CoreError as plugins raise it, and CoreError NO_PLUGIN when nobody answers.
        """
        answer = self.ask(hook, **arguments)
        if answer is None:
            raise CoreError("NO_PLUGIN", f"No plugin can do this ({hook}).", 500)
        return answer

    def ask(self, hook: str, **arguments: Any) -> Any:
        """Like first(), but None when nobody answers."""
        return next((answer for answer in self._answers(hook, arguments) if answer is not None), None)

    def all(self, hook: str, **arguments: Any) -> list[Any]:
        """Every plugin's answer, built-ins first; lists are joined."""
        joined: list[Any] = []
        for answer in reversed(list(self._answers(hook, arguments))):
            if isinstance(answer, (list, tuple)):
                joined.extend(answer)
            elif answer is not None:
                joined.append(answer)
        return joined

    def _answers(self, hook: str, arguments: dict[str, Any]) -> Iterator[Any]:
        """Asks one plugin after the other, so that the one that fails can be named (pluggy itself would not say)."""
        with self._lock:
            implementations = list(reversed(getattr(self._manager.hook, hook).get_hookimpls()))
        for implementation in implementations:
            info = self.infos[implementation.plugin_name]
            try:
                yield implementation.function(*[arguments[name] for name in implementation.argnames])
            except CoreError:
                raise
            except Exception as error:  # see module docstring
                if info.origin == "built-in":
                    raise
                log.exception("hook %s", hook)
                self._fail(info, error)


def check_hooks(plugin: Any) -> None:
    """Raises ValueError when a plugin implements a hook that does not exist, none at all, or with unknown arguments.

    pluggy lets misspelt hooks pass silently otherwise.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise ValueError(str(error)) from error
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise ValueError("it implements no hook (functions need the mark @hookimpl)")
    if any(i.hookwrapper or i.wrapper for caller in callers for i in caller.get_hookimpls()):
        raise ValueError("hook wrappers are not supported")


def _plugin_files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    modules = [path for path in folder.glob("*.py") if not path.name.startswith("_")]
    packages = [path.parent for path in folder.glob("*/__init__.py")]
    return sorted([*modules, *packages], key=lambda path: path.name)


def load_file(path: Path) -> ModuleType:
    """Imports a plugin from a .py file or a package directory."""
    name = _FOLDER_PREFIX + path.stem.replace("-", "_")
    location = path / "__init__.py" if path.is_dir() else path
    search = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, location, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
