import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgecls.edge_runtime import files
from edgecls.edge_runtime.errors import (
    BadConfiguration,
    BadData,
    MissingInput,
    OutputFailed,
    PermissionRefused,
)
from edgecls.edge_runtime.files import (
    check_writable,
    keep_for_one,
    read_whole,
    scratch_folder,
    whole_file,
    whole_folder,
    write_whole,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path):
    with whole_file(tmp_path / "a.bin") as beside:
        beside.write_bytes(b"new")
        assert not (tmp_path / "a.bin").exists()
        assert beside.parent.parent == tmp_path  # on the same disk, in a hidden folder
        assert beside.suffix == ".bin"  # for libraries that choose a format by it
    assert names_in(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_when_writing_fails_the_old_file_stays_and_nothing_beside_it(tmp_path: Path):
    write_whole(tmp_path / "a.txt", "old")

    def fail() -> None:
        with whole_file(tmp_path / "a.txt") as beside:
            beside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names_in(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_text_is_written_as_utf8(tmp_path: Path):
    write_whole(tmp_path / "a.txt", "größe")
    assert read_whole(tmp_path / "a.txt", 100) == "größe".encode()


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(tmp_path: Path, monkeypatch):
    """A power cut leaves the old file or the new one: without the first flush, it may leave an empty one."""
    fsync, rename, steps = os.fsync, os.replace, []

    def flush(handle: int) -> None:
        steps.append(
            (Path(f"/proc/self/fd/{handle}").readlink(), Path(f"/proc/self/fd/{handle}").stat().st_size)
        )
        fsync(handle)

    def replace(source: Path, place: Path) -> None:
        steps.append(("renamed", Path(place)))
        rename(source, place)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", replace)
    write_whole(tmp_path / "a.bin", b"12345")
    (content, size), renamed, (folder, _) = steps
    assert (content.name, size) == ("a.bin", 5)
    assert renamed == ("renamed", tmp_path / "a.bin")
    assert folder == tmp_path


def test_missing_folders_are_made(tmp_path: Path):
    write_whole(tmp_path / "a" / "b" / "c.txt", "x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


def test_others_may_read_the_file_as_the_umask_says(tmp_path: Path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a.txt", "x")
        assert os.umask(0o027) == 0o027  # as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, OutputFailed, "no space left on device; free some space"),
        (errno.EIO, OutputFailed, "input/output error; check the disk"),
        (errno.EROFS, PermissionRefused, "read-only file system; choose another folder"),
        (errno.EACCES, PermissionRefused, "permission denied; choose another folder"),
    ],
)
def test_what_the_system_says_becomes_one_line(tmp_path: Path, number, kind, words):
    with pytest.raises(kind, match=words) as raised, whole_file(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "a.txt") in str(raised.value)
    assert names_in(tmp_path) == []


def test_a_full_disk_keeps_the_old_file(small_disk: Path):
    write_whole(small_disk / "a.bin", b"old")
    with pytest.raises(OutputFailed, match="no space left on device") as raised:
        write_whole(small_disk / "a.bin", bytes(5_000_000))
    assert raised.value.exit_code == 74
    assert names_in(small_disk) == ["a.bin"]
    assert (small_disk / "a.bin").read_bytes() == b"old"


def test_a_read_only_folder_is_a_matter_of_permission(tmp_path: Path, read_only):
    for write in (check_writable, lambda path: write_whole(path, "x")):
        with pytest.raises(PermissionRefused, match="read-only file system; choose another folder") as raised:
            write(read_only(tmp_path) / "a.txt")
        assert raised.value.exit_code == 77


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputFailed, match="its folder is a file; choose another"):
        write_whole(tmp_path / "file" / "a.txt", "x")


def test_a_kill_while_saving_leaves_the_old_file_or_the_new_one(tmp_path: Path):
    """Row 23: 25 kills at growing delays; each time the content is one of the two, whole."""
    path = tmp_path / "a.bin"
    program = (
        "import sys; from edgecls.edge_runtime.files import write_whole\n"
        "print(flush=True)\n"
        "while True:\n"
        "    for letter in b'ab': write_whole(sys.argv[1], bytes([letter]) * 3_000_000)\n"
    )
    path.write_bytes(b"a" * 3_000_000)
    for delay in range(25):
        with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE) as child:
            assert child.stdout
            child.stdout.readline()
            try:
                child.wait(timeout=delay / 1000)
            except subprocess.TimeoutExpired:
                child.kill()
        content = path.read_bytes()
        assert len(content) == 3_000_000
        assert content in (b"a" * 3_000_000, b"b" * 3_000_000)


