"""Joining two people's edits in a real journal: for any two sides and any choices, what was chosen is what is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.workstation import step
from tracking.contracts.archive import Archive
from tracking.contracts.labels import EMPTY_ID, LABEL_ID, mask_filename
from tracking.contracts.masks import encode_mask
from workstation.conflicts import Conflicts, values
from workstation.core import Core
from workstation.journal import Journal
from workstation.masks import MaskSet, store_archive
from workstation.merge import BOTH, MINE, THEIRS
from workstation.replay import ANNOTATION, EMPTY, NONE, Key, Replay, encode_runs
from workstation.series import ListedSeries, Manifest, SeriesModel
from workstation.settings import SettingsStore

WIDTH, HEIGHT = 6, 4
MASKS = {
    name: bytes(255 if index % 3 in places else 0 for index in range(WIDTH * HEIGHT))
    for name, places in (("p", {0}), ("q", {1}), ("r", {0, 2}))
}
OTHER_ID = "L_other"
keys = st.tuples(st.integers(0, 2), st.sampled_from([LABEL_ID, OTHER_ID, EMPTY_ID]))
Side = dict[Key, str]


def clean(side: Side) -> Side:
    """A frame that is verified empty has no masks."""
    empty = {key[0] for key in side if key[1] == EMPTY_ID}
    kept = {key: value for key, value in side.items() if key[0] not in empty}
    return kept | {(frame, EMPTY_ID): EMPTY for frame in empty}


sides = st.dictionaries(keys, st.sampled_from(sorted(MASKS)), max_size=6).map(clean)


def mask_set(directory: Path, side: Side, version: str) -> MaskSet:
    frames: list[dict[str, Any]] = []
    files = {}
    for (frame, label), value in side.items():
        name = None if label == EMPTY_ID else mask_filename(frame, None if label == LABEL_ID else label)
        entry = {"frame_number": frame, "has_mask": name is not None, "is_annotation": True, "label_id": label}
        frames.append({**entry, "filename": name})
        if name:
            files[name] = encode_mask(MASKS[value], WIDTH, HEIGHT)
    store_archive(Archive({"version_id": version, "frames": frames}, files), directory / version)
    return MaskSet(directory / version, width=WIDTH, height=HEIGHT, label_id=LABEL_ID, empty_id=EMPTY_ID)


def cell_of(side: Side, key: Key) -> tuple[str, bytes]:
    value = side.get(key)
    if value is None or value == EMPTY:
        return (EMPTY if value else NONE), bytes(WIDTH * HEIGHT)
    return ANNOTATION, MASKS[value]


def edit_towards(old: Side, new: Side) -> list[dict[str, Any]]:
    """One edit that turns one side into the other."""
    changes = []
    for frame, label in sorted({*old, *new}):
        before, after = cell_of(old, (frame, label)), cell_of(new, (frame, label))
        if before != after:
            box = [0, 0, WIDTH, HEIGHT] if before[1] != after[1] else None
            changes.append(
                {
                    "frame_number": frame,
                    "label_id": label,
                    "kind_before": before[0],
                    "kind_after": after[0],
                    "bbox": box,
                    "before": box and encode_runs(before[1]),
                    "after": box and encode_runs(after[1]),
                }
            )
    return [{"id": "e", "op": "edit", "tool": "brush", "changes": changes}] if changes else []


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    directory = tmp_path_factory.mktemp("core")
    core = Core(SettingsStore(directory, directory, {"SERVER_URL": "", "MDAI_TOKEN": "x"}))
    core.plugins.load(None, safe_mode=True)
    yield core


def named(replay: Replay) -> Side:
    """Annotations by the names of their masks; a union by the sum of the names."""
    names = {mask: name for name, mask in MASKS.items()}
    found = {}
    for key in replay.annotation_keys():
        cell = replay.cell(key)
        found[key] = EMPTY if cell.kind == EMPTY else names.get(cell.pixels, cell.pixels.hex())
    return found


def union(one: str, other: str) -> str:
    pixels = bytes(a | b for a, b in zip(MASKS[one], MASKS[other], strict=True))
    return {mask: name for name, mask in MASKS.items()}.get(pixels, pixels.hex())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sides, sides, sides, st.booleans(), st.randoms(use_true_random=False))
def test_what_was_chosen_is_what_is_there(
    core: Core, old: Side, mine: Side, theirs: Side, is_known: bool, chance: Any
) -> None:
    """is_known: the server knows the version that mine grew from; if not, its state is of an older backup."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        model = SeriesModel(ListedSeries("1.2", "1.2.1", 1), manifest=Manifest(3, WIDTH, HEIGHT, None, 8))
        model.masks = mask_set(directory, old, "old")
        model.journal = Journal(directory / "journal.jsonl")
        model.journal.start("old")
        for op in edit_towards(old, mine):
            model.journal.append_own(op)
        assert named(Replay(model.masks, model.journal.ops())) == mine
        history = [{"version_id": "theirs"}, *([{"version_id": "old"}] if is_known else [])]
        conflicts = Conflicts(core, model, mask_set(directory, theirs, "theirs"), history)
        asked = [(frame["frame_number"], frame["label_id"]) for frame in conflicts.to_json()["frames"]]
        takes = {key: chance.choice([MINE, THEIRS, BOTH]) for key in asked}
        conflicts.join([{"frame_number": k[0], "label_id": k[1], "take": take} for k, take in takes.items()])
        assert model.masks.version_id == "theirs"
        result = named(Replay(model.masks, model.journal.ops()))
        check(result, old if is_known else {}, mine, theirs, takes)
        if not is_known:
            assert {key for key in {**mine, **theirs} if key[0] not in {k[0] for k in takes}} <= set(result)
        if model.journal.ops()[-1]["op"] == "edit" and model.journal.ops()[-1]["tool"] == "conflict":
            undone = [*model.journal.ops(), step("undo", model.journal.ops()[-1])]
            back = named(Replay(model.masks, undone))
            for key in asked:
                if mine.get(key):
                    assert back[key] == mine[key], "the choice can be undone: mine is still there"
        assert model.journal.is_dirty or values(Replay(model.masks, model.journal.ops())) == values(model.masks)


def check(result: Side, old: Side, mine: Side, theirs: Side, takes: dict[Key, str]) -> None:
    frames = {key[0] for key in takes}
    for key in {*old, *mine, *theirs} | set(takes):
        ours, other = mine.get(key), theirs.get(key)
        if key in takes:
            wanted = {MINE: ours, THEIRS: other}.get(takes[key])
            if takes[key] == BOTH:
                wanted = union(ours, other) if ours and other else ours or other
            assert result.get(key) == wanted
        elif key[0] not in frames:
            assert result.get(key) == (other if ours == old.get(key) else ours)
    for frame in frames:
        is_drawn = any(key[0] == frame and key[1] != EMPTY_ID for key in result)
        says = {MINE: (frame, EMPTY_ID) in mine, THEIRS: (frame, EMPTY_ID) in theirs}
        says[BOTH] = says[MINE] or says[THEIRS]
        is_chosen = any(says[take] for key, take in takes.items() if key[0] == frame)
        assert ((frame, EMPTY_ID) in result) == (is_chosen and not is_drawn)
    for frame in {key[0] for key in result}:
        labels = {key[1] for key in result if key[0] == frame}
        assert EMPTY_ID not in labels or labels == {EMPTY_ID}
