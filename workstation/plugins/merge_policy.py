"""The built-in conflict policy: three-way, per frame and label; the viewer asks where both changed the same."""

from __future__ import annotations

from workstation.hookspecs import hookimpl
from workstation.merge import Annotations, Merge, merge_annotations


@hookimpl
def merge_conflicts(ancestor: Annotations, mine: Annotations, theirs: Annotations, empty_id: str) -> Merge:
    """See workstation.merge."""
    return merge_annotations(ancestor, mine, theirs, empty_id)