def test_a_folder_appears_whole(tmp_path: Path):
    with whole_folder(tmp_path / "new" / "out") as beside:
        (beside / "page").touch()
        assert not (tmp_path / "new" / "out").exists()
    assert names_in(tmp_path / "new") == ["out"]
    assert names_in(tmp_path / "new" / "out") == ["page"]


def test_of_a_folder_that_fails_nothing_stays(tmp_path: Path):
    with suppress(KeyError), whole_folder(tmp_path / "out") as beside:
        (beside / "page").touch()
        raise KeyError
    assert names_in(tmp_path) == []


def test_a_folder_never_takes_the_place_of_files(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(OutputFailed), whole_folder(tmp_path / "out"):
        pass
    assert names_in(tmp_path) == ["out"]
    assert names_in(tmp_path / "out") == ["mine"]


def test_checking_leaves_nothing_behind_and_takes_nothing_away(tmp_path: Path):
    check_writable(tmp_path / "new" / "deep" / "out.mp4")
    assert names_in(tmp_path) == []
    (tmp_path / "old").mkdir()
    check_writable(tmp_path / "old" / "out.mp4")
    assert names_in(tmp_path) == ["old"]


def test_checking_finds_a_folder_that_is_none(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputFailed):
        check_writable(tmp_path / "file" / "out.mp4")


def test_checking_finds_a_folder_whose_name_the_system_refuses(tmp_path: Path):
    with pytest.raises(OutputFailed):
        check_writable(tmp_path / ("x" * 300) / "out.mp4")


def test_a_file_is_kept_for_one_at_a_time_and_its_folder_made(tmp_path: Path):
    for path in (tmp_path / "a.csv", tmp_path / "new" / "a.csv"):
        kept = keep_for_one(path)
        with pytest.raises(BadConfiguration, match=r"a\.csv"):
            keep_for_one(path)
        kept.close()
        keep_for_one(path).close()
    assert keep_for_one("/dev/null") is None


@pytest.mark.parametrize(("free_mb", "is_first"), [(256, True), (255, False)])
def test_scratch_goes_elsewhere_where_the_disk_is_nearly_full(tmp_path: Path, monkeypatch, free_mb, is_first):
    def usage(path: Path):
        is_in_memory = str(path).startswith(("/dev/shm", "/run"))  # noqa: S108 - only compared
        return SimpleNamespace(free=10**12 if is_in_memory else free_mb * 2**20)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder() as folder:
        assert folder.is_relative_to(tmp_path) is is_first


def test_a_missing_file_is_missing(tmp_path: Path):
    with pytest.raises(MissingInput, match=r"nothing\.h5: no such file; check the name") as raised:
        read_whole(tmp_path / "nothing.h5", 100)
    assert raised.value.exit_code == 66


def test_a_folder_is_not_a_file(tmp_path: Path):
    with pytest.raises(BadData, match="is a directory; name a file in it"):
        read_whole(tmp_path, 100)


def test_a_file_of_somebody_else_is_a_matter_of_permission(tmp_path: Path):
    path = tmp_path / "secret"
    path.touch(mode=0o000)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    with pytest.raises(PermissionRefused, match="permission denied; check its permissions"):
        read_whole(path, 100)


def test_a_link_stays_a_link_and_the_file_that_it_names_is_replaced(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "real" / "answers.csv")
    for content in ("first", "second"):
        check_writable(tmp_path / "link.csv")
        write_whole(tmp_path / "link.csv", content)
        assert (tmp_path / "link.csv").is_symlink()
        assert (tmp_path / "real" / "answers.csv").read_text() == content
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["answers.csv"]


def test_a_pipe_that_nobody_reads_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "_READER_WAIT_S", 0.0)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputFailed, match="pipe: a pipe that no program reads from"):
        write_whole(tmp_path / "pipe", b"answers")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    check_writable(pipe)
    write_whole(pipe, b"answers")
    reader.join(60)
    assert read == [b"answers"]
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
