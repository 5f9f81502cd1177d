"""kill -9 of the server at random moments, and of its workers: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers.kill_rounds import KillRounds

ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))


@pytest.mark.timeout(180 + 15 * ROUNDS)
def test_no_acknowledged_save_is_lost(tmp_path: Path) -> None:
    report = KillRounds(tmp_path, seed=20261120, longest=0.7).run(ROUNDS)
    assert report.lost == []
    assert report.kills == ROUNDS
    assert report.saves >= ROUNDS  # otherwise the clients did nothing worth killing
    assert report.unanswered > 0
