#!/usr/bin/env python3
"""Sets up what is needed and starts it: `python3 run.py demo [--headless]` or `python3 run.py test [for pytest]`.

Called by people and by .ci/run, with nothing but Python 3.11+ (standard library only). In order: system packages
(installed as root on Debian and Ubuntu, otherwise the line to type is printed) -> .venv from a lock file with hashes
-> the command. What is done is remembered in .venv by the lock's digest, so that a second start goes straight on;
a set-up that was interrupted has no such note and is done anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
DONE = VENV / "goobusters-setup.json"
WINDOWS = sys.platform == "win32"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")

# Shared libraries that QtWebEngine and OpenCV load, and the Debian packages that hold them.
LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbfile.so.1": "libxkbfile1",
    "libnss3.so": "libnss3",
    "libasound.so.2": "libasound2",
    "libgbm.so.1": "libgbm1",
    "libXcomposite.so.1": "libxcomposite1",
    "libXdamage.so.1": "libxdamage1",
    "libXrandr.so.2": "libxrandr2",
    "libXtst.so.6": "libxtst6",
    "libbrotlidec.so.1": "libbrotli1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-glx.so.0": "libxcb-glx0",
}
WITHOUT_WINDOW = ("libglib-2.0.so.0", "libGL.so.1")  # OpenCV alone
NO_LIBRARY = ("fonts-dejavu-core", "libgl1-mesa-dri")  # needed too, but not to be found by loading a library

# Programs that only the tests use: command -> Debian package. A test that lacks one says so and is skipped.
TEST_PROGRAMS = {
    "git": "git",
    "openssl": "openssl",
    "curl": "curl",
    "node": "nodejs",
    "npm": "npm",
    "chromium": "chromium",
    "caddy": "caddy",
    "WebKitWebDriver": "webkit2gtk-driver",
    "Xvfb": "xvfb",
    "xauth": "xauth",
}


class SetupError(Exception):
    """Something is missing that this script may not or cannot install; the text says what to type."""


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        print("Goobusters needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".", file=sys.stderr)
        return 2
    commands = {"demo": demo, "test": test}
    if not arguments or arguments[0] not in commands:
        print(__doc__.splitlines()[0] if __doc__ else "", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        return commands[arguments[0]](arguments[1:])
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"\nThis step failed: {' '.join(map(str, error.cmd[:6]))} …\nThe lines above say why.", file=sys.stderr)
        print("It needs the internet and 2 GB of disk. The same command goes on from here.", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\nThe set-up cannot go on: {error.strerror} ({error.filename}).", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def demo(arguments: list[str]) -> int:
    """Starts server and workstation on the embedded clips; without a display, the workstation without its window."""
    if "--headless" not in arguments and not has_display():
        say("No display here, so the viewer is for a browser (--headless).")
        arguments = ["--headless", *arguments]
    check_system(WITHOUT_WINDOW if "--headless" in arguments else tuple(LIBRARIES), {})
    make_environment("run")
    return hand_over([str(PYTHON), "-m", "workstation", "demo", *arguments])


def test(arguments: list[str]) -> int:
    """Runs every check; pytest comes last, so that its closing line is the last one."""
    check_system(tuple(LIBRARIES), TEST_PROGRAMS)
    make_environment("dev")
    install_node_modules()
    failed = [name for name, command in checks() if not passes(name, command)]
    if failed:
        say("FAILED before the tests: " + ", ".join(failed))
    say("pytest")
    result = subprocess.run([str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT, check=False)
    return result.returncode or (1 if failed else 0)


def checks() -> list[tuple[str, list[str]]]:
    """(name, command) of every check that is not pytest."""
    node, eslint = shutil.which("node") or "node", "node_modules/eslint/bin/eslint.js"
    scripts = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.test.mjs"))
    python = str(PYTHON)
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    found = [
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("import-linter", [python, "-c", linter]),
        ("eslint", [node, eslint, "--max-warnings=0", "--no-error-on-unmatched-pattern", "web_viewer", "tests"]),
    ]
    return found + ([("node --test", [node, "--test", *scripts])] if scripts else [])


def passes(name: str, command: list[str]) -> bool:
    say(name)
    try:
        return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError as error:
        print(f"{name} could not be started: {error}", file=sys.stderr)
        return False


# --- system packages


def check_system(libraries: tuple[str, ...], programs: dict[str, str]) -> None:
    """Makes sure that libraries, programs and what .venv is made with are there, all at once: one line to type.

    Raises SetupError when something is missing and cannot be installed.
    """
    packages = []
    if sys.platform.startswith("linux"):
        packages = [LIBRARIES[name] for name in libraries if not loads(name)]
        packages += NO_LIBRARY if packages else ()
    if lacks_venv() and not is_sound():
        packages.append(f"python3.{sys.version_info.minor}-venv")
    absent = {name: package for name, package in programs.items() if shutil.which(name) is None}
    if sys.platform.startswith("linux") and shutil.which("apt-get"):
        packages += absent.values()
    elif {"node", "npm"} & set(absent):
        raise SetupError("The tests need Node.js 18 or newer with npm (on macOS: brew install node).")
    elif absent:
        say("Tests that need these programs are skipped: " + ", ".join(absent))
    if packages:
        install(packages)


def lacks_venv() -> bool:
    """Debian packs what makes a .venv apart from Python."""
    return importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install(packages: list[str]) -> None:
    """Installs Debian packages as root; otherwise raises SetupError with the line to type."""
    reason = "System packages that Goobusters needs are missing"
    if shutil.which("apt-get") is None:
        raise SetupError(f"{reason}. On Debian they are called: {' '.join(packages)}")
    if os.geteuid() != 0:
        names = " ".join(debian_names(packages))
        line = f"apt-get update && apt-get install -y --no-install-recommends {names}"
        line = "sudo " + line.replace("&& ", "&& sudo ") if shutil.which("sudo") else f"su - -c '{line}'"
        raise SetupError(f"{reason}. Type this once, then start again:\n  {line}")
    say(f"{reason}; installing {len(packages)} Debian packages")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "Dpkg::Use-Pty=0"]

    def step(*command: str) -> None:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)

    step("dpkg", "--configure", "-a")  # what an interrupted installation has left half done
    step(*apt, "update")
    step(*apt, "install", "-y", "--fix-broken", "--no-install-recommends", *debian_names(packages))


def debian_names(packages: list[str]) -> list[str]:
    """The names as this release has them: since the move to 64-bit time some end in t64."""
    return [name + "t64" if not is_known(name) and is_known(name + "t64") else name for name in packages]


def is_known(package: str) -> bool:
    command = ["apt-cache", "show", "--no-all-versions", package]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.startswith("Package:")


def has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM"))


# --- .venv and node_modules


def make_environment(kind: str) -> None:
    """Makes .venv hold what requirements/<kind>.txt lists and the project itself. `kind`: "run" or "dev"."""
    if is_done(kind):
        return
    is_update = is_sound()
    if not is_update:
        create_environment()
    DONE.unlink(missing_ok=True)
    say(f"Installing the packages of requirements/{kind}.txt (about 2 GB on disk; the first time takes minutes)")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["--quiet"] if is_update else []  # or it names every package that is there already
    lock = str(ROOT / "requirements" / f"{kind}.txt")
    subprocess.run([*pip, "--only-binary", ":all:", "--require-hashes", "-r", lock], cwd=ROOT, check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], cwd=ROOT, check=True)
    # dev.txt holds everything that run.txt does, in the same versions
    write_atomically(DONE, json.dumps({name: digest_of(name) for name in {"run", kind}}))
    say("Set up.")


def is_done(kind: str) -> bool:
    return read_done().get(kind) == digest_of(kind) and PYTHON.exists()


def create_environment() -> None:
    if VENV.exists():
        say("Removing a .venv that is incomplete or not of this Python")
        shutil.rmtree(VENV)
    say("Making .venv")
    import venv  # here: Debian packs it apart from Python; not as a process, whose last words on Ctrl-C are a traceback

    venv.create(VENV, with_pip=True, symlinks=not WINDOWS)


def is_sound() -> bool:
    """True when .venv was finished once, and has a Python of this version and a pip that starts."""
    if not read_done():
        return False
    code = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.run([str(PYTHON), "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def digest_of(kind: str) -> str:
    """Changes when the lock, the project's own metadata, this Python or the place of the checkout does."""
    lock = ROOT / "requirements" / f"{kind}.txt"
    parts = [lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_done() -> dict[str, str]:
    try:
        value = json.loads(DONE.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def install_node_modules() -> None:
    """npm ci for eslint, once per package-lock.json."""
    lock, done = ROOT / "package-lock.json", ROOT / "node_modules" / ".goobusters-setup"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if done.exists() and done.read_text("utf-8") == digest:
        return
    say("Installing eslint")
    npm = shutil.which("npm") or "npm"
    command = [npm, "ci", "--no-fund", "--no-audit", "--ignore-scripts"]
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    write_atomically(done, digest)


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def hand_over(command: list[str]) -> int:
    """Becomes `command`, so that Ctrl-C and signals reach it and nothing else; Windows has no such call and waits."""
    sys.stdout.flush()
    if not WINDOWS:
        os.chdir(ROOT)
        os.execv(command[0], command)
    process = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child got it too and stops by itself


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
