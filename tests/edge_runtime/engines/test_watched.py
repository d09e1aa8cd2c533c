"""An engine that never answers, or takes all memory, holds up nobody."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime import leaving
from edgecls.edge_runtime.engines import watched as module
from edgecls.edge_runtime.engines.watched import Interrupted, watched
from edgecls.edge_runtime.errors import EngineStuck, InvalidOutput
from tests.fakes import FakeEngine

IMAGE = np.zeros((32, 32, 3), np.uint8)


@pytest.fixture(autouse=True)
def stuck(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was noted as stuck."""
    noted: list[str] = []
    monkeypatch.setattr(leaving, "_stuck", noted)
    return noted


class Busy(FakeEngine):
    """Answers once `answer_now` is set, after `work` is done."""

    def __init__(self, work=lambda: None) -> None:
        super().__init__([0.1, 0.9])
        self.answer_now = threading.Event()
        self._work = work

    def probabilities(self, image):
        kept = self._work()
        self.answer_now.wait(60)
        del kept
        return super().probabilities(image)


def test_answers_and_errors_come_through_as_they_are(stuck):
    class Failing(FakeEngine):
        def probabilities(self, image):
            if image[0, 0, 0]:
                raise InvalidOutput("no number; export it again")
            return super().probabilities(image)

    engine = Failing([0.25, 0.75])
    with watched(engine, "a.onnx", 0) as watching:
        assert (watching.name, watching.input_size_px, watching.classes) == ("fake 1.0", (32, 32), 2)
        assert watching.probabilities(IMAGE).tolist() == [0.25, 0.75]
        with pytest.raises(InvalidOutput, match=r"^no number; export it again$"):
            watching.probabilities(IMAGE + 1)
        assert watching.probabilities(IMAGE).tolist() == [0.25, 0.75]
    assert not engine.closed  # its owner does that
    assert not stuck


def test_the_thread_ends_with_the_block():
    before = threading.active_count()
    with watched(FakeEngine([0.5, 0.5]), "a.onnx", 0):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_slow_answer_is_waited_for(stuck):
    engine = Busy()
    threading.Timer(0.1, engine.answer_now.set).start()
    with watched(engine, "a.onnx", 0) as watching:
        assert watching.probabilities(IMAGE).argmax() == 1
    assert not stuck


def test_no_answer_in_time_is_an_error_that_names_the_model(monkeypatch, stuck):
    monkeypatch.setattr(module, "LIMIT_S", 0.1)
    engine = Busy()
    with watched(engine, "a.onnx", 0) as watching, pytest.raises(EngineStuck) as raised:
        watching.probabilities(IMAGE)
    engine.answer_now.set()
    assert str(raised.value).startswith("a.onnx: fake 1.0 has not answered in 0.1 s for one picture; ")
    assert raised.value.exit_code == 65
    assert stuck


def test_memory_that_grows_is_an_error(monkeypatch, stuck):
    monkeypatch.setattr(module, "MEMORY_BYTES", 30 * 2**20)
    engine = Busy(lambda: np.ones(60 * 2**20, np.uint8))
    with (
        watched(engine, "a.onnx", 0) as watching,
        pytest.raises(EngineStuck, match=r"fake 1\.0 takes \d+ MB"),
    ):
        watching.probabilities(IMAGE)
    engine.answer_now.set()
    assert stuck
    engine = Busy(lambda: np.ones(60 * 2**20, np.uint8))
    threading.Timer(0.1, engine.answer_now.set).start()
    with watched(engine, "a.onnx", 10 * 2**20) as watching:  # a large model may take more
        watching.probabilities(IMAGE)


def test_a_request_to_stop_does_not_wait_for_it(monkeypatch, stuck):
    monkeypatch.setattr(module, "STOPPING_S", 0.05)
    engine = Busy()
    with watched(engine, "a.onnx", 0, lambda: True) as watching, pytest.raises(Interrupted):
        watching.probabilities(IMAGE)
    engine.answer_now.set()
    assert stuck


def test_a_stuck_thread_does_not_keep_the_process(tmp_path: Path):
    program = (
        "import threading\n"
        "from edgecls.edge_runtime.leaving import leave, note_stuck\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "print('the last words', end='')\n"
        "note_stuck('a thread'); leave(65)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (65, "the last words")
