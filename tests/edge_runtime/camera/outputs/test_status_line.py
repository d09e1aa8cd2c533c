"""Status line: on a terminal, in a file, and after both are gone."""

import fcntl
import io
import os
import pty
import struct
import termios
from dataclasses import replace

import pytest

from edgecls.edge_runtime.camera.answer import Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.status_line import StatusLine, status_text
from edgecls.edge_runtime.camera.rates import Ages
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import Clock, Terminal, answer, picture

TIMING = Timing(prepare_ms=0.4, engine_ms=1.5, age_ms=12.4, fps=29.83)


class Screen(Terminal):
    """What a person sees: the lines that stand, and the one that is being rewritten."""

    @property
    def screen(self) -> list[str]:
        lines = [""]
        column = 0
        for character in self.getvalue():
            if character == "\n":
                lines.append("")
                column = 0
            elif character == "\r":
                column = 0
            else:
                line = lines[-1].ljust(column)
                lines[-1] = line[:column] + character + line[column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


def write(status: StatusLine, label: str | None = "cat", confidence: float = 0.931, name: str = "") -> None:
    prediction = Prediction(((label or "cat", confidence), ("dog", 0.04)), label)
    status.write(answer(Frame(picture(), 1, 0.0, name), prediction, TIMING))


def text_of(label: str | None, name: str = "", timing: Timing = TIMING) -> str:
    return status_text(answer(Frame(picture(), 1, 0.0, name), Prediction((("cat", 0.931),), label), timing))


def test_the_line_says_label_confidence_rate_latency_and_age():
    assert text_of("cat") == "cat 93.1%   29.8 fps   latency 1.9 ms   age 12 ms"


def test_an_unknown_answer_says_what_it_looked_like():
    assert text_of(None).startswith("unknown (cat 93.1%)")


def test_a_label_that_must_still_hold_is_not_called_unknown():
    shown = Prediction((("cat", 0.931),), None)
    decision = Decision(shown, 0.0, changed=False, waiting="cat")
    early = replace(answer(Frame(picture(), 1, 0.0), shown, TIMING), decision=decision)
    assert status_text(early).startswith("not yet announced (cat 93.1%)")


def test_while_the_announced_label_is_not_the_best_one_both_are_said():
    shown = Prediction((("dog", 0.6), ("cat", 0.3)), "cat")
    text = status_text(answer(Frame(picture(), 1, 0.0), shown, TIMING))
    assert text.startswith("cat (dog 60.0%)   29.8 fps")


def test_from_the_second_frame_on_the_age_is_that_of_the_last_minute():
    text = text_of("cat", timing=replace(TIMING, recent_ages=Ages(11.4, 15.0, 33.0)))
    assert text.endswith("latency 1.9 ms   age p50 11 ms, p95 15, p99 33")
    assert len(text) < 80  # a terminal's width


def test_a_still_is_named_and_its_name_cannot_steer_the_terminal():
    assert text_of("cat", "a\x1b[2Jb.jpg").startswith("a\\x1b[2Jb.jpg: cat")


def test_the_first_frame_has_no_rate():
    assert "fps" not in text_of("cat", timing=Timing(1, 1, 1))


def test_trouble_has_the_colour_of_a_warning_where_there_is_colour(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream, head in ((Terminal(), "\033[33mcamera\033[0m"), (io.StringIO(), "camera")):
        status = StatusLine(stream, Clock())
        status.event(Event("stalled", "no frame in 5 s"))
        status.event(Event("opened", "opened demo"))
        assert stream.getvalue() == f"{head}: no frame in 5 s\ncamera: opened demo\n"


def test_events_and_the_summary_are_wrapped_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = "skipped photos/2.jpg: not an image; use JPEG, PNG or BMP"
    for stream, longest in ((Terminal(), 40), (io.StringIO(), len(f"camera: {text}"))):
        status = StatusLine(stream, Clock())
        status.event(Event("opened", text))
        status.print_line(f"camera: {text}")
        assert max(map(len, stream.getvalue().splitlines())) <= longest
        assert " ".join(stream.getvalue().split()) == f"camera: {text} camera: {text}"


def test_on_a_terminal_the_line_is_rewritten_in_place():
    terminal, clock = Screen(), Clock()
    status = StatusLine(terminal, clock)
    for label in ("automobile", "cat", "dog"):
        write(status, label)
        clock.now_s += 1
    assert terminal.screen == [
        status_text(answer(Frame(picture(), 1, 0.0), Prediction((("dog", 0.931),), "dog"), TIMING))
    ]


def test_a_terminal_is_rewritten_at_most_five_times_a_second():
    terminal, clock = Screen(), Clock()
    status = StatusLine(terminal, clock)
    for _ in range(300):
        write(status)
        clock.now_s += 1 / 100
    assert 14 <= terminal.getvalue().count("cat") <= 16


def test_the_last_answer_stands_when_it_ends():
    terminal = Screen()
    status = StatusLine(terminal, Clock())
    for label in ("cat", "dog", "deer"):
        write(status, label)
    status.close()
    status.close()
    assert len(terminal.screen) == 2
    assert terminal.screen[0].startswith("deer")
    assert terminal.screen[1] == ""


@pytest.fixture
def without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def test_an_event_has_a_line_of_its_own_and_the_status_goes_on_below(without_colour: None):
    terminal, clock = Screen(), Clock()
    status = StatusLine(terminal, clock)
    write(status, "cat")
    status.event(Event("ended", "stream ended; reconnecting"))
    assert terminal.screen[0] == "camera: stream ended; reconnecting"
    assert terminal.screen[1].startswith("cat 93.1%")
    clock.now_s += 1
    write(status, "dog")
    assert len(terminal.screen) == 2
    assert terminal.screen[1].startswith("dog 93.1%")


def test_an_event_cannot_steer_the_terminal(without_colour: None):
    terminal = Screen()
    StatusLine(terminal, Clock()).event(Event("skipped", "skipped \x1b]0;title\x07.jpg"))
    assert "\x1b" not in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_a_silent_camera_does_not_keep_its_last_label():
    terminal, clock = Screen(), Clock()
    status = StatusLine(terminal, clock)
    write(status, "cat")
    clock.now_s += 1
    status.idle()
    assert terminal.screen[0].startswith("cat")
    clock.now_s += 6
    status.idle()
    assert terminal.screen == ["no frame for 7 s"]


def test_before_the_first_frame_there_is_nothing_to_say():
    terminal = Screen()
    status = StatusLine(terminal, Clock())
    status.idle()
    status.close()
    assert terminal.getvalue() == ""


def test_a_line_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Screen()
    write(StatusLine(terminal, Clock()), "a label longer than the terminal is wide")
    assert len(terminal.screen[0]) == 19


def test_in_a_log_there_is_a_line_at_once_and_then_every_ten_seconds():
    log, clock = io.StringIO(), Clock()
    status = StatusLine(log, clock)
    for _ in range(25 * 30):
        write(status)
        status.idle()
        clock.now_s += 1 / 30
    status.close()
    lines = log.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.startswith("cat 93.1%") for line in lines)
    assert "\r" not in log.getvalue()


def test_a_terminal_that_is_gone_does_not_end_the_loop():
    class Gone(Screen):
        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    status = StatusLine(Gone(), Clock())
    write(status)
    status.print_line("bye")
    status.close()


def test_a_narrow_terminal_sees_fewer_parts_and_no_half_number():
    from edgecls.edge_runtime.camera.outputs.status_line import fit_status

    text = "cat 93.1%   29.8 fps   latency 1.9 ms   age p50 12 ms"
    assert fit_status(text, len(text)) == text
    assert fit_status(text, len(text) - 1) == "cat 93.1%   29.8 fps   latency 1.9 ms"
    assert fit_status(text, 12) == "cat 93.1%"
    assert fit_status(text, 5) == "cat 9"


def test_the_width_is_that_of_the_terminal_it_writes_to(monkeypatch):
    """And not of stdout, which may be a file."""
    monkeypatch.delenv("COLUMNS", raising=False)
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with os.fdopen(terminal, "w") as stream:
        status = StatusLine(stream)
        status.write(answer(Frame(b"", 1, 0.0), Prediction((("cat", 0.9),), "cat")))
        shown = os.read(main, 1000).decode()
        status.close()
    os.close(main)
    assert "cat" in shown
    assert len(shown.lstrip("\r")) < 40
