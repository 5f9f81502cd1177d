"""What an admin copies and reads: the systemd unit is sound, and docs/admin.md names only what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.server_process import ROOT
from tracking.contracts.mdai_types import MESSAGES
from tracking.contracts.settings import BY_KEY
from workstation.__main__ import COMMANDS

UNIT = ROOT / "docs" / "goobusters.service"
ADMIN = (ROOT / "docs" / "admin.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    program = "/opt/goobusters/.venv/bin/goobusters"
    text = UNIT.read_text("utf-8")
    assert f"ExecStart={program} server\n" in text
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(program, "/bin/true"), "utf-8")  # it must exist to be verified
    result = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, [line for line in result.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_every_command_in_the_admins_page_exists() -> None:
    commands = set(re.findall(r"(?:bin/|`)goobusters ([a-z]+)", ADMIN))
    assert {"server", "backup", "restore"} <= commands
    assert commands <= set(COMMANDS)


def test_every_setting_in_the_admins_page_exists() -> None:
    caddy = set(re.findall(r"{\$([A-Z_]+)", (ROOT / "Caddyfile").read_text("utf-8")))
    names = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)*)=", ADMIN))
    assert {"AUTH", "WORKERS", "CADDY_SITE"} <= names
    assert names <= {*BY_KEY, *caddy}


def test_everything_that_can_go_wrong_with_mdai_is_explained_to_the_admin() -> None:
    assert [code for code in MESSAGES if f"`{code}`" not in ADMIN] == []
