"""What is no file, or far too large, is refused before a byte of it is read."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgecls.cli.main import app
from edgecls.edge_runtime.errors import BadData, EdgeclsError, MissingInput
from edgecls.edge_runtime.files import PICTURE_BYTES, open_file, read_whole

HEN = Path(__file__).parents[1] / "photographs" / "hen.jpg"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    # A name of 107 characters at most, which a folder of the test's own may exceed.
    with socket.socket(socket.AF_UNIX) as opened:
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            opened.bind(path.name)
        finally:
            os.chdir(before)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 * 10**9)  # a hole, which takes no room on the disk


KINDS = {fifo: "a FIFO, not a file", listening: "a socket, not a file", endless: "a device, not a file"}
WORDS = {**KINDS, huge: "3,000 MB, more than the "}


@pytest.mark.parametrize("make", WORDS, ids=lambda make: make.__name__)
def test_it_is_refused_at_once(make: Callable[[Path], None], tmp_path: Path):
    path = tmp_path / "x"
    make(path)
    with pytest.raises(BadData, match=rf"x: {WORDS[make]}.*; ") as refused:
        read_whole(path, PICTURE_BYTES)
    assert "\n" not in str(refused.value)


def test_a_device_is_not_even_opened(tmp_path: Path, monkeypatch):
    endless(tmp_path / "x")
    monkeypatch.setattr(os, "open", None)
    with pytest.raises(BadData, match="a device"):
        open_file(tmp_path / "x")


def test_the_limit_is_the_largest_file_that_is_read(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 10)
    assert read_whole(path, 10) == b"x" * 10
    with pytest.raises(BadData, match="more than"):
        read_whole(path, 9)


def test_a_file_that_tells_no_size_is_read_whole_and_no_further_than_its_limit():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc")
    assert status.stat().st_size == 0
    assert b"VmSize" in read_whole(status, 100_000)
    with pytest.raises(BadData, match="more than"):
        read_whole(status, 10)


def test_a_folder_and_a_name_that_cannot_be_are_said_as_before(tmp_path: Path):
    with pytest.raises(BadData, match="is a directory; name a file in it"):
        read_whole(tmp_path, 10)
    with pytest.raises(MissingInput):
        read_whole(tmp_path / "nothing", 10)
    with pytest.raises(BadData, match="check the name"):
        read_whole("a\0b", 10)


COMMANDS: dict[str, list[object]] = {
    "x.tflite": ["predict", HEN, "--model"],
    "x.onnx": ["camera", "--headless", "--once", "--source", HEN, "--model"],
    "y.tflite": ["inspect"],
    "z.tflite": ["verify"],
    "labels.txt": ["predict", HEN, "--model", "nano", "--labels"],
    "ca.pem": ["camera", "--once", "--headless", "--source", "https://127.0.0.1:9/x", "--ca-file"],
    "x.toml": ["camera", "--config"],
    "x.h5": ["inspect"],
}


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[None]:
    """Runs a test in its own folder."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("make", WORDS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_waits_for_it(name: str, make: Callable[[Path], None], tmp_path: Path):
    path = tmp_path / name
    make(path)
    with pytest.raises(EdgeclsError, match=WORDS[make]) as refused:
        app([*map(str, COMMANDS[name]), name], standalone_mode=False)
    assert refused.value.exit_code == 65


@pytest.mark.usefixtures("inside")
def test_pictures_beside_them_are_classified(tmp_path: Path, capfd):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "hen.jpg").write_bytes(HEN.read_bytes())
    for number, make in enumerate(WORDS):
        make(folder / f"{number}.jpg")
    with pytest.raises(EdgeclsError, match=r"1 of 2 images could not be read: .*3\.jpg: 3,000 MB"):
        app(["predict", str(folder), "--model", "nano"], standalone_mode=False)
    assert "hen.jpg: " in capfd.readouterr().out
