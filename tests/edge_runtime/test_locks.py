"""Locks and hidden folders: whose they are while their process runs, and what is left when it is killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edgecls.edge_runtime import locks
from edgecls.edge_runtime.errors import BadConfiguration
from edgecls.edge_runtime.files import check_writable, whole_file, whole_folder
from edgecls.edge_runtime.locks import Lock, LockedFile, LockedFolder, PartFolder, lock

HOLDERS = {
    "a file that is written": "with whole_file(path) as beside: beside.write_bytes(b'half'); wait()",
    "a folder that is written": "with whole_folder(path) as beside: (beside / 'page').touch(); wait()",
    "a file that nobody else may write": "part = PartFolder(path.parent, only_for=path); wait()",
    "a file with lines": "held = LockedFile(path); held.descriptor(); wait()",
}
PROGRAM = """
import sys
from pathlib import Path
from edgecls.edge_runtime.files import whole_file, whole_folder
from edgecls.edge_runtime.locks import LockedFile, PartFolder
path = Path(sys.argv[1])
def wait():
    print(flush=True)
    sys.stdin.read()
exec(sys.argv[2])
"""


@pytest.fixture
def start() -> Iterator[Callable[[Path, str], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(path: Path, holder: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAM, path, HOLDERS[holder]]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("holder", list(HOLDERS)[:3])
def test_what_a_killed_process_left_is_removed_by_the_next_start_and_what_a_living_one_holds_stays(
    tmp_path: Path, start, holder: str
):
    """Row 55."""
    living, killed = tmp_path / "living", tmp_path / "killed"
    start(living, holder)
    (held,) = names_in(tmp_path)
    start(killed, holder).kill()
    while len(names_in(tmp_path)) > 1:  # the kernel gives a lock back when the process has ended
        check_writable(tmp_path / "other")
    assert names_in(tmp_path) == [held]


def test_nobody_else_gets_a_file_for_one_process_until_it_ends(tmp_path: Path, start):
    path = tmp_path / "out.mp4"
    process = start(path, "a file that nobody else may write")
    with pytest.raises(BadConfiguration, match=r"out\.mp4: another edgecls is writing it; name another file"):
        PartFolder(tmp_path, only_for=path)
    assert len(names_in(tmp_path)) == 1
    closing(PartFolder(tmp_path, only_for=tmp_path / "other.mp4")).__exit__()
    process.kill()
    process.wait()
    with closing(PartFolder(tmp_path, only_for=path)) as part:
        assert names_in(part.path) == []
    assert names_in(tmp_path) == []


def test_a_locked_file_is_the_one_under_its_path(tmp_path: Path, start):
    path = tmp_path / "events.jsonl"
    process = start(path, "a file with lines")
    before = len(names_in(Path("/proc/self/fd")))
    with pytest.raises(BlockingIOError):
        LockedFile(path).descriptor()
    assert len(names_in(Path("/proc/self/fd"))) == before
    path.rename(tmp_path / "events.jsonl.1")
    ours = LockedFile(path)
    assert os.path.samestat(os.fstat(ours.descriptor()), path.stat())
    process.kill()
    process.wait()
    path.unlink()
    ours.descriptor()
    assert path.exists()


@pytest.mark.parametrize("number", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch, number: str):
    import errno

    class NoLocks:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(*_: object) -> None:
            raise OSError(getattr(errno, number), "no locks")

    monkeypatch.setattr(locks, "fcntl", NoLocks)
    with (tmp_path / "a").open("w") as file:
        assert lock(file.fileno()) is Lock.NONE
    for _ in range(2):
        with whole_file(tmp_path / "b") as beside:
            beside.write_text("x")
        with closing(PartFolder(tmp_path, only_for=tmp_path / "c")):
            closing(PartFolder(tmp_path, only_for=tmp_path / "c")).__exit__()
        LockedFile(tmp_path / "a").descriptor()
    assert names_in(tmp_path) == ["a", "b"]


def test_a_system_without_locks_is_written_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with whole_folder(tmp_path / "out") as beside:
        (beside / "page").touch()
    assert names_in(tmp_path) == ["out"]


def test_a_folder_that_was_exchanged_is_not_there(tmp_path: Path):
    folder = tmp_path / "stick"
    folder.mkdir()
    with closing(LockedFolder(folder)) as held:
        assert held.is_there
        folder.rename(tmp_path / "pocket")
        assert not held.is_there
        folder.mkdir()
        assert not held.is_there
        folder.rmdir()
        (tmp_path / "pocket").rename(folder)
        assert held.is_there
