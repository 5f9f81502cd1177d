"""Keeps the walls where SPEC 1 and STYLE put them: who may import whom, what is documented, what may not be in git.

The fences themselves are the contracts of import-linter in pyproject.toml; what only shows when the code runs is tried
in a fresh process. That each of them can fail is a test too: it breaks them all in a copy. Every other test here was
seen to fail with its rule broken by hand.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tracking.contracts.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("workstation", "server", "tracking", "web_viewer")
SHELLS = ("workstation.qt", "workstation.ipad")
# what the core may never load when it is imported (SPEC 1): none of it exists on an iPad
HEAVY = {"PySide6", "shiboken6", "numpy", "cv2", "pandas", "mdai", "yaml", "toga", "cheroot", "keyring", "dask"}
ON_IPAD = {"bottle", "pluggy", "requests", "PIL", "pydicom", "urllib3", "idna", "certifi", "charset_normalizer"}


def tracked_files() -> list[Path]:
    """Every file that git knows or would add, without what .gitignore leaves out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def modules_of(package: str) -> list[str]:
    names = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def core_modules() -> list[str]:
    return [name for name in modules_of("workstation") if not name.startswith(SHELLS)]


def run_python(code: str, root: Path = ROOT, warnings: str = "error") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", warnings, "-c", code]
    wide = {**os.environ, "COLUMNS": "200"}  # so that nothing is broken into lines
    return subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, timeout=120, check=False)


def lint_imports(root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    return run_python(code, root, "default")


def heavy_of_core(root: Path = ROOT) -> str:
    """What importing all of the core loads that it must not, as Python prints a list."""
    names = core_modules()
    assert "workstation" in names
    result = run_python(
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))",
        root,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_fences_hold() -> None:
    result = lint_imports()
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert " 0 broken" in result.stdout


# One import through each of the fences, in the order of pyproject.toml.
BREACHES = {
    "workstation/jobs.py": "import server.clock",
    "server/clock.py": "import workstation.errors",
    "tracking/params.py": "import bottle",
    "tracking/contracts/labels.py": "import numpy",
    "workstation/events.py": "import PySide6",
    "workstation/backend.py": "import workstation.qt",
}


