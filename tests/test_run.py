"""Does run.py set up once, notice what is half done, and say what to type when it may not install something itself?"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The smallest build backend there is: no package has to be fetched for it.
BACKEND = """
import zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{directory}/empty-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("empty-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: empty\\nVersion: 1\\n")
        wheel.writestr("empty-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("empty-1.dist-info/RECORD", "")
    return "empty-1-py3-none-any.whl"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """run.py as a module, at home in an empty project without packages."""
    spec = importlib.util.spec_from_file_location("run_py", ROOT / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for kind in ("run", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"# nothing for {kind}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "empty"\nversion = "1"\n'
    )
    (tmp_path / "backend.py").write_text(BACKEND)
    venv = tmp_path / ".venv"
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", venv)
    monkeypatch.setattr(module, "DONE", venv / module.DONE.name)
    monkeypatch.setattr(module, "PYTHON", venv / module.PYTHON.relative_to(module.PYTHON.parent.parent))
    return module


def test_set_up_once_and_anew_when_it_is_half_done(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run.make_environment("dev")
    assert run.read_done().keys() == {"run", "dev"}
    assert run.is_sound()
    capsys.readouterr()

    run.make_environment("dev")
    run.make_environment("run")  # dev holds it
    assert capsys.readouterr().out == ""

    run.DONE.unlink()  # what an interruption leaves
    (run.VENV / "half").write_text("")
    run.make_environment("run")
    assert "Removing" in capsys.readouterr().out
    assert not (run.VENV / "half").exists()
    assert run.read_done().keys() == {"run"}

    lock = run.ROOT / "requirements" / "run.txt"
    lock.write_text("# another lock\n")
    run.make_environment("run")
    said = capsys.readouterr().out
    assert "Installing" in said and "Removing" not in said


def test_a_note_that_is_no_json_counts_as_not_done(run: ModuleType) -> None:
    run.VENV.mkdir()
    run.DONE.write_text('{"run": ')
    assert run.read_done() == {}
    assert not run.is_sound()


def test_a_missing_library_is_noticed(run: ModuleType) -> None:
    assert not run.loads("libthis-is-not-there.so.9")
    if sys.platform.startswith("linux"):
        assert run.loads("libc.so.6")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="apt-get is Debian's")
@pytest.mark.parametrize(
    ("programs_there", "line"),
    [
        ({"apt-get", "sudo"}, "  sudo apt-get update && sudo apt-get install -y --no-install-recommends {}"),
        ({"apt-get"}, "  su - -c 'apt-get update && apt-get install -y --no-install-recommends {}'"),
    ],
)
def test_without_root_one_line_to_type_names_all_that_is_missing(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, programs_there: set[str], line: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(run.shutil, "which", lambda name: f"/usr/bin/{name}" if name in programs_there else None)
    monkeypatch.setattr(run, "debian_names", lambda names: names)
    monkeypatch.setattr(run, "loads", lambda name: name != "libnss3.so")
    monkeypatch.setattr(run, "lacks_venv", lambda: True)
    with pytest.raises(run.SetupError) as refused:
        run.check_system(("libnss3.so", "libc.so.6"), {"Xvfb": "xvfb"})
    venv = f"python3.{sys.version_info.minor}-venv"
    packages = " ".join(["libnss3", *run.NO_LIBRARY, venv, "xvfb"])
    assert str(refused.value).splitlines()[-1] == line.format(packages)


def test_nothing_is_asked_for_when_all_is_there(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "install", lambda packages: pytest.fail(f"asked for {packages}"))
    monkeypatch.setattr(run, "loads", lambda name: True)
    monkeypatch.setattr(run, "lacks_venv", lambda: True)
    monkeypatch.setattr(run, "is_sound", lambda: True)  # then venv is not needed any more
    run.check_system(tuple(run.LIBRARIES), {})


def test_every_check_of_the_issue_is_run(run: ModuleType) -> None:
    (run.ROOT / "tests").mkdir()
    (run.ROOT / "tests" / "some.test.mjs").write_text("")
    names = [name for name, _ in run.checks()]
    assert names == ["ruff format", "ruff check", "mypy", "import-linter", "eslint", "node --test"]


def test_a_failing_check_is_seen(run: ModuleType) -> None:
    assert run.passes("fine", [sys.executable, "-c", ""])
    assert not run.passes("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    assert not run.passes("absent", [str(run.ROOT / "no-such-program")])


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_an_unknown_command_gets_the_usage(arguments: list[str]) -> None:
    command = [sys.executable, str(ROOT / "run.py"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "run.py demo" in result.stderr and "run.py test" in result.stderr


def test_run_py_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, runpy; runpy.run_path('run.py', run_name='x'); import json; print(json.dumps(list(sys.modules)))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    tops = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert tops - {"__main__"} <= set(sys.stdlib_module_names)
