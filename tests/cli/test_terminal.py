"""No text from elsewhere runs an escape sequence on a terminal: names, headers, errors of libraries."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.outputs.status_line import StatusLine
from edgecls.edge_runtime.errors import BadData, EdgeclsError
from edgecls.edge_runtime.text import for_terminal, printable, printable_lines
from tests.fakes import Terminal

HEN = Path(__file__).parents[1] / "photographs" / "hen.jpg"
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b3J\u202ejpg\x1b[6n"
OURS = re.compile(r"\x1b\[[\d;]*[mK]")


def on_a_terminal(*command: object, cwd: Path) -> str:
    """What a program writes to a terminal, both streams together."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=theirs, stderr=theirs, cwd=cwd
    ) as program:
        os.close(theirs)
        written = b""
        try:
            while more := os.read(ours, 65536):
                written += more
        except OSError:  # the program has ended
            pass
        finally:
            os.close(ours)
        program.wait(60)
    return written.decode()


def assert_clean(written: str) -> None:
    rest = OURS.sub("", written)
    assert printable(rest.replace("\n", "").replace("\r", "")) == rest.replace("\n", "").replace("\r", "")


def test_whoever_writes_to_a_terminal_writes_no_sequence_but_ours(tmp_path: Path):
    program = (
        "import sys\n"
        "from edgecls.edge_runtime.text import show_all_characters\n"
        "show_all_characters()\n"
        f"print({EVIL!r})\n"
        f"sys.stderr.write({EVIL!r} + '\\n')\n"
        f"sys.stdout.writelines([{EVIL!r}, '\\n'])\n"
        "print('\\033[31merror\\033[0m\\r\\033[Kdone \\udc80')\n"
    )
    written = on_a_terminal("-c", program, cwd=tmp_path)
    assert_clean(written)
    assert written.count(printable(EVIL)) == 3
    assert "\x1b[31merror\x1b[0m\r\x1b[Kdone" in written


def test_a_file_gets_what_was_written(tmp_path: Path):
    program = (
        f"from edgecls.edge_runtime.text import show_all_characters\nshow_all_characters()\nprint({EVIL!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=tmp_path, check=True)
    assert done.stdout.decode() == f"{EVIL}\n"


@pytest.mark.parametrize("text", ["größe 日本", "a\tb\n", "\x1b[1;31mred\x1b[0m", "50 %\r\x1b[K60 %"])
def test_what_is_ours_stays(text: str):
    assert for_terminal(text) == text


def test_names_of_pictures_reach_a_terminal_written_out(tmp_path: Path):
    (tmp_path / f"{EVIL}.jpg").write_bytes(HEN.read_bytes())
    (tmp_path / f"broken{EVIL}.jpg").write_bytes(b"no picture")
    written = on_a_terminal("-m", "edgecls.cli", "predict", ".", "--model", "nano", cwd=tmp_path)
    assert_clean(written)
    assert f"{printable(EVIL)}.jpg: " in written
    assert "1 of 2 images could not be read" in written


def test_an_error_is_one_printable_line_whatever_is_in_it():
    error = BadData(f"{EVIL}: a\nb; copy it again")
    assert str(error) == printable(f"{EVIL}: a\nb; copy it again")
    assert str(EdgeclsError("größe: rtsp://a:secret@h/")) == "größe: rtsp://a:***@h/"


def test_an_event_with_a_cameras_words_is_shown_written_out():
    stream = Terminal()
    StatusLine(stream).event(Event("reconnecting", f"camera answered 500 {EVIL}"))
    assert_clean(stream.getvalue())


def test_what_libraries_wrote_is_passed_on_in_lines_without_sequences():
    assert printable_lines(f"one {EVIL}\ntwo \n".encode()).decode() == f"one {printable(EVIL)}\ntwo \n"
    assert b"\x1b" not in printable_lines(b"\xff\x1b[2J")
