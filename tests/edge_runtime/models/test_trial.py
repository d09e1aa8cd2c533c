"""A file is opened and run in another process first, sealed or not, and once it has passed no more."""

from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import passed, trial
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.find import find_model
from edgecls.edge_runtime.models.model_file import ModelFile, attach_to_tflite, read_model
from edgecls.edge_runtime.models.trial import check_model, pictures
from tests.hostile_networks import (
    CARD,
    ENDLESS_ROUNDS,
    as_large_as_asked,
    as_long_as_asked,
    harmless,
    sealed,
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(passed, "_in_this_process", set())


def written(folder: Path, content: bytes, name: str = "model.onnx") -> ModelFile:
    (folder / name).write_bytes(content)
    return read_model(folder / name)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("it was tried again")


def test_a_file_that_runs_passes_once(tmp_path: Path, monkeypatch):
    model = written(tmp_path, sealed(harmless()))
    with pytest.MonkeyPatch.context() as context:
        context.setattr(trial, "ask_worker", refuse)
        with pytest.raises(AssertionError):
            check_model(model)
    open_engine(model).close()
    monkeypatch.setattr(trial, "ask_worker", refuse)
    monkeypatch.setattr(passed, "_in_this_process", set())  # the next start
    open_engine(model).close()
    other = written(tmp_path, sealed(harmless(), ModelCard(("a", "c"), ImageRule(4, 4))))
    with pytest.raises(AssertionError):  # another file, even of the same network
        open_engine(other)


def test_memory_that_grows_with_the_picture_is_one_line(tmp_path: Path):
    model = written(tmp_path, sealed(as_large_as_asked(2**30, only_on_grey=False)))
    with pytest.raises(BadModel, match=r"model\.onnx: .*onnxruntime cannot run it") as raised:
        open_engine(model)
    assert "\n" not in str(raised.value)
    assert not passed.has_passed(model.sha256, "run")


def test_a_loop_that_does_not_end_is_one_line(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(trial, "TRIAL_TIME_S", 3.0)
    model = written(tmp_path, sealed(as_long_as_asked(ENDLESS_ROUNDS, only_on_grey=False)))
    with pytest.raises(BadModel, match=r"model\.onnx: reading it took more than 3 s"):
        open_engine(model)


def test_a_broken_file_in_a_folder_is_passed_over(tmp_path: Path):
    written(tmp_path, attach_to_tflite(b"\x1c\0\0\0TFL3" + bytes(64), CARD), "best_int8.tflite")
    good = written(tmp_path, sealed(harmless()))
    notes: list[str] = []
    assert find_model(tmp_path, on_note=notes.append).path == good.path
    (note,) = notes
    assert note.startswith(f"{tmp_path}/best_int8.tflite: ")
    assert note.endswith(f"; using {good.path}")


def test_the_pictures_reach_every_extreme():
    shown = list(pictures(6, 9))
    assert all(picture.shape == (6, 9, 3) and picture.dtype == np.uint8 for picture in shown)
    assert {int(picture.min()) for picture in shown} >= {0, 255}
    assert any((picture == 0).all() for picture in shown)
    assert any((picture == 255).all() for picture in shown)
    assert len({picture.tobytes() for picture in shown}) == len(shown)
