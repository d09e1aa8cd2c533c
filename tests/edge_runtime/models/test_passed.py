"""Which files have passed on this machine: remembered between starts, bounded, and never believed blindly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.edge_runtime.models import passed
from edgecls.edge_runtime.models.passed import has_passed, remember

ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    next_start(monkeypatch)
    return tmp_path / "state" / "edgecls"


def next_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passed, "_in_this_process", set())


def file_in(state: Path) -> Path:
    (path,) = state.iterdir()
    return path


def test_a_digest_is_known_at_the_next_start_for_what_it_passed(state, monkeypatch):
    remember(ONE, "run", "inspect")
    next_start(monkeypatch)
    assert has_passed(ONE, "run")
    assert has_passed(ONE, "inspect")
    assert not has_passed(ONE, "keras")
    assert not has_passed(OTHER, "run")
    assert file_in(state).stat().st_mode & 0o777 == 0o600


def test_the_last_ones_are_kept_and_the_file_stays_small(state, monkeypatch):
    monkeypatch.setattr(passed, "_MOST", 3)
    for number in range(9):
        remember(f"{number:064x}", "run")
    remember(f"{7:064x}", "run")
    next_start(monkeypatch)
    assert [number for number in range(9) if has_passed(f"{number:064x}", "run")] == [6, 7, 8]
    assert file_in(state).read_text().splitlines()[-1] == f"{7:064x} run"


def test_five_hundred_are_kept(state, monkeypatch):
    remember(ONE, "run")
    head = file_in(state).read_text().splitlines()[0]
    lines = [f"{number:064x} inspect" for number in range(500)]
    file_in(state).write_text("\n".join([head, *lines, ""]))
    next_start(monkeypatch)
    remember(OTHER, "run")
    next_start(monkeypatch)
    assert [has_passed(f"{number:064x}", "inspect") for number in (0, 1, 499)] == [False, True, True]


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"another head\n" + ONE.encode() + b" run\n"])
def test_a_damaged_file_means_that_nothing_has_passed(state, monkeypatch, content: bytes):
    remember(ONE, "run")
    file_in(state).write_bytes(content)
    next_start(monkeypatch)
    assert not has_passed(ONE, "run")
    remember(OTHER, "run")
    next_start(monkeypatch)
    assert has_passed(OTHER, "run")


def test_what_others_can_write_is_not_believed(state, monkeypatch):
    remember(ONE, "run")
    file_in(state).chmod(0o666)
    next_start(monkeypatch)
    assert not has_passed(ONE, "run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_another_user_owns_is_not_believed(state, monkeypatch):
    remember(ONE, "run")
    os.chown(file_in(state), 65534, 65534)
    next_start(monkeypatch)
    assert not has_passed(ONE, "run")


def test_a_pipe_in_its_place_holds_nobody_up(state, monkeypatch):
    remember(ONE, "run")
    path = file_in(state)
    path.unlink()
    os.mkfifo(path)
    next_start(monkeypatch)
    assert not has_passed(ONE, "run")


def test_without_a_home_it_lasts_as_long_as_the_process():
    program = (
        "from pathlib import Path\n"
        "def none(): raise RuntimeError('no home')\n"
        "Path.home = none\n"
        "from edgecls.edge_runtime.models.passed import has_passed, remember\n"
        f"remember('{ONE}', 'run'); print(has_passed('{ONE}', 'run'))"
    )
    environment = {
        name: value for name, value in os.environ.items() if name not in ("XDG_STATE_HOME", "HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_folder_that_cannot_be_written_is_no_error(state, monkeypatch):
    state.parent.write_text("a file where the folder should be")
    remember(ONE, "run")
    assert has_passed(ONE, "run")
    next_start(monkeypatch)
    assert not has_passed(ONE, "run")
