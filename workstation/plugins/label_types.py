"""The built-in label types: free fluid (or whatever LABEL_ID names) and verified empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.contracts.labels import LabelType
from workstation.hookspecs import hookimpl

if TYPE_CHECKING:
    from workstation.core import Core


@hookimpl
def label_types(core: Core) -> list[LabelType]:
    """Free fluid and empty, under the ids of the settings."""
    return [
        LabelType(core.settings.label_id, "Free fluid"),
        LabelType(core.settings.empty_id, "Empty", colour="#5dade2", kind="empty"),
    ]
