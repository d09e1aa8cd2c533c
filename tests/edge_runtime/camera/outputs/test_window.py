"""Windows need a screen: a virtual one (Xvfb), in processes of their own, which Qt ends when they lose it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from edgecls.edge_runtime.camera.outputs.window import why_no_window
from edgecls.edge_runtime.images.opencv import cv2

SHOWS = """
import sys, time
import numpy as np
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.prediction import Prediction
from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.outputs import window as module
from edgecls.edge_runtime.camera.outputs.window import PreviewWindow

if sys.argv[1] == "closed by hand":
    module.CHILD = [sys.executable, "-c", sys.argv[3]]
stop = StopRequest()
window = PreviewWindow(stop)
frame = Frame(np.full((240, 320, 3), 90, np.uint8), 1, 0.0, name=sys.argv[1])
prediction = Prediction((("cat", 0.9),), "cat")
answer = Answer(frame, prediction, Decision(prediction, 0.0, False), Timing(1, 1, 1))
window.idle()  # before there is a window
for number in range(int(sys.argv[2])):
    window.write(answer)
    if number == 0:
        print("shown", flush=True)
    window.idle()
    if stop.requested:
        print("stop requested", flush=True)
        break
    time.sleep(0.02)
started = time.monotonic()
window.close()
window.close()
print(f"closed in {time.monotonic() - started:.0f} s", flush=True)
"""


CLOSED_BY_HAND = """
from edgecls.edge_runtime.camera.outputs import window_child
from edgecls.edge_runtime.images.opencv import cv2

def show(*shown):
    imshow(*shown)
    cv2.waitKey(1)
    cv2.destroyAllWindows()  # what the cross in its corner does

imshow, cv2.imshow = cv2.imshow, show
window_child.main()
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb, a screen without a monitor, is not installed")
    out, end = os.pipe()
    with subprocess.Popen(
        # A server without clients starts anew, and ends whoever connects meanwhile: -noreset.
        ["Xvfb", "-noreset", "-displayfd", str(end), "-screen", "0", "800x600x24"],
        pass_fds=[end],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(end)
        with os.fdopen(out) as numbers:
            yield f":{numbers.readline().strip()}"
        server.terminate()


@pytest.fixture
def on_screen(screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "GUI:                           NONE" in cv2.getBuildInformation():
        pytest.skip("this OpenCV has no windows")
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def showing(name: str, frames: int) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", SHOWS, name, str(frames), CLOSED_BY_HAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stdout.readline() == "shown\n", child.communicate()[1]
    return child


def closed_in_s(out: str) -> int:
    return int(re.fullmatch(r"closed in (\d+) s\n", out)[1])


def test_without_a_screen_there_is_a_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in (why_no_window() or "")


def test_a_screen_that_cannot_be_reached_is_a_reason_and_not_a_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    reason = why_no_window() or ""
    assert "screen :987 cannot be reached" in reason or "no windows" in reason


def test_where_there_is_a_screen_there_is_no_objection(on_screen: None):
    assert why_no_window() is None


def test_frames_are_shown_without_a_word_and_the_window_closes(on_screen: None):
    child = showing("", 5)
    out, err = child.communicate(timeout=60)
    assert closed_in_s(out) >= 0
    assert err == ""


@pytest.mark.timing
def test_a_stream_does_not_stay_on_the_screen(on_screen: None):
    assert closed_in_s(showing("", 5).communicate(timeout=60)[0]) == 0


def test_a_single_picture_does_not_flash_by(on_screen: None):
    child = showing("cat.jpg", 1)
    assert closed_in_s(child.communicate(timeout=60)[0]) >= 2


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_key_asks_the_loop_to_stop(on_screen: None, key: str):
    if not shutil.which("xdotool"):
        pytest.skip("xdotool, which presses keys, is not installed")
    child = showing("", 1000)
    deadline_s = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline_s:  # until the window has the focus
        subprocess.run(
            ["xdotool", "search", "--name", "edgecls", "windowfocus", "key", key],
            check=False,
            capture_output=True,
        )
        time.sleep(0.1)
    assert "stop requested" in child.communicate(timeout=60)[0]


def test_closing_the_window_asks_the_loop_to_stop(on_screen: None):
    child = showing("closed by hand", 1000)
    out, err = child.communicate(timeout=60)
    assert "stop requested" in out, (child.returncode, err)


LOSES_ITS_SCREEN = """
import sys, time
import numpy as np
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.outputs.window import PreviewWindow
from edgecls.edge_runtime.prediction import Prediction
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.camera.frame import Frame
from tests.fakes import answer

keeps_trying = sys.argv[1] == "unattended"
window = PreviewWindow(
    StopRequest(), keeps_trying=keeps_trying, on_event=lambda event: print(event.kind, event.text, flush=True)
)
given = answer(Frame(np.full((240, 320, 3), 90, np.uint8), 1, 0.0), Prediction((("cat", 0.9),), "cat"))
shown = 0
print("begins", flush=True)
while True:
    try:
        window.write(given)
    except Unavailable as error:
        print("error", error, flush=True)
        break
    if window._newest is None:  # the window has taken it
        shown += 1
        if shown == 3:
            print("shows", flush=True)
    time.sleep(0.02)
window.close()
"""


@dataclass
class Screen:
    """A virtual screen that can be lost and come back under its number."""

    number: str = ""
    server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        out, end = os.pipe()
        which = [f":{self.number}"] if self.number else []
        self.server = subprocess.Popen(
            ["Xvfb", *which, "-noreset", "-displayfd", str(end), "-screen", "0", "800x600x24"],
            pass_fds=[end],
            stderr=subprocess.DEVNULL,
        )
        os.close(end)
        with os.fdopen(out) as numbers:
            self.number = numbers.readline().strip()

    def lose(self) -> None:
        if self.server:
            self.server.kill()
            self.server.wait()


@pytest.fixture
def own_screen(on_screen: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    own = Screen()
    own.start()
    monkeypatch.setenv("DISPLAY", f":{own.number}")
    yield own
    own.lose()


@pytest.fixture
def program(own_screen: Screen) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(how: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOSES_ITS_SCREEN, how]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_unattended_a_screen_that_goes_away_is_an_event_and_the_window_comes_back_with_it(
    own_screen: Screen, program
):
    lines = program("unattended").stdout
    assert [lines.readline().strip() for _ in range(2)] == ["begins", "shows"]
    own_screen.lose()
    assert lines.readline() == "output_failed the window has no screen; trying again in 1 s\n"
    own_screen.start()
    assert lines.readline() == "output_works the window is open again\n"


def test_in_a_one_shot_run_a_screen_that_goes_away_is_an_error(own_screen: Screen, program):
    lines = program("one-shot").stdout
    assert [lines.readline().strip() for _ in range(2)] == ["begins", "shows"]
    own_screen.lose()
    assert lines.readline() == "error the window has lost its screen; start again, or leave --show out\n"
