"""Golden frames hold on this machine, and each fault that a device could have makes them fail."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.models import golden
from edgecls.edge_runtime.models.golden import replay_golden
from edgecls.edge_runtime.models.model_file import read_model

FILES = ("tflite", "onnx", "int8 tflite", "int8 onnx")


@pytest.fixture(params=range(4), ids=FILES)
def model(request, tiny):
    return read_model(tiny.files[request.param])


class Faulty:
    """A real engine with a fault in front of it or behind it."""

    def __init__(self, engine, before=lambda image: image, after=lambda answer: answer):
        self._engine, self._before, self._after = engine, before, after
        self.name, self.input_size_px, self.classes = engine.name, engine.input_size_px, engine.classes

    def probabilities(self, image):
        return self._after(self._engine.probabilities(self._before(image)))

    def close(self):
        self._engine.close()


def fails(results) -> bool:
    return not all(result.holds for result in results)


def test_they_hold_where_they_were_made(model):
    results = replay_golden(open_engine(model), model.card)
    assert results
    assert not fails(results)
    assert all(result.input_difference == 0 and result.largest_difference < 1e-6 for result in results)


def test_they_show_several_classes_within_the_budget(model):
    assert len({frame.label for frame in model.card.golden}) >= 3
    taken = sum(len(frame.picture) for frame in model.card.golden)
    assert taken <= max(32 * 1024, len(model.content) // 4)


def test_they_are_larger_than_the_input_and_not_square_so_that_crop_and_resize_are_replayed(model):
    picture = decode(base64.b64decode(model.card.golden[0].picture), "golden")
    assert picture.shape == (96, 128, 3)


def test_a_wrong_channel_order_is_caught(model, monkeypatch):
    monkeypatch.setattr(golden, "prepare", lambda pixels, rule: prepare(pixels, rule)[..., ::-1].copy())
    results = replay_golden(open_engine(model), model.card)
    assert fails(results)
    assert any("channel order" in result.reason for result in results)


def test_a_channel_order_swapped_in_front_of_the_engine_is_caught(model):
    assert fails(
        replay_golden(Faulty(open_engine(model), before=lambda image: image[..., ::-1].copy()), model.card)
    )


@pytest.mark.parametrize("rule", [{"interpolation": "linear"}, {"crop": "stretch"}])
def test_another_resize_or_crop_is_caught(model, rule):
    card = replace(model.card, image=replace(model.card.image, **rule))
    results = replay_golden(open_engine(model), card)
    assert fails(results)
    assert all(result.input_difference > 1 for result in results)


def test_another_scale_is_caught(model):
    engine = Faulty(open_engine(model), before=lambda image: (image // 2).astype(np.uint8))
    results = replay_golden(engine, model.card)
    assert fails(results)
    assert any("engine" in result.reason for result in results)


def test_a_swapped_label_is_caught(model):
    labels = model.card.labels
    results = replay_golden(open_engine(model), replace(model.card, labels=(*labels[5:], *labels[:5])))
    assert fails(results)
    assert any("labels were changed" in result.reason for result in results)


def test_another_files_bytes_are_caught(tiny, model):
    int8 = model.card.quantisation is not None
    other = read_model(tiny.files[0 if int8 else 2])  # float32 for int8, and the other way round
    assert fails(replay_golden(open_engine(other), model.card))


def test_an_engine_that_computes_differently_is_caught(model):
    engine = Faulty(open_engine(model), after=lambda answer: np.roll(answer * np.float32(0.9), 0))
    assert fails(replay_golden(engine, model.card))


def test_not_a_number_is_caught(model):
    engine = Faulty(open_engine(model), after=lambda answer: answer * np.float32("nan"))
    results = replay_golden(engine, model.card)
    assert fails(results)
    assert results[0].largest_difference == float("inf")


def test_one_rounded_pixel_is_no_fault(model, monkeypatch):
    def rounded(pixels, rule):
        image = prepare(pixels, rule)
        image[3, 3, 0] ^= 1
        return image

    monkeypatch.setattr(golden, "prepare", rounded)
    results = replay_golden(open_engine(model), model.card)
    assert not fails(results)
    assert all(0 < result.input_difference < 1 for result in results)
