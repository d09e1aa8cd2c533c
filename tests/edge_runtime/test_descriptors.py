"""Programs that start without descriptors, without a folder for temporary files, or with small limits."""

import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from edgecls.edge_runtime.descriptors import native_stderr_held, scratch_file
from edgecls.edge_runtime.errors import OutputFailed
from edgecls.edge_runtime.files import scratch_folder
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.models.builtin import builtin_paths
from tests.fakes import picture

DEMO = (
    *("camera", "--headless", "--json", "--source", "demo", "--model", "nano", "--max-frames", "2"),
    *("--stall-timeout", "60"),  # for a machine that does much else
)


@pytest.mark.parametrize(
    ("end", "shown"), [(None, ""), (ImportError, "why\n"), (KeyboardInterrupt, "")], ids=str
)
def test_what_was_held_back_is_shown_where_it_may_say_what_went_wrong(capfd, end, shown):
    def block() -> None:
        with native_stderr_held():
            os.write(2, b"why\n")
            if end:
                raise end

    if end:
        with pytest.raises(end):
            block()
    else:
        block()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == f"{shown}after\n"


PROGRAM = """
import os
from edgecls.edge_runtime.descriptors import take_stdout
with take_stdout() as replies:
    print("a chatty library")
    os.write(1, b"and one in C\\n")
    replies.write("an answer\\n")
"""


def test_what_libraries_print_never_stands_between_the_answers():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "an answer\n"
    assert "a chatty library" in done.stderr
    assert "and one in C" in done.stderr


def in_shell(
    prefix: str, command: list[object], redirection: str = "", **options
) -> subprocess.CompletedProcess:
    """Runs a command behind a shell's redirections and limits."""
    return subprocess.run(
        ["sh", "-c", f'{prefix} exec "$0" "$@" {redirection}', *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def edgecls(*arguments: object) -> list[object]:
    return [sys.executable, "-m", "edgecls.cli", *arguments]


OPENED = """
import os, sys
from edgecls.edge_runtime.descriptors import open_standard_descriptors
open_standard_descriptors()
first = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print("out", flush=True)
print("err", file=sys.stderr, flush=True)
os.write(first, f"{first > 2} {sys.stdin.read()!r}".encode())
"""
CLOSED = {0: "<&-", 1: ">&-", 2: "2>&-"}


@pytest.mark.parametrize(
    "closed", [set_ for count in range(4) for set_ in combinations(CLOSED, count)], ids=str
)
def test_no_file_takes_the_place_of_a_closed_standard_descriptor(tmp_path: Path, closed):
    redirection = " ".join(CLOSED[number] for number in closed)
    report = tmp_path / "report"
    done = in_shell("", [sys.executable, "-c", OPENED, report], redirection, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert report.read_text() == "True ''"
    assert done.stdout == ("" if 1 in closed else "out\n")
    assert done.stderr == ("" if 2 in closed else "err\n")


@pytest.mark.parametrize("redirection", ["<&-", "<&- >&- 2>&-"])
def test_a_camera_runs_without_standard_descriptors(tmp_path: Path, redirection: str):
    """Row 47: the capture process found other files under these numbers."""
    log = tmp_path / "events.jsonl"
    done = in_shell("", edgecls(*DEMO, "--events", log), redirection)
    assert done.returncode == 0, done.stderr
    *_, stopped = (json.loads(line) for line in log.read_text().splitlines())
    assert (stopped["kind"], stopped["frames"]) == ("stopped", 2)


WATCH = """
import edgecls
from edgecls import CameraOptions
options = CameraOptions(max_frames=2)
assert len([answer for answer in edgecls.watch("demo", "nano", options=options)]) == 2
"""


def test_a_program_without_standard_descriptors_watches_a_camera():
    assert in_shell("", [sys.executable, "-c", WATCH], "<&- >&- 2>&-").returncode == 0


def test_a_limit_on_the_size_of_files_is_none_on_frames():
    """Row 47: a file in memory is a file, too."""
    done = in_shell("ulimit -f 0;", edgecls(*DEMO))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_full_stdout_is_one_line(tmp_path: Path):
    done = in_shell("ulimit -f 0;", edgecls("models"), f"> {tmp_path}/out")
    assert done.stderr == "edgecls: error: a file may not grow any more; allow more with `ulimit -f`\n"
    assert done.returncode == 74


@pytest.mark.parametrize("limit", ["ulimit -n 9;", "ulimit -n 15;", "ulimit -v 600000;"])
def test_a_small_limit_on_files_or_memory_is_one_line(limit: str):
    done = in_shell(limit, edgecls(*DEMO))
    assert done.stderr.splitlines()[-1].startswith("edgecls: error: ")
    assert "Traceback" not in done.stderr
    assert done.returncode in (69, 74)


@pytest.mark.parametrize("arguments", [("doctor",), (*DEMO, "--record", "out.mp4")], ids=str)
def test_a_current_folder_that_was_removed_is_one_line(tmp_path: Path, arguments):
    gone = tmp_path / "gone"
    done = in_shell(f"mkdir {gone}; cd {gone}; rmdir {gone};", edgecls(*arguments))
    assert done.stderr.splitlines()[-1] == (
        "edgecls: error: the current folder was removed; change to another one and run it again"
    )
    assert done.returncode == 74


def test_a_camera_goes_on_where_the_current_folder_was_removed(tmp_path: Path):
    gone = tmp_path / "gone"
    done = in_shell(f"mkdir {gone}; cd {gone}; rmdir {gone};", edgecls(*DEMO))
    assert done.returncode == 0, done.stderr


NO_TEMPORARY_FOLDER = (
    "import tempfile; tempfile.tempdir = '/nowhere'\nfrom edgecls.cli.main import main; main()"
)


@pytest.mark.parametrize("arguments", [DEMO, ("predict", "a.png", "-m", "nano"), ("verify", "nano")], ids=str)
def test_models_run_without_a_folder_for_temporary_files(tmp_path: Path, arguments):
    """Row 46."""
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    done = subprocess.run(
        [sys.executable, "-c", NO_TEMPORARY_FOLDER, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_onnx_model_leaves_nothing_in_the_home_folder(tmp_path: Path, run_edgecls):
    """onnxruntime keeps a database of what it reports to its maker."""
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    (tmp_path / "home").mkdir()
    env = os.environ | {"HOME": str(tmp_path / "home")}
    (model,) = builtin_paths("nano", "onnxruntime")
    done = run_edgecls("predict", "a.png", "-m", model, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").rglob("*")) == []


def test_a_file_without_a_name_keeps_what_is_written(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")  # macOS and Windows have none
    with scratch_file() as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"


def test_where_nothing_can_be_written_a_scratch_folder_is_one_line(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    monkeypatch.setattr("edgecls.edge_runtime.files._IN_MEMORY", ("/nowhere/too",))
    with pytest.raises(OutputFailed, match="name one with TMPDIR"), scratch_folder():
        pass
