import io
import time

from edgecls.trainer.history import Epoch, Figures
from edgecls.trainer.terminal import TerminalProgress

EPOCH = Epoch(1, 11.6, Figures(1.5339, 0.4386), Figures(1.347, 0.5268), Figures(1.3377, 0.5185))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drive(stream: io.StringIO) -> str:
    with TerminalProgress(stream) as progress:
        progress.say("digits: 10 classes")
        for done in range(1, 4):
            progress.images_read(done, 3)
        for number in (1, 2):
            progress.epoch_started(number, 12, batches=2)
            progress.batches_done(1, 1.53, 0.43)
            time.sleep(0.12)  # the bar is drawn ten times a second
            progress.batches_done(2, 1.50, 0.45)
            progress.epoch_done(EPOCH)
    return stream.getvalue()


def test_in_a_log_there_is_one_line_for_each_epoch_under_one_heading():
    lines = drive(io.StringIO()).splitlines()
    assert lines[0] == "digits: 10 classes"
    assert lines[1].split() == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "time"
    ]  # fmt: skip
    assert lines[2].split() == ["1/12", "1.5339", "0.4386", "1.3470", "0.5268", "1.3377", "0.5185", "12", "s"]
    assert len(lines) == 4
    assert {len(line) for line in lines[1:]} == {82}  # columns under their names


def test_on_a_terminal_a_bar_shows_the_way_and_leaves_only_the_lines():
    shown = drive(Terminal())
    assert "reading images" in shown
    assert "epoch 1/12" in shown
    assert "loss: 1.5000, accuracy: 0.4500" in shown
    last = shown.splitlines()[-1].rsplit("\r", 1)[-1]
    assert last.split()[0] == "1/12"


def test_an_interrupted_bar_is_taken_away():
    stream = Terminal()
    try:
        with TerminalProgress(stream) as progress:
            progress.epoch_started(1, 2, batches=5)
            progress.batches_done(1, 1.0, 0.5)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert stream.getvalue().endswith("\r")
