"""systemctl, and machines without it."""

import os
from pathlib import Path

import pytest
from edgecls.edge_runtime.errors import PermissionRefused, Unavailable
from edgecls.edge_runtime.service.systemctl import check_booted, systemctl


@pytest.fixture
def program(tmp_path: Path, monkeypatch) -> Path:
    """Where a systemctl of the test's own is looked for first."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "systemctl"


def write(program: Path, lines: str) -> None:
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)


def test_it_gives_what_is_printed(program: Path):
    write(program, 'echo "$@"')
    assert systemctl("show", "edgecls-camera") == "show edgecls-camera\n"


def test_a_refusal_is_one_line(program: Path):
    write(program, 'echo "Failed to enable unit: no such file." >&2; echo more >&2; exit 1')
    with pytest.raises(Unavailable) as refused:
        systemctl("enable", "x")
    assert (
        str(refused.value) == "systemctl enable x: Failed to enable unit: no such file; see `journalctl -e`"
    )


def test_what_only_root_may_is_told_as_that(program: Path):
    write(program, 'echo "Failed to restart x: Interactive authentication required." >&2; exit 1')
    with pytest.raises(PermissionRefused, match="run it with sudo"):
        systemctl("restart", "x")


def test_a_machine_without_systemctl_is_told_as_that(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="systemd does not run this machine"):
        systemctl("daemon-reload")


def test_systemd_runs_a_machine_where_its_folder_is(tmp_path: Path):
    with pytest.raises(Unavailable, match="systemd does not run this machine"):
        check_booted(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    check_booted(tmp_path)
