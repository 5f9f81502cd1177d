"""How often does kill -9 of the server lose something? `python benchmarks/kills.py 300` kills so often and says.

Exit code 1 when anything that was acknowledged is gone or anything half-made stays.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.helpers.kill_rounds import KillRounds


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as directory:
        report = KillRounds(Path(directory), seed=rounds, longest=1.0).run(rounds)
    starts = sorted(report.start_seconds)
    print(
        json.dumps(
            {
                "kills": report.kills,
                "saves_acknowledged": report.saves,
                "clients_cut_off": report.unanswered,
                "waits_for_the_rate_limit": report.waits,
                "lost": report.lost,
                "start_to_first_answer_seconds": {
                    "median": round(statistics.median(starts), 3),
                    "worst": round(starts[-1], 3),
                },
            },
            indent=1,
        )
    )
    return 1 if report.lost else 0


if __name__ == "__main__":
    sys.exit(main())
