"""Who gets which series: thresholds, fallback and fairness, on a clock that the test sets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from server.assemble import Running
from server.records import TrackingStatus
from tests.helpers.clips import uids
from tests.helpers.wsgi import Caller
from tests.server.conftest import SetClock

Indexed = Callable[..., tuple[Running, Caller]]


def ask(caller: Caller, editor: str) -> Any:
    """The exam number that `editor` is given, or the reason for none."""
    answer = caller.get("/api/series/next", X_Editor=f"{editor}@example.org").json()
    return answer.get("exam_number", answer.get("error_code"))


def at_once(caller: Caller, people: int) -> list[Any]:
    together, chosen = threading.Barrier(people), []

    def press(number: int) -> None:
        together.wait()
        chosen.append(ask(caller, f"p{number}"))

    threads = [threading.Thread(target=press, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return chosen


def test_fifty_people_at_once_on_sixty_series_get_fifty_different_ones(indexed: Indexed) -> None:
    _, caller = indexed(60)
    chosen = at_once(caller, 50)
    assert len(set(chosen)) == 50
    assert all(isinstance(number, int) for number in chosen)


def test_more_people_than_series(indexed: Indexed) -> None:
    _, caller = indexed(8)
    chosen = at_once(caller, 12)
    assert sorted(n for n in chosen if isinstance(n, int)) == list(range(1, 9))
    assert chosen.count("ALL_ACTIVE") == 4


def test_others_are_kept_off_for_the_threshold(indexed: Indexed, clock: SetClock) -> None:
    _, caller = indexed(2)
    assert ask(caller, "ann") == 1
    clock.advance(minutes=59)
    assert ask(caller, "bob") == 2
    clock.advance(minutes=2)  # ann's view is 61 minutes old
    assert ask(caller, "cy") == 1


def test_ones_own_views_keep_nobody_off_but_come_last(indexed: Indexed) -> None:
    _, caller = indexed(2)
    assert [ask(caller, "ann") for _ in range(3)] == [1, 2, 1]


def test_unseen_for_longest_comes_first(indexed: Indexed, clock: SetClock) -> None:
    _, caller = indexed(3)
    for number in (1, 0, 2):
        caller.post("/api/series/" + "/".join(uids(number)) + "/activity", X_Editor="ann@example.org")
        clock.advance(minutes=1)
    clock.advance(hours=2)
    assert [ask(caller, editor) for editor in ("bob", "cy", "di")] == [2, 1, 3]


def test_when_all_are_recent_the_oldest_view_is_given_but_nobody_is_disturbed(
    indexed: Indexed, clock: SetClock
) -> None:
    _, caller = indexed(2)
    assert ask(caller, "ann") == 1
    clock.advance(minutes=5)
    assert ask(caller, "bob") == 2
    assert ask(caller, "cy") == 1  # ann has not been there for five minutes
    clock.advance(seconds=80)
    assert ask(caller, "di") == "ALL_ACTIVE"  # bob and cy are at work


def test_completed_and_failed_series_are_skipped(indexed: Indexed) -> None:
    running, caller = indexed(3)
    caller.post("/api/series/" + "/".join(uids(0)) + "/complete", X_Editor="ann@example.org")
    running.services.store.get(*uids(1)).tracking = TrackingStatus.FAILED
    assert ask(caller, "ann") == 3
    caller.post("/api/series/" + "/".join(uids(2)) + "/complete", X_Editor="ann@example.org")
    assert ask(caller, "ann") == "ALL_DONE"
    caller.post("/api/series/" + "/".join(uids(0)) + "/reopen", X_Editor="ann@example.org")
    assert ask(caller, "ann") == 1


def test_a_threshold_of_nothing_keeps_nobody_off(indexed: Indexed, clock: SetClock) -> None:
    _, caller = indexed(1, RECENT_VIEW_THRESHOLD_MINUTES="0")
    assert ask(caller, "ann") == 1
    assert ask(caller, "bob") == 1


def test_views_in_the_future_do_not_block_for_ever(indexed: Indexed, clock: SetClock) -> None:
    _, caller = indexed(1)
    assert ask(caller, "ann") == 1
    clock.advance(days=-3)
    clock.seconds = 1e9
    assert ask(caller, "bob") == 1


def test_nameless_people_are_strangers_to_each_other(indexed: Indexed) -> None:
    _, caller = indexed(2)
    chosen = [caller.get("/api/series/next").json()["exam_number"] for _ in range(2)]
    assert sorted(chosen) == [1, 2]
    assert caller.get("/api/series/next").json() == {"no_available_series": True, "error_code": "ALL_ACTIVE"}


def test_views_and_marks_survive_a_restart(indexed: Indexed) -> None:
    _, caller = indexed(2)
    ask(caller, "ann")
    caller.post("/api/series/" + "/".join(uids(1)) + "/complete", X_Editor="ann@example.org")
    before = caller.get("/api/series").json()
    _, caller = indexed(2)
    assert caller.get("/api/series").json() == before
