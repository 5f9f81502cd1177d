"""How does a lab add its own flow method or clip tracker? The one hook of this package, and who collects it (flow.py).

A plugin is an installed package with an entry point in the group `goobusters_tracking` whose module has the hook:

    from tracking.hookspecs import hookimpl

    @hookimpl
    def goobusters_flow_methods():
        return {"raft": RaftFlow}

Its methods are then chosen by name, on the command line and as FLOW_METHOD.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pluggy

from tracking.errors import MethodError

PROJECT = "goobusters_tracking"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def goobusters_flow_methods() -> dict[str, Callable[[], Any]]:  # type: ignore[empty-body]
    """Return method name → factory without arguments that makes a `FlowMethod` or a `ClipTracker` (both in flow.py).

    The factory runs once a job, in the worker process: load weights there and not at import.
    """


@lru_cache(maxsize=1)
def plugin_manager() -> pluggy.PluginManager:
    """The manager with all installed plugins. Made on first use; tests register plugins on it and unregister them."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(__import__(__name__, fromlist=["_"]))
    manager.load_setuptools_entrypoints(PROJECT)
    manager.check_pending()
    return manager


def plugin_methods() -> dict[str, Callable[[], Any]]:
    """All plugins' factories by name. Raises MethodError METHOD_DUPLICATE when two plugins claim the same name."""
    merged: dict[str, Callable[[], Any]] = {}
    for offered in plugin_manager().hook.goobusters_flow_methods():
        for name, factory in offered.items():
            if name in merged:
                raise MethodError("METHOD_DUPLICATE", f"Two plugins offer a flow method called {name!r}.")
            merged[name] = factory
    return merged
