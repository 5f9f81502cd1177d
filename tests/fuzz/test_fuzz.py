"""A short, repeatable run of each fuzz target; see targets.py for long ones."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = int(os.environ.get("FUZZ_RUNS", "4000"))


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86_64 up to Python 3.13 only"
)
@pytest.mark.parametrize("target", ["archive", "export"])
def test_readers_only_raise_their_own_errors(target: str, tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("targets.py")), target]
    options = [f"-atheris_runs={RUNS}", "-seed=20261120", "-max_len=20000", f"-artifact_prefix={tmp_path}/"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=280, env=environment
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert f"Done {RUNS}" in run.stdout + run.stderr
