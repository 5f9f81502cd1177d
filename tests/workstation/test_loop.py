"""The loop with a real server: open, draw, save, retracked masks; two people; the server away; a kill in the middle."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.helpers.clips import HEIGHT, WIDTH, uids, write_dataset
from tests.helpers.relay import Relay
from tests.helpers.server_process import ServerProcess
from tests.helpers.workstation import Key, Workstation, change, edit, mark_empty, step
from tracking.contracts.labels import EMPTY_ID, LABEL_ID
from tracking.contracts.masks import decode_mask
from workstation.conflicts import _read_choices
from workstation.errors import CoreError
from workstation.journal import Journal
from workstation.replay import Replay
from workstation.series import SeriesModel

SERIES = 18


class Site:
    """A data set, a server and as many workstations as a test wants; each test takes a series of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = write_dataset(directory / "clips", SERIES)
        (directory / "server").mkdir()
        self.server = ServerProcess(directory / "server", DATASET=f"folder:{directory / 'clips'}")
        self.used = 0

    def fresh(self) -> Key:
        """A series that no other test has touched."""
        self.used += 1
        return self.keys[self.used - 1]

    def station(self, name: str, server: str | None = None) -> Workstation:
        address = self.server.address if server is None else server
        return Workstation(
            self.directory / name,
            self.directory / "clips",
            server=address,
            editor=f"{name.partition('-')[0]}@example.org",
        )

    def history(self, key: Key) -> list[dict[str, Any]]:
        """What was saved, without what the data set itself says."""
        found: list[dict[str, Any]] = self.server.get(f"/api/series/{key[0]}/{key[1]}").json()["history"]
        return [version for version in found if not version["is_original"]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.server:
        site.server.wait_ready()
        yield site


def pixels(station: Workstation, key: Key, frame: int) -> bytes:
    """The base version's mask of the main label on one frame."""
    for entry in station.masks(key)["frames"]:
        if entry["frame_number"] == frame and entry["has_mask"]:
            answer = station.request("GET", f"/api/masks/{key[0]}/{key[1]}/{entry['filename']}")
            return decode_mask(answer.content, WIDTH, HEIGHT)
    return bytes(WIDTH * HEIGHT)


def drawn(station: Workstation, key: Key, frame: int) -> bytes:
    """How one frame looks now, journal included."""
    model = station.backend.core.session.edited(key)
    assert model.masks
    assert model.journal
    return Replay(model.masks, model.journal.ops()).cell((frame, LABEL_ID)).pixels


def box(x: int, y: int, width: int, height: int) -> set[int]:
    return {row * WIDTH + column for row in range(y, y + height) for column in range(x, x + width)}


def on(mask: bytes) -> set[int]:
    return {index for index, value in enumerate(mask) if value}


def test_draw_save_and_the_new_masks_come(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-save") as ann:
        opened = ann.open(key)
        assert (opened["state"], opened["base_version_id"]) == ("ready", None)
        assert opened["manifest"]["frame_count"] == 8
        ann.wait(key, lambda s: s["frame_count"] == 8)  # the server's news, which may come after the masks
        before, other = pixels(ann, key, 3), pixels(ann, key, 4)
        ann.paint(key, 3, (5, 5, 12, 9))
        assert ann.series(key)["state"] == "edited"
        saved = ann.save(key)
        assert (saved["state"], saved["is_dirty"], saved["save"]) == ("saved", False, None)
        assert saved["base_version_id"] == site.history(key)[0]["version_id"]
        assert (3, LABEL_ID) in ann.annotated(key)
        assert on(pixels(ann, key, 3)) == on(before) | box(5, 5, 12, 9)
        assert pixels(ann, key, 4) != other, "the frame beside it was tracked anew"
        assert [op["op"] for op in ann.ops(key)] == ["edit", "accepted", "rebase"]
        undo = step("undo", ann.ops(key)[0])
        assert ann.append(key, undo).ok
        assert drawn(ann, key, 3) == before, "undo goes back past the save"
        assert ann.series(key)["is_dirty"]


def test_another_tab_hears_of_every_stroke(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-tabs") as ann:
        ann.open(key)
        news, _ = ann.backend.core.events.subscribe()
        ann.paint(key, 3, (5, 5, 12, 9))
        ann.paint(key, 3, (8, 5, 12, 9))
        ids = {"study_uid": key[0], "series_uid": key[1]}
        seen = [event for event in iter(lambda: news.get(0.2), None) if event.kind == "journal"]
        assert [event.data for event in seen] == [{**ids, "count": 1}, {**ids, "count": 2}]


def test_what_is_drawn_while_the_server_tracks_stays(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-meanwhile") as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        ann.post(f"/api/series/{key[0]}/{key[1]}/save")
        ann.wait(key, lambda s: s["save"] is None or s["save"]["state"] == "retracking")  # the archive is on its way
        ann.paint(key, 4, (50, 40, 10, 10))
        look = drawn(ann, key, 4)
        after = ann.wait(key, lambda s: s["save"] is None)
        assert after["is_dirty"]
        if ann.ops(key)[-1]["op"] == "rebase":  # else the stroke came after the masks, which proves nothing here
            assert drawn(ann, key, 4) == look
        saved = ann.save(key)
        assert not saved["is_dirty"]
        assert pixels(ann, key, 4) == look
        assert len(site.history(key)) == 2


def test_empty_frames_and_nothing_to_save(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-empty") as ann:
        ann.open(key)
        assert ann.save(key)["save"] is None
        assert site.history(key) == [], "nothing was drawn, so nothing was sent"
        cleared = change(5, None, kinds=("tracked", "none"))
        ann.append(key, edit(mark_empty(5)["changes"][0], cleared))
        ann.save(key)
        assert (5, EMPTY_ID) in ann.annotated(key)
        assert on(pixels(ann, key, 6)) == set(), "between two empty frames there is nothing"


def test_edits_of_different_frames_are_joined(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-join") as ann, site.station("bob-join") as bob:
        ann.open(key)
        bob.open(key)
        notices = bob.session.get(f"{bob.base}/api/events", stream=True, timeout=30)
        ann.paint(key, 2, (5, 5, 9, 9))
        bob.paint(key, 5, (60, 40, 9, 9))
        mine = drawn(bob, key, 5)
        ann.save(key)
        theirs = pixels(ann, key, 2)
        joined = bob.save(key)
        assert joined["save"] is None
        assert {(2, LABEL_ID), (5, LABEL_ID)} <= bob.annotated(key)
        assert pixels(bob, key, 2) == theirs
        assert pixels(bob, key, 5) == mine
        assert [v["editor"] for v in site.history(key)] == ["bob@example.org", "ann@example.org"]
        lines = (line.decode() for line in notices.iter_lines(chunk_size=1) if b'"MERGED"' in line)
        notice = json.loads(next(lines).partition(": ")[2])
        assert (notice["editor"], notice["mine_frames"], notice["theirs_frames"]) == ("ann@example.org", [5], [2])
        notices.close()
        ann.wait(key, lambda s: s["base_version_id"] == joined["base_version_id"])
        assert pixels(ann, key, 5) == mine, "who has nothing unsaved follows by itself"


@pytest.mark.parametrize("take", ["mine", "theirs", "both"])
def test_the_same_frame_is_decided_by_a_person(site: Site, take: str) -> None:
    key = site.fresh()
    with site.station(f"ann-{take}") as ann, site.station(f"bob-{take}") as bob:
        ann.open(key)
        bob.open(key)
        ann.paint(key, 4, (5, 5, 9, 9))
        bob.paint(key, 4, (60, 40, 9, 9))
        ours = drawn(bob, key, 4)
        ann.save(key)
        theirs = pixels(ann, key, 4)
        asked = bob.save(key)
        assert asked["save"]["state"] == "conflict"
        path = f"/api/conflict/{key[0]}/{key[1]}"
        conflict = bob.get(path)
        assert conflict["theirs"]["editor"] == "ann@example.org"
        (frame,) = conflict["frames"]
        assert (frame["frame_number"], frame["label_id"]) == (4, LABEL_ID)
        for side, mask in (("mine", ours), ("theirs", theirs)):
            assert decode_mask(bob.request("GET", frame[side]).content, WIDTH, HEIGHT) == mask
        assert bob.request("POST", path, json={"choices": []}).json()["error_code"] == "CHOICES_INCOMPLETE"
        bob.paint(key, 6, (1, 1, 5, 5))  # one may paint on while the question is open
        choice = {"frame_number": 4, "label_id": LABEL_ID, "take": take}
        bob.post(path, {"choices": [choice]})
        done = bob.wait(key, lambda s: s["save"] is None)
        assert done["state"] == "saved"
        wanted = {"mine": on(ours), "theirs": on(theirs), "both": on(ours) | on(theirs)}[take]
        assert on(pixels(bob, key, 4)) == wanted
        assert (6, LABEL_ID) in bob.annotated(key)
        assert on(pixels(bob, key, 6)) >= box(1, 1, 5, 5)
        if take == "theirs":
            undo = step("undo", next(op for op in reversed(bob.ops(key)) if op["op"] == "edit"))
            assert bob.append(key, undo).ok
            assert drawn(bob, key, 4) == ours, "the choice can be undone"


@pytest.mark.parametrize(
    "choice",
    [
        5,
        {},
        {"take": "mine"},
        {"frame_number": "5", "label_id": LABEL_ID, "take": "mine"},
        {"frame_number": 5, "take": "x"},
    ],
)
def test_choices_that_mean_nothing_are_refused(choice: Any) -> None:
    with pytest.raises(CoreError) as refused:
        _read_choices([choice])
    assert (refused.value.code, refused.value.status) == ("CHOICES_INVALID", 400)


def test_empty_against_drawn_is_decided_by_a_person(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-void") as ann, site.station("bob-void") as bob:
        ann.open(key)
        bob.open(key)
        ann.paint(key, 4, (5, 5, 9, 9))
        bob.append(key, edit(mark_empty(4)["changes"][0], change(4, None, kinds=("tracked", "none"))))
        ann.save(key)
        theirs = pixels(ann, key, 4)
        assert bob.save(key)["save"]["state"] == "conflict"
        path = f"/api/conflict/{key[0]}/{key[1]}"
        (frame,) = bob.get(path)["frames"]
        assert (frame["mine_kind"], frame["theirs_kind"], frame["mine"]) == ("empty", "annotation", None)
        bob.post(path, {"choices": [{"frame_number": 4, "label_id": LABEL_ID, "take": "theirs"}]})
        bob.wait(key, lambda s: s["save"] is None)
        assert {k for k in bob.annotated(key) if k[0] == 4} == {(4, LABEL_ID)}
        assert pixels(bob, key, 4) == theirs


def test_earlier_versions_are_shown_and_restored(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-restore") as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        first = ann.save(key)["base_version_id"]
        old = pixels(ann, key, 3)
        ann.paint(key, 3, (40, 40, 12, 9))
        ann.save(key)
        assert pixels(ann, key, 3) != old
        history = ann.get(f"/api/series/{key[0]}/{key[1]}/history")["history"]
        assert [version["version_id"] for version in history][1] == first
        shown = ann.get(f"/api/history/{key[0]}/{key[1]}/{first}")
        assert (3, LABEL_ID) in {(f["frame_number"], f["label_id"]) for f in shown["frames"] if f["is_annotation"]}
        mask = ann.request("GET", f"/api/history/{key[0]}/{key[1]}/{first}/frame_000004.webp")
        assert decode_mask(mask.content, WIDTH, HEIGHT) == old
        ann.paint(key, 1, (1, 1, 2, 2))
        refused = ann.request("POST", f"/api/series/{key[0]}/{key[1]}/restore", json={"version_id": first})
        assert refused.json()["error_code"] == "UNSAVED_EDITS"
        ann.append(key, step("undo", ann.ops(key)[-1]))
        ann.post(f"/api/series/{key[0]}/{key[1]}/restore", {"version_id": first})
        ann.wait(key, lambda s: s["save"] is None and s["base_version_id"] not in (None, history[0]["version_id"]))
        assert pixels(ann, key, 3) == old
        assert len(site.history(key)) == 3
        ann.post(f"/api/series/{key[0]}/{key[1]}/restore", {"version_id": history[-1]["version_id"]})
        ann.wait(key, lambda s: s["save"] is None and s["base_version_id"] == site.history(key)[0]["version_id"])
        assert len(site.history(key)) == 4
        assert (3, LABEL_ID) not in ann.annotated(key), "as the data set had it, before anybody saved"


@pytest.fixture
def relay(site: Site) -> Iterator[Relay]:
    relay = Relay(site.server.address)
    yield relay
    relay.close()


@pytest.fixture
def asks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """For workstations that get no news."""
    monkeypatch.setattr("workstation.plugins.retrack_wait._ASK_EVERY", 0.05)


@pytest.mark.usefixtures("asks_often")
def test_a_restore_follows_what_is_shown_when_the_news_are_late(site: Site, relay: Relay) -> None:
    """The relay swallows the server's news."""
    key = site.fresh()
    with site.station("ann-late", relay.address) as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        first = ann.save(key)["base_version_id"]
        old = pixels(ann, key, 3)
        ann.paint(key, 3, (40, 40, 12, 9))
        second = ann.save(key)["base_version_id"]
        ann.post(f"/api/series/{key[0]}/{key[1]}/restore", {"version_id": first})
        restored = ann.wait(key, lambda s: s["save"] is None)
        assert restored["base_version_id"] not in (first, second)
        assert pixels(ann, key, 3) == old

        relay.meanwhile[b"/restore"] = lambda: ann.paint(key, 4, (50, 40, 10, 10))
        ann.post(f"/api/series/{key[0]}/{key[1]}/restore", {"version_id": second})
        restored = ann.wait(key, lambda s: s["save"] is None)
        assert not relay.meanwhile
        assert restored["is_dirty"], "what is drawn while the server restores is unsaved"
        assert on(drawn(ann, key, 4)) >= box(50, 40, 10, 10)


def test_a_restore_at_the_very_end_of_a_save_is_followed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    key = site.fresh()
    with site.station("ann-end") as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        first = ann.save(key)["base_version_id"]
        ann.paint(key, 3, (40, 40, 12, 9))
        session, asked = ann.backend.core.session, threading.Event()
        follow = session.follow

        def ask_first(model: SeriesModel) -> None:  # the last thing that the thread of a save does
            is_second = model.masks is not None and model.masks.version_id != first
            if is_second and threading.current_thread().name == "save-series" and not asked.is_set():
                ann.post(f"/api/series/{key[0]}/{key[1]}/restore", {"version_id": first})
                asked.set()
            follow(model)

        monkeypatch.setattr(session, "follow", ask_first)
        ann.post(f"/api/series/{key[0]}/{key[1]}/save")
        assert asked.wait(60)
        ann.wait(key, lambda s: s["save"] is None and s["base_version_id"] == site.history(key)[0]["version_id"])
        assert len(site.history(key)) == 3


def test_a_save_waits_for_a_server_that_is_away(site: Site, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workstation.saving._ASK_EVERY", 0.05)
    key = site.fresh()
    with site.station("ann-away", relay.address) as ann:
        ann.open(key)
        relay.is_cut = True
        ann.paint(key, 3, (5, 5, 12, 9))
        ann.post(f"/api/series/{key[0]}/{key[1]}/save")
        ann.wait(key, lambda s: s["save"] is not None and s["save"]["state"] == "offline")
        news, _ = ann.backend.core.events.subscribe()
        tries = (event for event in iter(lambda: news.get(60), None) if event.kind == "series" and event.data["save"])
        shown = {event.data["save"]["state"] for event, _ in zip(tries, range(3), strict=False)}
        assert shown == {"offline"}, "calm: the mark does not come and go with every try"
        ann.paint(key, 4, (5, 5, 12, 9))
        assert ann.get("/api/session")["server"]["state"] == "offline"
        assert (
            ann.request("POST", f"/api/series/{key[0]}/{key[1]}/complete").json()["error_code"] == "SERVER_UNREACHABLE"
        )
    assert site.history(key) == []
    with site.station("ann-away", relay.address) as ann:  # started anew, and still away
        ann.wait_for(lambda: ann.request("GET", f"/api/series/{key[0]}/{key[1]}"), lambda answer: answer.ok)
        ann.post(f"/api/series/{key[0]}/{key[1]}/open")
        ann.wait(key, lambda s: s["state"] == "edited")
        assert len(ann.ops(key)) == 2
        relay.is_cut = False
        saved = ann.wait(key, lambda s: s["save"] is None and s["base_version_id"] is not None)
        assert saved["is_dirty"], "the second stroke came after the save"
        assert {(3, LABEL_ID)} <= ann.annotated(key)
        assert len(site.history(key)) == 1


def test_a_save_whose_answer_got_lost_is_not_sent_twice(site: Site, relay: Relay) -> None:
    key = site.fresh()
    with site.station("ann-lost", relay.address) as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        relay.swallow_answer_to = b"/api/masks/"
        saved = ann.save(key)
        assert relay.swallow_answer_to == b"", "no answer got lost"
        assert (saved["state"], saved["save"]) == ("saved", None)
        (version,) = site.history(key)
        assert saved["base_version_id"] == version["version_id"]


def test_a_kill_between_sending_and_noting_is_made_good(site: Site) -> None:
    """What a kill leaves: save.json says it was sent, the journal does not know of an answer."""
    key = site.fresh()
    with site.station("ann-kill") as ann:
        ann.open(key)
        ann.paint(key, 3, (5, 5, 12, 9))
        entry = ann.backend.core.cache.series(key)
        saver = ann.backend.core.session.saver(ann.backend.core.session.edited(key))
        record = saver._prepare()
        record.was_sent = True
        saver._kept.store(record)
        archive = entry.save_archive.read_bytes()
        assert hashlib.sha256(archive).hexdigest() == record.content_sha256
        answer = requests.post(
            f"{site.server.address}/api/masks/{key[0]}/{key[1]}",
            data=archive,
            headers={"X-Editor": "ann@example.org", "X-Previous-Version-ID": "null"},
            timeout=30,
        )
        version = answer.json()["version_id"]
    with site.station("ann-kill") as ann:
        ann.wait_for(lambda: ann.request("GET", f"/api/series/{key[0]}/{key[1]}"), lambda answer: answer.ok)
        done = ann.wait(key, lambda s: s["save"] is None and s["base_version_id"] == version)
        assert not done["is_dirty"]
        assert len(site.history(key)) == 1
        assert not entry.save_record.exists()


def test_a_journal_made_short_goes_on_as_before(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    key = site.fresh()
    with site.station("ann-short") as ann:
        ann.open(key)
        before = drawn(ann, key, 3)
        stroke = ann.paint(key, 3, (5, 5, 12, 9))
        for number in range(6):
            dead = ann.paint(key, 4, (5 + number, 5, 12, 9))
            ann.append(key, step("undo", dead))
        assert ann.save(key)["save"] is None
        after, count = drawn(ann, key, 3), len(ann.ops(key))
    monkeypatch.setattr(Journal.compact, "__defaults__", (2000,))
    with site.station("ann-short") as ann:
        assert ann.open(key)["state"] == "ready"
        assert [op["op"] for op in ann.ops(key)] == ["edit", "edit", "undo", "rebase"]
        assert count > 12
        assert drawn(ann, key, 3) == after
        assert ann.append(key, step("redo", dead), step("undo", dead), step("undo", stroke)).ok
        assert drawn(ann, key, 3) == before
        assert ann.save(key)["save"] is None
        assert (3, LABEL_ID) not in ann.annotated(key)


def test_next_done_and_who_is_there(site: Site) -> None:
    with site.station("ann-next") as ann, site.station("bob-next") as bob:
        ann.listed(SERIES)
        one, other = ann.post("/api/series/next"), bob.post("/api/series/next")
        assert one["series_uid"] != other["series_uid"]
        path = f"/api/series/{one['study_uid']}/{one['series_uid']}"
        assert [a["editor"] for a in ann.post(f"{path}/activity")["activity"]] == ["ann@example.org"]
        assert ann.post(f"{path}/complete")["completed"]["editor"] == "ann@example.org"
        seen = bob.wait((one["study_uid"], one["series_uid"]), lambda s: s["completed"] is not None)
        assert seen["activity"][0]["editor"] == "ann@example.org"
        assert ann.post(f"{path}/reopen")["completed"] is None


def test_a_cached_series_opens_without_a_server(site: Site, relay: Relay) -> None:
    key, other = uids(0), uids(2)
    with site.station("ann-cached", relay.address) as ann:
        ann.open(other)
        ann.open(key)
    relay.is_cut = True
    with site.station("ann-cached", relay.address) as ann:
        opened = ann.open(key)
        assert opened["state"] == "ready"
        assert ann.paint(key, 2, (1, 1, 3, 3))
        offered = ann.post("/api/series/next")
        assert (offered["study_uid"], offered["series_uid"]) == other, "offline, what is here comes next"
        ann.open(other)
        assert ann.post("/api/series/next")["series_uid"] == key[1], "and then from the beginning"
        purged = ann.post("/api/cache/purge", {})
        assert purged == {"purged": 2, "kept_edits": 1}
        assert ann.request("GET", f"/api/frames/{key[0]}/{key[1]}/0").status_code == 404
        assert len(list((ann.directory / "cache").rglob("*.png"))) == 0
    with site.station("ann-cached") as ann:
        assert ann.open(key)["state"] == "edited", "pictures are gone, edits are not"
        assert len(ann.ops(key)) == 1


def test_a_purge_keeps_a_save_that_waits_for_the_server(site: Site, relay: Relay) -> None:
    key = site.fresh()
    with site.station("ann-purge", relay.address) as ann:
        ann.open(key)
        relay.is_cut = True
        ann.paint(key, 3, (5, 5, 12, 9))
        ann.post(f"/api/series/{key[0]}/{key[1]}/save")
        ann.wait(key, lambda s: s["save"] is not None and s["save"]["state"] == "offline")
    with site.station("ann-purge", relay.address) as ann:
        ann.wait(key, lambda s: s["save"] is not None)
        assert ann.post("/api/cache/purge", {"study_uid": key[0], "series_uid": key[1]})["kept_edits"] == 1
        assert ann.series(key)["manifest"] is None
        relay.is_cut = False
        ann.wait(key, lambda s: s["save"] is None)
        assert len(site.history(key)) == 1
        assert (3, LABEL_ID) in ann.annotated(key)


def test_masks_that_went_bad_on_disk_are_fetched_again(site: Site) -> None:
    key = site.fresh()
    with site.station("ann-rot") as ann:
        ann.open(key)
        before = pixels(ann, key, 3)
        (directory,) = (path for path in ann.backend.core.cache.series(key).masks.iterdir() if path.is_dir())
    for damage in ("metadata.json", "frame_000004.webp"):
        (directory / damage).write_bytes(b"")
        with site.station("ann-rot") as ann:
            assert ann.open(key)["state"] == "ready"
            assert pixels(ann, key, 3) == before


def test_frames_come_as_pictures(site: Site) -> None:
    key = uids(0)
    with site.station("ann-frames") as ann:
        opened = ann.open(key)
        answer = ann.request("GET", f"/api/frames/{key[0]}/{key[1]}/7?digest={opened['manifest']['digest']}")
        assert (answer.headers["Content-Type"], answer.content[:4]) == ("image/png", b"\x89PNG")
        assert "immutable" in answer.headers["Cache-Control"]
        assert ann.request("GET", f"/api/frames/{key[0]}/{key[1]}/8").status_code == 404