def test_every_fence_is_seen_when_it_is_broken(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert len(contracts) == len(BREACHES)
    assert heavy_of_core(tmp_path) == "[]"
    for name, breach in BREACHES.items():
        path = tmp_path / name
        path.write_text(f"{path.read_text('utf-8')}\n\n{breach}\n", "utf-8")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    unseen = [c["name"] for c in contracts if not re.search(rf"^{re.escape(c['name'])} BROKEN", result.stdout, re.M)]
    assert unseen == [], result.stdout
    assert heavy_of_core(tmp_path) == "['PySide6', 'numpy', 'shiboken6']"


def test_importing_the_core_loads_nothing_heavy() -> None:
    assert heavy_of_core() == "[]"


def test_the_core_imports_where_only_the_ipads_packages_exist() -> None:
    allowed = ON_IPAD | {"workstation", "tracking", "web_viewer"}
    result = run_python(
        "import importlib, sys\n"
        "class Fence:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        f"        if top not in sys.stdlib_module_names and top not in {allowed!r} and not top.startswith('_'):\n"
        "            raise ModuleNotFoundError('not on an iPad: ' + name, name=name)\n"
        "sys.meta_path.insert(0, Fence())\n"
        f"for name in {core_modules()!r}: importlib.import_module(name)\n"
        "import tracking.contracts.masks, tracking.contracts.dataset, tracking.contracts.archive\n"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("package", ["server", "tracking"])
def test_server_and_tracking_load_neither_the_workstation_nor_qt(package: str) -> None:
    result = run_python(
        "import importlib, sys\n"
        f"for name in {[n for n in modules_of(package) if not n.endswith('dask_workers')]!r}:\n"
        "    importlib.import_module(name)\n"
        "print(sorted({'workstation', 'PySide6'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["workstation", "server", "tracking", "tracking.contracts"])
def test_importing_a_package_imports_nothing_else(package: str) -> None:
    result = run_python(
        f"import sys, {package}\n"
        f"ours = {{name for name in sys.modules if name.partition('.')[0] in {PACKAGES!r}}}\n"
        f"print(sorted(name for name in ours if not {package + '.'!r}.startswith(name + '.')))"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def hooks_of(path: Path) -> dict[str, object]:
    """name -> function of every hook that a hookspecs.py specifies; pluggy's marker leaves its sign on each."""
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {name: value for name, value in vars(module).items() if hasattr(value, f"{module.PROJECT}_spec")}


def hookspec_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("hookspecs.py"))]


def test_every_hook_is_documented() -> None:
    files = hookspec_files()
    assert files, "no hookspecs.py anywhere"
    guide = (ROOT / "docs" / "plugins.md").read_text("utf-8")
    for path in files:
        hooks = hooks_of(path)
        assert hooks, f"{path.relative_to(ROOT)} specifies no hook"
        for name, hook in hooks.items():
            assert hook.__doc__, f"{name} has no docstring"
            assert f"`{name}" in guide, f"{name} is not in docs/plugins.md"


def test_every_hook_is_called() -> None:
    """A hook that nobody calls is a promise that is not kept."""
    code = "\n".join(path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    for path in hookspec_files():
        for name in hooks_of(path):
            called = re.search(rf"""(\bhook\.{name}\b|["']{name}["'])""", code)
            assert called, f"nothing calls the hook {name}"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", page, re.MULTILINE))
    wanted = {s.key: f"{f'`{s.default}`' if s.default else '(none)'} | {s.doc}" for s in SETTINGS}
    assert rows == wanted


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix == ".py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def text_files() -> list[tuple[str, str]]:
    found = []
    for path in tracked_files():
        if path.suffix not in (".webp", ".png", ".jpg", ".ico", ".icns", ".dcm", ".mp4"):
            found.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
    return found


def test_no_machine_paths_and_no_registry_hosts() -> None:
    # put together here, so that this file does not match itself
    places = ["/" + "work/", "/" + "root/", "/" + "opt/pypi", "/" + "opt/wheels", "/" + "Users/", "C:" + "\\Users"]
    hosts = ["pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "npm" + "mirror", "deb." + "debian.org"]
    for name, text in text_files():
        for word in places + hosts:
            assert word not in text, f"{name} contains {word}"


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [path for path in tracked_files() if path.suffix == ".md"]
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if "://" not in target and not target.startswith("#"):
                there = page.parent / target.partition("#")[0]
                assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_no_unfinished_business() -> None:
    words = re.compile(r"\b(" + "TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    for name, text in text_files():
        if name.endswith((".py", ".js", ".mjs", ".html", ".css", ".md", ".toml")):
            assert not words.search(text), f"{name}: {words.search(text)}"


def test_no_drawer_for_everything() -> None:
    names = {path.stem for path in tracked_files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert not names & {"utils", "util", "helpers", "misc", "common"}


def test_files_stay_small() -> None:
    """STYLE's measures: half of the files at most 200 lines, nine in ten at most 400; none may run away."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in tracked_files()
        if path.suffix in (".py", ".js") and path.relative_to(ROOT).parts[0] in PACKAGES
    }
    long = sorted(name for name, count in lengths.items() if count > 400)
    assert len(long) <= len(lengths) / 10, long
    assert sorted(lengths.values())[len(lengths) // 2] <= 200
    assert [name for name, count in lengths.items() if count > 600] == []


def test_the_viewer_names_no_other_host() -> None:
    for name, text in text_files():
        if name.startswith("web_viewer/"):
            addresses = set(re.findall(r"https?://[\w.:-]+", text)) - {"http://www.w3.org"}
            assert not addresses, f"{name} names {addresses}"


def test_lock_files_have_hashes_and_no_addresses() -> None:
    for kind in ("run", "dev"):
        text = (ROOT / "requirements" / f"{kind}.txt").read_text("utf-8")
        entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert len(entries) > 30
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in text and "--index" not in text and "--find-links" not in text
